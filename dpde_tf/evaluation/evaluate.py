"""Scores of a folder of predictions: `dpde_tf.evaluate`."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence

from dpde_tf.data import manifest
from dpde_tf.evaluation.protocols import choose_protocols
from dpde_tf.evaluation.score_files import score_predictions, write_scores
from dpde_tf.files.folders import normalized
from dpde_tf.files.predictions import PredictionFolder


@dataclasses.dataclass(frozen=True)
class Comparison:
    """With what to compare.

    Attributes:
        folder: Other predictions of the same images, or None for the same folder.
        key: Array to compare with; None for that of the same name.
    """

    folder: PredictionFolder | None = None
    key: str | None = None

    def pairs(
        self, predictions: PredictionFolder, keys: Sequence[str]
    ) -> tuple[dict[str, tuple[PredictionFolder, str]], dict[str, tuple[str, str]]]:
        """Returns the arrays to score besides, and titles of pairs of arrays.

        Args:
            predictions: The scored folder.
            keys: Its scored arrays.

        Returns:
            As `score_predictions` and `write_scores` take them.

        Raises:
            ValueError: If an array would be compared with itself only.
        """
        if self.folder is None and self.key is None:
            return {}, {}
        arrays, titles = {}, {}
        for key in keys:
            other = self.key or key
            if self.folder is None:
                if other != key:
                    arrays[other] = (predictions, other)
                    titles[f"{key} - {other}"] = (key, other)
                continue
            label = f"{self.folder.directory.name}/{other}"
            arrays[label] = (self.folder, other)
            titles[f"{predictions.directory.name}/{key} - {label}"] = (key, label)
        if not titles:
            raise ValueError(
                f"Nothing to compare {self.key!r} with: it is the only array that is "
                "scored. Give others with --keys, or a folder with --compare_with."
            )
        return arrays, titles


def evaluate(
    predictions: str | os.PathLike | PredictionFolder,
    records: str | os.PathLike,
    *,
    protocols: Sequence[str] = ("paper",),
    split: str = "test",
    keys: Sequence[str] | None = None,
    output: str | os.PathLike | None = None,
    comparison: Comparison | None = None,
    allow_partial: bool = False,
    depth_scale: float | None = None,
    seed: int = 0,
) -> dict:
    """Scores predicted depth of any network against a record set.

    Args:
        predictions: Folder with one file (NPZ, NPY, PFM, TIFF or 16-bit PNG) for each
            record of the split, named like the record.
        records: Folder of the record set.
        protocols: Names of protocols, or `all` for those of the data set; see
            `dpde_tf.evaluation.protocols`.
        split: The scored split.
        keys: Arrays of NPZ files to score; None for all that hold depth.
        output: Folder for `summary.json` and `per_image.csv`; None writes nothing.
        comparison: With what to compare; None for nothing.
        allow_partial: Whether to leave out records and files without a counterpart.
        depth_scale: Metres per integer, for files that hold integers.
        seed: Of the bootstrap.

    Returns:
        What `summary.json` holds: under `protocols`, by name, the `results` of each
        array with their 95 % intervals.

    Raises:
        FileNotFoundError: If a folder or a prediction is missing.
        ValueError: If a protocol is unknown, or a prediction is broken.
    """
    directory = pathlib.Path(records)
    if not isinstance(predictions, PredictionFolder):
        predictions = PredictionFolder.open(predictions, depth_scale=depth_scale)
    listed = manifest.read_manifest(directory)
    listed_split = listed.split(split)
    chosen = choose_protocols(protocols, dataset=listed.dataset, split=split)
    comparison = comparison or Comparison()
    names = predictions.common_names(listed_split.names, allow_partial=allow_partial)
    if comparison.folder:
        names = comparison.folder.common_names(names, allow_partial=True)
        if not allow_partial and len(names) < listed_split.num_records:
            comparison.folder.common_names(listed_split.names)
    keys = list(keys or predictions.depth_keys())
    others, titles = comparison.pairs(predictions, keys)
    scores = score_predictions(
        {**{key: (predictions, key) for key in keys}, **others},
        directory,
        split=split,
        names=names,
        protocols=chosen,
        depth_range=listed_split.depth_max,
    )
    description = {
        "dataset": listed.dataset,
        "split": split,
        "num_images": len(names),
        "predictions": str(predictions.directory),
        "records": str(directory),
        "depth_range": listed_split.depth_max,
    }
    if allow_partial:
        description["left_out"] = {
            "records": sorted(set(listed_split.names) - set(names)),
            "predictions": sorted(set(predictions.files) - set(map(normalized, names))),
        }
    return write_scores(
        scores,
        output,
        description=description,
        protocols=chosen,
        keys=keys,
        comparisons=titles,
        image_size=listed.image_size,
        seed=seed,
    )
