"""Checks, resizes and serialises one pair of image and depth map."""

import dataclasses
from collections.abc import Callable

import numpy as np

from dpde_tf.data import records
from dpde_tf.files.images import resize_image
from dpde_tf.files.resizing import resize_depth

# A depth map with a median outside this range (metres) is in another unit.
_PLAUSIBLE_MEDIAN = (0.1, 100.0)


@dataclasses.dataclass(frozen=True)
class Pair:
    """One image with its depth map, not loaded yet.

    Attributes:
        name: Name of the record, unique in its split.
        origin: Where the depth comes from, for messages: a file, or a file and
            an index in it.
        load: Function that returns the image (RGB, uint8 `[H, W, 3]`) and the depth
            (metres, float32 `[H, W]`, 0 = no measurement), each at its own size. It is
            called in another thread.
        shrinking: How the image is shrunk: `area` or `bilinear`, see `resize_image`.
    """

    name: str
    origin: str
    load: Callable[[], tuple[np.ndarray, np.ndarray]]
    shrinking: str = "area"


@dataclasses.dataclass(frozen=True)
class EncodedPair:
    """One serialised record with the statistics of its depth.

    Attributes:
        serialized: Serialised `tf.train.Example`.
        image_size: (height, width).
        num_measured: Number of measured pixels, at least 1.
        depth_sum: Sum of the measured depths, metres.
        depth_min: Smallest measured depth, metres.
        depth_max: Largest measured depth, metres.
    """

    serialized: bytes
    image_size: tuple[int, int]
    num_measured: int
    depth_sum: float
    depth_min: float
    depth_max: float


def _check_depth(depth: np.ndarray, origin: str) -> None:
    """Raises a ValueError if a depth map is empty or not in metres."""
    measured = depth[depth > 0]
    if not measured.size:
        raise ValueError(
            f"{origin} must have a measured depth somewhere; it has none. Remove the "
            "pair, fetch the file again, or check --invalid_value and --max_depth."
        )
    median, (low, high) = float(np.median(measured)), _PLAUSIBLE_MEDIAN
    if not low <= median <= high:
        raise ValueError(
            f"{origin} must be in metres: the median of its depth must lie between "
            f"{low} and {high}, and is {median:.6g}. Probably it is in millimetres or "
            "centimetres: give --depth_scale, the metres per stored integer, to "
            "`python -m data_prep.rgbd_folder` (floating-point files must be in "
            "metres), or check the raw file."
        )


def encode_pair(pair: Pair, image_size: tuple[int, int] | None) -> EncodedPair:
    """Returns the record of one pair.

    Args:
        pair: Pair to load.
        image_size: (height, width) of the record; None keeps the size of the pair.

    Returns:
        Record with the statistics of its depth.

    Raises:
        ValueError: If the depth has no measurement or a unit other than metres,
            or if the sizes of image and depth differ and `image_size` is None.
    """
    image, depth = pair.load()
    _check_depth(depth, pair.origin)
    if image_size:
        image = resize_image(image, image_size, shrinking=pair.shrinking)
        depth = resize_depth(depth[..., np.newaxis], image_size).numpy()[..., 0]
    measured = depth[depth > 0].astype(np.float64)
    if not measured.size:
        raise ValueError(
            f"{pair.origin} must have a measured depth at {image_size}; its "
            "measurements are too sparse for that size. Convert it at its own."
        )
    return EncodedPair(
        serialized=records.encode_record(pair.name, image, depth),
        image_size=depth.shape,
        num_measured=measured.size,
        depth_sum=float(measured.sum()),
        depth_min=float(measured.min()),
        depth_max=float(measured.max()),
    )
