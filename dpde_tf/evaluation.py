"""Scores of a folder of predictions against the ground truth of a record set.

Images are read one at a time, and the rows of the images are written as they come, so
memory does not grow with the size of the test set.
"""

import collections
import csv
import dataclasses
import itertools
import json
import pathlib
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from dpde_tf import metrics, protocols
from dpde_tf.atomic_files import write_whole
from dpde_tf.data import records
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.prediction_files import read_prediction, some_names

SUMMARY_FILE = "summary.json"
ROWS_FILE = "per_image.csv"
_COLUMNS = ("name", "protocol", "key", "num_pixels", *metrics.METRIC_NAMES)


@dataclasses.dataclass(frozen=True)
class ImageScore:
    """Errors of one array of one image under one protocol.

    Attributes:
        name: Name of the record.
        protocol: Name of the protocol.
        key: Key of the predicted array, such as `depth` or `fused`.
        sums: Sums over the compared pixels.
    """

    name: str
    protocol: str
    key: str
    sums: metrics.ErrorSums


class ScoreTotals:
    """Running totals over images: the pooled measures and the mean over images."""

    def __init__(self) -> None:
        """Starts without any image."""
        self._pooled = metrics.ErrorSums()
        self._per_image = dict.fromkeys(metrics.METRIC_NAMES, 0.0)
        self._num_images = 0

    def add(self, sums: metrics.ErrorSums) -> None:
        """Adds one image; one without compared pixels counts for nothing."""
        if sums.num_pixels == 0:
            return
        self._pooled += sums
        self._num_images += 1
        for name, value in sums.metrics().items():
            self._per_image[name] += value

    def results(self) -> dict:
        """Returns `pooled` and `per_image_mean` measures and what they are made of.

        Raises:
            ValueError: If no pixel of any image was compared.
        """
        pooled = self._pooled.metrics()
        means = {name: s / self._num_images for name, s in self._per_image.items()}
        return {
            "pooled": pooled,
            "per_image_mean": means,
            "num_pixels": self._pooled.num_pixels,
            "num_images": self._num_images,
        }


def read_split(
    directory: str | pathlib.Path, split: str, *, names: Collection[str] | None = None
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yields the records of a split one by one, in the order of the manifest.

    Args:
        directory: Folder of the record set.
        split: Such as `test`.
        names: Records to read, the others are skipped undecoded; None for all.

    Yields:
        Name, image (RGB, uint8 `[H, W, 3]`), depth (metres, float32 `[H, W]`).

    Raises:
        FileNotFoundError: If the folder is not a record set, or a shard is missing.
        ValueError: If a name is not in the split, or the shards do not hold what the
            manifest says.
    """
    record_set = RecordSet.open(directory, split)
    listed = record_set.split.names
    if unknown := set(names or ()) - set(listed):
        raise ValueError(
            f"Split {split!r} of {directory} has no record {some_names(unknown)}."
        )
    selected = np.array([names is None or name in names for name in listed])
    due = [name for name in listed if names is None or name in names]
    chosen = dataclasses.replace(record_set, selected=selected)
    try:
        for name, (_, serialized) in zip(due, chosen.serialized(), strict=True):
            record = records.decode_record(serialized)
            if (stored := record["name"].numpy().decode()) != name:
                raise ValueError(f"{stored!r} lies in the place of {name!r}")
            yield stored, record["image"].numpy(), record["depth"].numpy()[..., 0]
    except (ValueError, tf.errors.DataLossError) as error:
        raise ValueError(
            f"The shards of split {split!r} in {directory} do not hold what the "
            f"manifest lists ({error}). Convert the raw data again."
        ) from error


def score_predictions(
    predictions: str | pathlib.Path,
    directory: str | pathlib.Path,
    *,
    split: str,
    keys: Sequence[str],
    protocol_names: Sequence[str],
) -> Iterator[ImageScore]:
    """Yields the errors of each image, for each protocol and key.

    Args:
        predictions: Folder of `.npz` files, one for each record of the split.
        directory: Folder of the record set.
        split: Such as `test`.
        keys: Arrays to score.
        protocol_names: Keys of `protocols.PROTOCOLS`.

    Yields:
        Scores, image by image.

    Raises:
        FileNotFoundError: If predictions are missing.
        ValueError: If a protocol is unknown, or a prediction is superfluous, broken,
            lacks a key or cannot be scored.
    """
    chosen = [protocols.find_protocol(name) for name in protocol_names]
    for name, _, ground_truth in read_split(directory, split):
        path = pathlib.Path(predictions) / f"{name}.npz"
        arrays = read_prediction(path, keys)
        for protocol, key in itertools.product(chosen, keys):
            try:
                sums = protocols.score_prediction(
                    ground_truth, arrays[key], protocol=protocol
                )
            except ValueError as error:
                raise ValueError(f"{key!r} in {path}: {error}") from error
            yield ImageScore(name, protocol.name, key, sums)


def _row(score: ImageScore) -> list:
    """A line of the table of images; no measures where no pixel was compared."""
    values = score.sums.metrics().values() if score.sums.num_pixels else ()
    return [score.name, score.protocol, score.key, score.sums.num_pixels, *values]


def write_scores(
    scores: Iterable[ImageScore], output: str | pathlib.Path, *, description: dict
) -> dict:
    """Writes `per_image.csv` and `summary.json`, and returns the summary.

    Args:
        scores: Errors of the images; read once, written as they come.
        output: Folder; made if need be.
        description: What was scored: the first fields of the summary.

    Returns:
        `description`, and under `protocols` the name of each protocol with its
        `description` and the `results` of each key, as `ScoreTotals.results`.

    Raises:
        ValueError: If under some protocol no pixel was compared.
    """
    output = pathlib.Path(output)
    totals = collections.defaultdict(ScoreTotals)
    with write_whole(output / ROWS_FILE) as path, path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for score in scores:
            writer.writerow(_row(score))
            totals[score.protocol, score.key].add(score.sums)
    summary = {**description, "protocols": {}}
    for (protocol, key), total in totals.items():
        entry = summary["protocols"].setdefault(
            protocol,
            {"description": protocols.PROTOCOLS[protocol].description, "results": {}},
        )
        entry["results"][key] = total.results()
    with write_whole(output / SUMMARY_FILE) as path:
        path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return summary
