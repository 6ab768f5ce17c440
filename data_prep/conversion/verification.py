"""Checks a record set against its manifest.

Every shard must have the size and the SHA-256 in the manifest. Every record must have
the expected name, the image size in the manifest, and a depth that is finite, not
negative and measured somewhere. The depth statistics of each split must match the
manifest.
"""

import dataclasses
import math
import pathlib
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from dpde_tf.data import manifest
from dpde_tf.data.records import decode_record, without_tuning
from dpde_tf.files.errors import one_line

_REMEDY = "Convert the raw data again, with --overwrite."
# The order of float64 sums depends on the versions of Python and NumPy. This changes a
# mean by less than the tolerance; one changed float32 value or one extra pixel changes
# it by more.
_RELATIVE_TOLERANCE = 1e-10


@dataclasses.dataclass
class _DepthStatistics:
    """Statistics of the measured depths of a split, accumulated in float64."""

    num_pixels: int = 0
    num_measured: int = 0
    depth_sum: float = 0.0
    depth_min: float = math.inf
    depth_max: float = 0.0

    def add(self, depth: np.ndarray) -> None:
        """Adds a depth map with at least one measurement."""
        measured = depth[depth > 0].astype(np.float64)
        self.num_pixels += depth.size
        self.num_measured += measured.size
        self.depth_sum += float(measured.sum())
        self.depth_min = min(self.depth_min, float(measured.min()))
        self.depth_max = max(self.depth_max, float(measured.max()))

    def check(self, directory: pathlib.Path, name: str, split: manifest.Split) -> None:
        """Raises a ValueError if the manifest has other values."""
        found = {
            "depth_min": self.depth_min,
            "depth_max": self.depth_max,
            "depth_mean": self.depth_sum / self.num_measured,
            "valid_fraction": self.num_measured / self.num_pixels,
        }
        for field, value in found.items():
            stated = getattr(split, field)
            if not math.isclose(stated, value, rel_tol=_RELATIVE_TOLERANCE):
                raise ValueError(
                    f"{directory / manifest.FILE_NAME} must give the {field} of the "
                    f"records of {name!r}, which is {value!r}; it gives {stated!r}. "
                    f"{_REMEDY}"
                )


def _check_record(
    record: dict[str, np.ndarray],
    name: str,
    image_size: tuple[int, int],
    path: pathlib.Path,
) -> None:
    """Raises a ValueError if a decoded record breaks a rule."""
    found = record["name"].decode(errors="replace")
    if found != name:
        raise ValueError(f"{path}: expected {name!r}, found {found!r}. {_REMEDY}")
    shapes = record["image"].shape, record["depth"].shape
    if shapes != ((*image_size, 3), (*image_size, 1)):
        raise ValueError(
            f"{path}: image and depth of {name!r} must have the size {image_size}; "
            f"their shapes are {shapes}. {_REMEDY}"
        )
    depth = record["depth"]
    if not np.isfinite(depth).all() or depth.min() < 0 or depth.max() == 0:
        raise ValueError(
            f"{path}: the depth of {name!r} must be finite, at least 0 and measured "
            f"somewhere; it goes from {depth.min()} to {depth.max()} m. {_REMEDY}"
        )


def _read_records(path: pathlib.Path) -> Iterator[dict[str, np.ndarray]]:
    """Yields the decoded records of a shard."""
    records = tf.data.TFRecordDataset(str(path)).with_options(without_tuning())
    examples = records.map(decode_record, 2)
    try:
        yield from examples.as_numpy_iterator()
    # TensorFlow quotes bytes of a record, which need not be text.
    except (tf.errors.OpError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} must hold records; one of them is invalid ({one_line(error)}). "
            f"{_REMEDY}"
        ) from error


def _check_split(
    directory: pathlib.Path, name: str, split: manifest.Split, size: tuple[int, int]
) -> None:
    """Raises an error if a split does not match the manifest."""
    if sum(shard.num_records for shard in split.shards) != split.num_records:
        raise ValueError(
            f"{directory}: the shards of {name!r} must hold {split.num_records} "
            f"records in all, as many as the manifest has names. {_REMEDY}"
        )
    due = iter(split.names)
    statistics = _DepthStatistics()
    progress = keras.utils.Progbar(split.num_records, unit_name=name)
    for shard in split.shards:
        path = directory / shard.file
        manifest.check_shards(directory, dataclasses.replace(split, shards=(shard,)))
        count = 0
        for record in _read_records(path):
            count += 1
            if count > shard.num_records:
                break
            _check_record(record, next(due), size, path)
            statistics.add(record["depth"])
            progress.add(1)
        if count != shard.num_records:
            raise ValueError(
                f"{path} must hold {shard.num_records} records exactly. {_REMEDY}"
            )
    statistics.check(directory, name, split)


def verify_record_set(directory: str | pathlib.Path) -> manifest.Manifest:
    """Reads a whole record set and returns its manifest if everything matches.

    Args:
        directory: Folder of the record set.

    Returns:
        Manifest of the record set.

    Raises:
        FileNotFoundError: If the manifest or a shard is missing.
        ValueError: If a shard, a record or a depth statistic does not match the
            manifest.
    """
    directory = pathlib.Path(directory)
    described = manifest.read_manifest(directory)
    for name, split in described.splits.items():
        _check_split(directory, name, split, described.image_size)
    return described


def format_table(described: manifest.Manifest) -> str:
    """Returns a short text table of a record set.

    Args:
        described: Manifest of the record set.

    Returns:
        One line with name and size, one with headings, and one for each split.
    """
    height, width = described.image_size
    row = "{:12} {:>7} {:>6} {:>8} {:>8} {:>8} {:>8}"
    lines = [f"{described.dataset}, {height} x {width}"]
    headings = ("split", "records", "MB", "min m", "mean m", "max m", "valid")
    lines.append(row.format(*headings))
    for name, split in described.splits.items():
        megabytes = sum(shard.num_bytes for shard in split.shards) / 1e6
        depths = (split.depth_min, split.depth_mean, split.depth_max)
        lines.append(
            row.format(
                name,
                split.num_records,
                f"{megabytes:.0f}",
                *(f"{depth:.3f}" for depth in depths),
                f"{100 * split.valid_fraction:.1f} %",
            )
        )
    return "\n".join(lines)
