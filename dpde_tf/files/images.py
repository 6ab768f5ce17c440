"""Reads images, complete or not at all, and resizes them."""

import math
import pathlib
import re
from collections.abc import Iterator

import cv2
import numpy as np

from dpde_tf.files.errors import why_no_file
from dpde_tf.files.file_formats import (
    START_BYTES,
    is_avif,
    unsupported_format,
)
from dpde_tf.files.image_bits import image_to_eight_bits
from dpde_tf.files.transparency import (
    colours_are_multiplied,
    composite_over_grey,
    read_opacity,
)

# Suffixes of images in a folder, compared in lower case.
IMAGE_SUFFIXES = (
    ".avif",
    ".bmp",
    ".gif",
    ".jfif",
    ".jpeg",
    ".jpg",
    ".png",
    ".ppm",
    ".tif",
    ".tiff",
    ".webp",
)
_JPEG_START = b"\xff\xd8"
_JPEG_START_OF_SCAN = 0xDA
_JPEG_END = b"\xff\xd9"
# Frame headers, which hold the image size: the codes C0 to CF except DHT, JPG and DAC.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PNG_START = b"\x89PNG\r\n\x1a\n"
_GIF_START = b"GIF8"
_AVIF_SIZE = re.compile(rb"ispe.{4}(.{4})(.{4})", re.DOTALL)
# Upper limit for PNG (deflate: 1032 bytes from one, 8 pixels per byte), JPEG (two bits
# for 64 pixels) and GIF (12 bits for 4096 pixels).
_MAX_PIXELS_PER_BYTE = 8256
# A black AVIF of 16 megapixels has 33,000 pixels per byte.
_MAX_AVIF_PIXELS_PER_BYTE = 65536


def _is_cut_jpeg(data: bytes) -> bool:
    """Whether a JPEG ends before its end marker; some decoders pad such files.

    The marker need not be at the end: phones append videos.
    """
    scans = (at for code, at in _jpeg_segments(data) if code == _JPEG_START_OF_SCAN)
    # Without one, there are bytes between segments, which decoders skip.
    start = next(scans, max(data.rfind(bytes([0xFF, _JPEG_START_OF_SCAN])), 0))
    return data.startswith(_JPEG_START) and _JPEG_END not in data[start:]


def _declares_too_much(data: bytes) -> bool:
    """Whether the header declares more pixels than the bytes can hold."""
    limit = _MAX_AVIF_PIXELS_PER_BYTE if is_avif(data) else _MAX_PIXELS_PER_BYTE
    return _declared_pixels(data) > limit * len(data)


def _declared_pixels(data: bytes) -> int:
    """Number of pixels that a PNG, GIF, AVIF or JPEG declares; 0 for other formats."""
    if data.startswith(PNG_START):
        return int.from_bytes(data[16:20]) * int.from_bytes(data[20:24])
    if data.startswith(_GIF_START):
        return int.from_bytes(data[6:8], "little") * int.from_bytes(
            data[8:10], "little"
        )
    if is_avif(data):
        sizes = (match.groups() for match in _AVIF_SIZE.finditer(data))
        return max((math.prod(map(int.from_bytes, size)) for size in sizes), default=0)
    return _declared_jpeg_pixels(data)


def _declared_jpeg_pixels(data: bytes) -> int:
    """Number of pixels that the header of a JPEG declares; 0 for other formats."""
    for code, at in _jpeg_segments(data):
        if code in _JPEG_FRAMES:
            size = data[at + 5 : at + 9]
            return int.from_bytes(size[:2]) * int.from_bytes(size[2:])
    return 0


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Codes and positions of the segments of a JPEG up to its first scan."""
    position = 2 if data.startswith(_JPEG_START) else len(data)
    while data[position : position + 1] == b"\xff":
        code = int.from_bytes(data[position + 1 : position + 2])
        if code == 0xFF:  # Any number of FF bytes may precede a code.
            position += 1
            continue
        yield code, position
        if code == _JPEG_START_OF_SCAN:
            return
        position += 2 + int.from_bytes(data[position + 2 : position + 4])


def decode_pixels(data: bytes, *, flags: int) -> np.ndarray | None:
    """Returns the pixels of an encoded image, in the order of `cv2.imdecode`.

    Args:
        data: All bytes of the file.
        flags: One of the `cv2.IMREAD_*` flags.

    Returns:
        `[H, W]`, `[H, W, 3]` or `[H, W, 4]`; None if the data are truncated, too large
        for OpenCV, or not an image.
    """
    if _is_cut_jpeg(data) or _declares_too_much(data):
        return None
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None


def read_pixels(path: str | pathlib.Path, *, flags: int) -> np.ndarray:
    """Returns the pixels of an image file, in the order of `cv2.imdecode`.

    Args:
        path: File that OpenCV can decode.
        flags: One of the `cv2.IMREAD_*` flags.

    Returns:
        `[H, W]` or `[H, W, 3]`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is truncated or not an image.
    """
    path = pathlib.Path(path)
    return _decoded(path, _read_bytes(path), flags)


def read_image(path: str | pathlib.Path, *, bits: int | None = None) -> np.ndarray:
    """Returns the image of a file, or the first of several images.

    Transparent parts are composited over grey, (128, 128, 128), since their hidden
    colours may be anything.

    Args:
        path: File that OpenCV can decode.
        bits: Bit depth of the numbers in a file with 16 bits per channel, such as 10 or
            12; None to find it from the largest number, with a warning if below 16.

    Returns:
        RGB, uint8 `[H, W, 3]`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is truncated, not an image, or of a number type whose
            value of white is not known.
    """
    path = pathlib.Path(path)
    data = _read_bytes(path)
    # AVIF declares its bit depth, and OpenCV takes it into account.
    depth = 0 if is_avif(data) else cv2.IMREAD_ANYDEPTH
    pixels = _decoded(path, data, cv2.IMREAD_COLOR | depth)
    opacity = read_opacity(data)
    if opacity is not None:
        pixels[opacity == 0] = 0  # Hidden numbers must not affect the bit depth.
        multiplied = colours_are_multiplied(data, pixels.dtype)
    if pixels.dtype == np.uint16:
        pixels = image_to_eight_bits(pixels, data, path=path, bits=bits)
    if pixels.dtype != np.uint8:
        raise ValueError(
            f"{path} holds {pixels.dtype} numbers, whose value of white is not known. "
            "Save it with 8 or 16 bits per channel."
        )
    image = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    if opacity is not None:
        composite_over_grey(image, opacity, multiplied=multiplied)
    return image


def _read_bytes(path: pathlib.Path) -> bytes:
    """All bytes of a file, unless it is known not to be a supported image."""
    if path.is_symlink() and not path.exists():
        raise FileNotFoundError(
            f"{path} is a link to {path.readlink()}, which does not exist. Remove the "
            "link, or restore the file."
        )
    if not path.is_file():
        raise FileNotFoundError(f"The image {path} {why_no_file(path)}.")
    with path.open("rb") as file:
        start = file.read(START_BYTES)
        if description := unsupported_format(start):
            raise ValueError(f"{path} is {description}")
        return start + file.read()


def _decoded(path: pathlib.Path, data: bytes, flags: int) -> np.ndarray:
    """The pixels of an encoded image; raises a ValueError if it cannot be decoded."""
    pixels = decode_pixels(data, flags=flags) if data else None
    if pixels is None or not pixels.size:
        if path.suffix.lower() not in IMAGE_SUFFIXES and not cv2.haveImageReader(
            str(path)
        ):
            raise ValueError(
                f"{path} is not an image that can be read. Give a file with one of the "
                f"suffixes {', '.join(IMAGE_SUFFIXES)}."
            )
        raise ValueError(
            f"{path} must be a complete image file; its {len(data)} bytes cannot be "
            "decoded. Fetch or unpack it again."
        )
    return pixels


def resize_image(
    image: np.ndarray, size: tuple[int, int], *, shrinking: str = "area"
) -> np.ndarray:
    """Returns a resized image.

    Shrinking takes the mean over the area of each new pixel, which avoids aliasing.
    Enlarging is bilinear. At half resolution, both give the mean of 2x2 pixels.

    Args:
        image: RGB, uint8 or float32 `[H, W, 3]`.
        size: (height, width) of the result.
        shrinking: `area`, or `bilinear` to interpolate when shrinking too.

    Returns:
        RGB of the same type, `[height, width, 3]`; the image itself if it has the size.
    """
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    area = shrinks and shrinking == "area"
    interpolation = cv2.INTER_AREA if area else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=interpolation)
