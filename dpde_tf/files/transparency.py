"""Composites images with transparent parts."""

import cv2
import numpy as np

from dpde_tf.files.exif import tiff_number
from dpde_tf.files.image_bits import eight_bits, found_bits

# Middle grey, the background of transparent parts.
_GREY = 128
# The tag of TIFF that tells what the fourth channel is.
_EXTRA_SAMPLES, _ASSOCIATED, _UNASSOCIATED = 338, 1, 2


def read_opacity(data: bytes) -> np.ndarray | None:
    """Returns the opacity of the pixels of an image file.

    Args:
        data: All bytes of a file that OpenCV can decode.

    Returns:
        uint8 `[H, W]`, 255 = opaque, in the orientation that EXIF gives. None if all
        pixels are opaque or all are invisible, since some programs fill an unused
        channel with 0.
    """
    if data.startswith(b"\xff\xd8"):  # A JPEG, which has no opacity.
        return None
    try:
        pixels, kinds, metadata = cv2.imdecodeWithMetadata(
            np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED
        )
    except cv2.error:
        return None
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4:
        return None
    opacity = pixels[..., 3]
    for kind, content in zip(kinds, metadata, strict=True):
        if kind == cv2.IMAGE_METADATA_EXIF:
            opacity = _turned(opacity, content)
    if opacity.dtype == np.uint16:
        opacity = eight_bits(opacity, found_bits(opacity))
    return opacity if opacity.any() and opacity.min() < 255 else None


def colours_are_multiplied(data: bytes, dtype: np.dtype) -> bool:
    """Returns whether the decoded colours of a file are multiplied by the opacity.

    Args:
        data: All bytes of the file.
        dtype: Number type of the decoded pixels.

    Returns:
        True for a TIFF that stores multiplied colours, and also for an 8-bit TIFF that
        does not, since its decoder, libtiff, multiplies them.
    """
    kind = tiff_number(data, _EXTRA_SAMPLES)
    return kind == _ASSOCIATED or (kind == _UNASSOCIATED and dtype == np.uint8)


def composite_over_grey(
    image: np.ndarray, opacity: np.ndarray, *, multiplied: bool = False
) -> None:
    """Composites an image over grey, (128, 128, 128), in place.

    Args:
        image: RGB, uint8 `[H, W, 3]`; pixels that are not opaque are changed.
        opacity: uint8 `[H, W]`, 255 = opaque.
        multiplied: Whether the colours are multiplied by the opacity already.
    """
    clear = opacity < 255
    share = opacity[clear, np.newaxis] / np.float32(255)
    colours = image[clear] if multiplied else image[clear] * share
    image[clear] = np.rint(np.minimum(colours + _GREY * (1 - share), 255))


def _turned(values: np.ndarray, exif: np.ndarray) -> np.ndarray:
    """One channel in EXIF orientation; OpenCV does not turn images of four channels."""
    _, png = cv2.imencodeWithMetadata(".png", values, [cv2.IMAGE_METADATA_EXIF], [exif])
    return cv2.imdecode(png, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
