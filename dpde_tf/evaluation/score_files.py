"""Scores predictions against the ground truth of a record set.

Images are read one at a time. Only running totals and one row in a file are kept for
each, so memory does not grow with the size of the test set.
"""

import collections
import concurrent.futures
import contextlib
import csv
import dataclasses
import functools
import os
import pathlib
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TextIO

import numpy as np
import tensorflow as tf

from dpde_tf import metrics
from dpde_tf.data import records
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.evaluation import bootstrap
from dpde_tf.evaluation.protocols import Protocol
from dpde_tf.evaluation.scoring import Scores, region_note, score_image
from dpde_tf.files.atomic import atomic_write
from dpde_tf.files.depth_maps import warn_of_unit
from dpde_tf.files.folders import normalized
from dpde_tf.files.json_files import write_json
from dpde_tf.files.predictions import PredictionFolder, some_names

SUMMARY_FILE = "summary.json"
ROWS_FILE = "per_image.csv"
_COLUMNS = ("name", "protocol", "key", "num_pixels", *metrics.MEASURE_NAMES)
_NUM_THREADS = 2

Arrays = Mapping[str, tuple[PredictionFolder, str]]
"""Maps a name to the folder of the predictions and the key of the array."""


def read_split(
    directory: str | pathlib.Path, split: str, *, names: Collection[str] | None = None
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yields the records of a split in the order of the manifest.

    Args:
        directory: Folder of the record set.
        split: Such as `test`.
        names: Records to read; the others are skipped without decoding. None for all.

    Yields:
        Name, image (RGB, uint8 `[H, W, 3]`) and depth (metres, float32 `[H, W]`).

    Raises:
        FileNotFoundError: If the folder is not a record set, or a shard is missing.
        ValueError: If a name is not in the split, or the shards do not match the
            manifest.
    """
    record_set = RecordSet.open(directory, split)
    listed = record_set.split.names
    wanted = set(map(normalized, listed if names is None else names))
    if unknown := wanted - set(map(normalized, listed)):
        raise ValueError(
            f"Split {split!r} of {directory} has no record {some_names(unknown)}."
        )
    selected = np.array([normalized(name) in wanted for name in listed])
    due = [name for name in listed if normalized(name) in wanted]
    chosen = dataclasses.replace(record_set, selected=selected)
    try:
        with records.readable_record_errors(directory, record_set.split):
            for name, (_, serialized) in zip(due, chosen.serialized(), strict=True):
                record = records.decode_record(serialized)
                if (stored := record["name"].numpy().decode()) != name:
                    raise ValueError(f"expected {name!r}, found {stored!r}")
                yield stored, record["image"].numpy(), record["depth"].numpy()[..., 0]
    except (ValueError, tf.errors.DataLossError) as error:
        raise ValueError(
            f"The shards of split {split!r} in {directory} do not match the manifest "
            f"({error}). Convert the raw data again."
        ) from error


def score_predictions(
    arrays: Arrays,
    directory: str | pathlib.Path,
    *,
    split: str,
    names: Sequence[str],
    protocols: Sequence[Protocol],
    depth_range: float | str,
) -> Iterator[tuple[str, Scores]]:
    """Yields the sums of the measures of each image, in the order of the records.

    Args:
        arrays: Predicted arrays to score.
        directory: Folder of the record set.
        split: Such as `test`.
        names: Records to score; each needs a prediction.
        protocols: Protocols to score under.
        depth_range: Depth that SSIM and GSM show as 255, see `score_image`.

    Yields:
        Name of the record, and the sums for each protocol and each name in `arrays`.

    Raises:
        ValueError: If a prediction is damaged, lacks a key or cannot be scored.
    """

    def score(name: str, ground_truth: np.ndarray) -> tuple[str, Scores]:
        """Reads and scores the predictions of one image."""
        predictions = _read_arrays(arrays, name)
        if any(protocol.alignment == "none" for protocol in protocols):
            for key, depth in predictions.items():
                warn_of_unit(depth, f"{key!r} of {name!r}")
        try:
            return name, score_image(
                ground_truth, predictions, protocols, depth_range=depth_range
            )
        except ValueError as error:
            raise ValueError(f"Prediction of {name!r}, array {error}") from error

    # OpenCV and NumPy release Python's global lock, so threads are sufficient.
    with concurrent.futures.ThreadPoolExecutor(_NUM_THREADS) as threads:
        pending: collections.deque = collections.deque()
        for name, _, ground_truth in read_split(directory, split, names=set(names)):
            pending.append(threads.submit(score, name, ground_truth))
            if len(pending) > 2 * _NUM_THREADS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _read_arrays(arrays: Arrays, name: str) -> dict[str, np.ndarray]:
    """The predicted depths of one image; each file is read once."""
    keys = collections.defaultdict(list)
    for folder, key in arrays.values():
        keys[folder.directory].append(key)
    folders = {folder.directory: folder for folder, _ in arrays.values()}
    read = {
        path: folder.read(name, list(dict.fromkeys(keys[path])))
        for path, folder in folders.items()
    }
    return {
        label: read[folder.directory][key] for label, (folder, key) in arrays.items()
    }


def write_scores(
    scores: Iterable[tuple[str, Scores]],
    output: str | pathlib.Path | None,
    *,
    description: dict,
    protocols: Sequence[Protocol],
    keys: Sequence[str],
    comparisons: Mapping[str, tuple[str, str]],
    image_size: tuple[int, int],
    scenes: Mapping[str, int] | None = None,
    seed: int = 0,
) -> dict:
    """Writes `per_image.csv` and `summary.json`, and returns the summary.

    Args:
        scores: Result of `score_predictions`; it is consumed once, row by row.
        output: Folder, created if missing; None to write no files.
        description: First fields of the summary, which tell what was scored.
        protocols: Protocols to score under.
        keys: Arrays to report as results; the others only serve comparisons.
        comparisons: Names of minuend and subtrahend by title.
        image_size: (height, width) of the ground truth.
        scenes: Scene of each image by name; None if they are not known. Intervals are
            then the wider of those over images and over scenes.
        seed: Seed of the bootstrap.

    Returns:
        The fields of `description`, `bootstrap` and `protocols`. Each protocol has its
        fields, a `note` on how the size of the ground truth changed the comparison
        (None if it did not), the `results` of each key (see `ScoreTotals.results`) and
        `comparisons` (see `bootstrap.difference`).

    Raises:
        ValueError: If a protocol compared no pixel at all.
    """
    totals = collections.defaultdict(
        functools.partial(bootstrap.ScoreTotals, by_scene=scenes is not None)
    )
    with _rows_file(output) as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for index, (name, image_scores) in enumerate(scores):
            scene = None if scenes is None else scenes[name]
            draws = bootstrap.image_draws(index, scene=scene, seed=seed)
            for (protocol, key), sums in image_scores.items():
                writer.writerow([name, protocol, key, *_cells(sums)])
                totals[protocol, key].add(sums, draws)
        # Here, so that no rows are written if it cannot be made.
        summary = {
            **description,
            "bootstrap": {
                "replicates": bootstrap.NUM_REPLICATES,
                "confidence": bootstrap.CONFIDENCE,
                "seed": seed,
                **({} if scenes is None else {"scenes": len(set(scenes.values()))}),
            },
            "protocols": {},
        }
        for protocol in protocols:
            summary["protocols"][protocol.name] = {
                **dataclasses.asdict(protocol),
                "note": region_note(protocol, image_size),
                "results": {key: totals[protocol.name, key].results() for key in keys},
                "comparisons": {
                    title: bootstrap.difference(
                        *(totals[protocol.name, k] for k in pair)
                    )
                    for title, pair in comparisons.items()
                },
            }
    if output is not None:
        write_json(pathlib.Path(output) / SUMMARY_FILE, summary, allow_nan=False)
    return summary


@contextlib.contextmanager
def _rows_file(output: str | pathlib.Path | None) -> Iterator[TextIO]:
    """Yields a file for the rows of single images; the null device without output."""
    if output is None:
        with pathlib.Path(os.devnull).open("w", encoding="utf-8") as file:
            yield file
        return
    # A temporary file keeps errors of the block apart from errors of the output file.
    with tempfile.TemporaryFile("w+", newline="", encoding="utf-8") as file:
        yield file
        file.seek(0)
        with atomic_write(pathlib.Path(output) / ROWS_FILE) as path:
            path.write_text(file.read(), encoding="utf-8", newline="")


def _cells(sums: np.ndarray) -> list[int | float | str]:
    """Number of pixels and measures of an image; undefined measures are blank."""
    values = metrics.measure_values(sums)
    return [int(sums[0]), *(v if np.isfinite(v) else "" for v in values.tolist())]
