"""Scores of a folder of predictions: `dpde_tf.evaluate`."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence

from dpde_tf.data import manifest
from dpde_tf.evaluation.protocols import choose_protocols
from dpde_tf.evaluation.scenes import scene_numbers
from dpde_tf.evaluation.score_files import score_predictions, write_scores
from dpde_tf.files.depth_units import check_scale_has_integers
from dpde_tf.files.folders import normalized
from dpde_tf.files.predictions import PredictionFolder
from dpde_tf.metrics.similarity import RANGES


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Predictions to compare with.

    Attributes:
        folder: Other predictions of the same images; None for the scored folder.
        key: Array to compare with; None for the array of the same name.
    """

    folder: PredictionFolder | None = None
    key: str | None = None

    def pairs(
        self, predictions: PredictionFolder, keys: Sequence[str]
    ) -> tuple[dict[str, tuple[PredictionFolder, str]], dict[str, tuple[str, str]]]:
        """Returns the arrays to score in addition, and the titles of the pairs.

        Args:
            predictions: Scored folder.
            keys: Scored arrays of that folder.

        Returns:
            Both in the form that `score_predictions` and `write_scores` take.

        Raises:
            ValueError: If an array would only be compared with itself.
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
                f"There is nothing to compare {self.key!r} with: it is the only scored "
                "array. Name others with `keys`, or a folder with `compare_with`."
            )
        return arrays, titles


def evaluate(
    predictions: str | os.PathLike | PredictionFolder,
    records: str | os.PathLike,
    *,
    protocols: str | Sequence[str] = ("paper",),
    split: str = "test",
    keys: str | Sequence[str] | None = None,
    output: str | os.PathLike | None = None,
    comparison: Comparison | None = None,
    allow_partial: bool = False,
    depth_scale: float | None = None,
    similarity_range: str = "robust",
    seed: int = 0,
) -> dict:
    """Scores the depth predicted by any network against a record set.

    Args:
        predictions: Folder with one file (NPZ, NPY, PFM, TIFF or 16-bit PNG) for each
            record of the split, named like the record.
        records: Folder of the record set.
        protocols: One or more names of protocols, or `all` for all protocols of the
            data set; see `dpde_tf.evaluation.protocols`.
        split: Split to score.
        keys: One or more arrays of NPZ files to score; None for all that hold depth.
        output: Folder for `summary.json` and `per_image.csv`; None to write no files.
        comparison: Predictions to compare with, or None.
        allow_partial: Whether to skip records and files without a counterpart.
        depth_scale: Metres per stored integer, for files that hold integers.
        similarity_range: Depth that SSIM and GSM show as 255: `robust` (98th percentile
            of the true depths of the image), `image` (the largest one) or `split` (the
            largest of the split).
        seed: Seed of the bootstrap.

    Returns:
        The content of `summary.json`. Its entry `protocols` holds, by protocol, the
        `results` of each array with 95 % intervals.

    Raises:
        FileNotFoundError: If a folder or a prediction is missing.
        ValueError: If a protocol or a range is unknown, a prediction is damaged, or
            `depth_scale` is given and no file holds integers.
    """
    if similarity_range not in RANGES:
        raise ValueError(
            f"`similarity_range` must be one of {RANGES}. Received: "
            f"{similarity_range!r}."
        )
    directory = pathlib.Path(records)
    if not isinstance(predictions, PredictionFolder):
        predictions = PredictionFolder.open(predictions, depth_scale=depth_scale)
        check_scale_has_integers(
            predictions.files.values(), depth_scale, flag="depth_scale"
        )
    protocols = [protocols] if isinstance(protocols, str) else protocols
    keys = [keys] if isinstance(keys, str) else keys
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
        depth_range=(
            listed_split.depth_max if similarity_range == "split" else similarity_range
        ),
    )
    description = {
        "dataset": listed.dataset,
        "split": split,
        "num_images": len(names),
        "predictions": str(predictions.directory),
        "records": str(directory),
        "similarity_range": similarity_range,
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
        scenes=scene_numbers(listed_split.names, names),
        seed=seed,
    )
