"""The record: one RGB-D pair as a `tf.train.Example`, encoded and decoded here only.

Fields of an example:

| key             | type  | content                                              |
|-----------------|-------|------------------------------------------------------|
| `name`          | bytes | UTF-8 stem of the pair, unique in its split          |
| `image/encoded` | bytes | PNG, RGB, 8 bits a channel                           |
| `depth/raw`     | bytes | `height * width` little-endian float32, metres,      |
|                 |       | row by row; 0 = no measurement                       |
| `height`        | int64 | rows of the image and of the depth map               |
| `width`         | int64 | columns of the image and of the depth map            |

Both encodings are lossless, so what a converter writes is what a network reads.
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
# Of another process, so that no shard need be read to tell.
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
        The serialized example; `decode_record` gives the same arrays back.

    Raises:
        ValueError: If a type or a shape is another one.
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
    # Deterministic: the order of the fields otherwise changes with every process.
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
    """Returns options with which the end of a data set's iterator is not waited for.

    They hold for all that is made of the data set, too. The thread that tunes a data
    set sleeps for up to a minute between two looks, and the end of its iterator waits
    for it. Without it, as many calls run in parallel as there are cores, at most 16,
    from the first on.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


@contextlib.contextmanager
def open_record_writer(path: str | pathlib.Path) -> Iterator[tf.io.TFRecordWriter]:
    """Gives a writer of a TFRecord file, which is on the disk after the block.

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
    """Names the file if a block that reads records fails because of a shard.

    TensorFlow says neither which file it cannot read nor what to do.

    Args:
        directory: Folder of the record set.
        split: The split that is read.

    Yields:
        Nothing.

    Raises:
        FileNotFoundError: If TensorFlow failed, and a shard is missing.
        DamagedShardError: If TensorFlow failed, and a shard was changed, or holds a
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
    """Whether an error comes from a record, not from what is computed with it."""
    if isinstance(error, tf.errors.InvalidArgumentError | tf.errors.DataLossError):
        return "IteratorGetNext" in str(error)
    return isinstance(error, UnicodeDecodeError)
