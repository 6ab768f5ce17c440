"""Composites images with transparent parts."""

import cv2
import numpy as np

from dpde_tf.files.image_bits import eight_bits, found_bits

# Middle grey, the background of transparent parts.
_GREY = 128


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


def composite_over_grey(image: np.ndarray, opacity: np.ndarray) -> None:
    """Composites an image over grey, (128, 128, 128), in place.

    Args:
        image: RGB, uint8 `[H, W, 3]`; pixels that are not opaque are changed.
        opacity: uint8 `[H, W]`, 255 = opaque.
    """
    clear = opacity < 255
    share = opacity[clear, np.newaxis] / np.float32(255)
    image[clear] = np.rint(image[clear] * share + _GREY * (1 - share))


def _turned(values: np.ndarray, exif: np.ndarray) -> np.ndarray:
    """One channel in EXIF orientation; OpenCV does not turn images of four channels."""
    _, png = cv2.imencodeWithMetadata(".png", values, [cv2.IMAGE_METADATA_EXIF], [exif])
    return cv2.imdecode(png, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
