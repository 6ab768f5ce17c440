"""Reads images with the predictions of several methods."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from dpde_tf.evaluation.score_files import read_split
from dpde_tf.files.predictions import NO_DEPTH, prediction_path, read_prediction
from dpde_tf.inference.units import align_to_reference
from dpde_tf.reporting.examples import Example
from dpde_tf.reporting.run_records import gradient_source
from experiments.labelled_folders import split_labels


def parse_predictions(texts: Sequence[str]) -> dict[str, pathlib.Path]:
    """Returns the prediction folders by method.

    Args:
        texts: Assignments `LABEL=DIR`.

    Returns:
        Folders by label.

    Raises:
        FileNotFoundError: If none of the folders exists.
        ValueError: If a text lacks a label or a folder, or a label is repeated.
    """
    example = "dpde=runs/nyu/predictions/dpde"
    folders = split_labels(texts, flag="predictions", example=example)
    if not any(folder.is_dir() for folder in folders.values()):
        raise FileNotFoundError(
            f"None of the folders of --predictions exists ({', '.join(texts)}). Run "
            "`python -m experiments.predict`."
        )
    return folders


def read_examples(
    records: pathlib.Path,
    folders: Mapping[str, pathlib.Path],
    *,
    split: str,
    names: Sequence[str],
    align: str = "none",
) -> list[Example]:
    """Returns the named records with their predictions.

    Args:
        records: Folder of the record set.
        folders: Prediction folders by method; missing folders are skipped.
        split: Split of the record set.
        names: Records to read.
        align: `none`, or `median` to scale each depth map to the median of the ground
            truth; gradients and uncertainty are not changed.

    Returns:
        Examples in the order of the split; predictions of another size are resized
        bilinearly.

    Raises:
        FileNotFoundError: If a folder lacks a prediction.
        ValueError: If a name is not in the split, or a prediction is damaged.
    """
    found = []
    folders = {name: folder for name, folder in folders.items() if folder.is_dir()}
    sources = {method: gradient_source(folder) for method, folder in folders.items()}
    sources = {method: source for method, source in sources.items() if source}
    for name, image, truth in read_split(records, split, names=names):
        predictions = {
            method: _resized(
                read_prediction(prediction_path(folder, name)), truth.shape
            )
            for method, folder in folders.items()
        }
        example = Example(name, image, truth, predictions, gradient_sources=sources)
        found.append(_aligned(example) if align == "median" else example)
    return found


def _resized(
    arrays: dict[str, np.ndarray], size: tuple[int, int]
) -> dict[str, np.ndarray]:
    """Resizes the maps of a prediction; gradients stay in metres per pixel."""
    resized = {}
    for key, array in arrays.items():
        # A pixel becomes new / old pixels, so gradients shrink by that factor.
        axis = {"gradient_x": 1, "gradient_y": 0}.get(key)
        shrinking = 1.0 if axis is None else array.shape[axis] / size[axis]
        enlarged = cv2.resize(array, size[::-1], interpolation=cv2.INTER_LINEAR)
        resized[key] = enlarged * np.float32(shrinking)
    return resized


def _aligned(example: Example) -> Example:
    """Scales the depth of an example to its ground truth."""
    predictions = {
        method: {
            key: array
            if key.startswith(NO_DEPTH)
            else align_to_reference(example.ground_truth, array, alignment="median")
            for key, array in arrays.items()
        }
        for method, arrays in example.predictions.items()
    }
    note = "predictions scaled to the true median"
    return dataclasses.replace(example, predictions=predictions, note=note)
