"""Encodes and decodes records: RGB-D pairs as `tf.train.Example`.

Fields of an example:

| key             | type  | content                                              |
|-----------------|-------|------------------------------------------------------|
| `name`          | bytes | UTF-8 stem of the pair, unique in its split          |
| `image/encoded` | bytes | PNG, RGB, 8 bits per channel                         |
| `depth/raw`     | bytes | `height * width` little-endian float32, metres,      |
|                 |       | row by row; 0 = no measurement                       |
| `height`        | int64 | rows of the image and of the depth map               |
| `width`         | int64 | columns of the image and of the depth map            |

Both encodings are lossless, so a network reads exactly what a converter wrote.
"""

import contextlib
import pathlib
from collections.abc import Iterator

import cv2
import numpy as np
import tensorflow as tf

from dpde_tf.data.manifest import DamagedShardError, Split, check_shards
from dpde_tf.files.atomic import force_to_disk, unwritable
from dpde_tf.files.errors import one_line

_FEATURES = {
    "name": tf.io.FixedLenFeature([], tf.string),
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "depth/raw": tf.io.FixedLenFeature([], tf.string),
    "height": tf.io.FixedLenFeature([], tf.int64),
    "width": tf.io.FixedLenFeature([], tf.int64),
}
# Errors caused by another process; the shards need not be checked for these.
_LOST_WORKER = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.DeadlineExceededError,
    tf.errors.CancelledError,
)


def _bytes_feature(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _int64_feature(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def encode_record(name: str, image: np.ndarray, depth: np.ndarray) -> bytes:
    """Returns one RGB-D pair as a serialized `tf.train.Example`.

    Args:
        name: Stem of the pair, unique in its split.
        image: RGB, uint8 `[H, W, 3]`.
        depth: Metres, float32 `[H, W]`; 0 = no measurement.

    Returns:
        The serialized example; `decode_record` returns the same arrays.

    Raises:
        ValueError: If a type or a shape is wrong.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"The image of {name!r} must be uint8 [H, W, 3]. "
            f"Received: {image.dtype} {image.shape}."
        )
    if depth.dtype != np.float32 or depth.shape != image.shape[:2]:
        raise ValueError(
            f"The depth of {name!r} must be float32 {image.shape[:2]}, as its image. "
            f"Received: {depth.dtype} {depth.shape}."
        )
    _, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    features = {
        "name": _bytes_feature(name.encode()),
        "image/encoded": _bytes_feature(png.tobytes()),
        "depth/raw": _bytes_feature(depth.astype("<f4").tobytes()),
        "height": _int64_feature(depth.shape[0]),
        "width": _int64_feature(depth.shape[1]),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    # Without this, the order of the fields differs between processes.
    return example.SerializeToString(deterministic=True)


def decode_record(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns the pair that `encode_record` wrote.

    Args:
        serialized: Scalar string tensor, one `tf.train.Example`.

    Returns:
        `name` (string scalar), `image` (RGB, uint8 `[H, W, 3]`) and `depth`
        (metres, float32 `[H, W, 1]`; 0 = no measurement).
    """
    features = tf.io.parse_single_example(serialized, _FEATURES)
    shape = [features["height"], features["width"], 1]
    depth = tf.io.decode_raw(features["depth/raw"], tf.float32)
    return {
        "name": features["name"],
        "image": tf.io.decode_png(features["image/encoded"], channels=3),
        "depth": tf.reshape(depth, shape),
    }


def without_tuning() -> tf.data.Options:
    """Returns options that disable the automatic tuning of a data set.

    They also apply to data sets that are derived from it. The tuning thread sleeps for
    up to a minute at a time, and deleting an iterator waits for the thread. Without
    tuning, one call per core runs in parallel from the start, at most 16.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


@contextlib.contextmanager
def open_record_writer(path: str | pathlib.Path) -> Iterator[tf.io.TFRecordWriter]:
    """Yields a writer of a TFRecord file, which is flushed to disk after the block.

    Args:
        path: The file.

    Yields:
        The writer.

    Raises:
        OSError: If the file cannot be written; the message names file and remedy.
    """
    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            yield writer
    except tf.errors.OpError as error:
        raise unwritable(path, error) from error
    force_to_disk(path)


@contextlib.contextmanager
def readable_record_errors(
    directory: str | pathlib.Path, split: Split
) -> Iterator[None]:
    """Names the file and a remedy if a block cannot read the records of a shard.

    The errors of TensorFlow name neither.

    Args:
        directory: Folder of the record set.
        split: The split that is read.

    Yields:
        Nothing.

    Raises:
        FileNotFoundError: If TensorFlow failed because a shard is missing.
        DamagedShardError: If TensorFlow failed because a shard was changed, or holds a
            record that cannot be decoded.
    """
    try:
        yield
    except _LOST_WORKER:
        raise
    except (tf.errors.OpError, UnicodeDecodeError) as error:
        check_shards(directory, split)
        if not _is_of_decoding(error):
            raise
        raise DamagedShardError(
            f"A record of {directory} cannot be decoded ({one_line(error)[:200]}). "
            "Convert the raw data again, with --overwrite."
        ) from error


def _is_of_decoding(error: Exception) -> bool:
    """Whether an error comes from decoding a record, not from later computations."""
    if isinstance(error, tf.errors.InvalidArgumentError | tf.errors.DataLossError):
        return "IteratorGetNext" in str(error)
    return isinstance(error, UnicodeDecodeError)
