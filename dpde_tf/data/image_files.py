"""Raw images: read whole or not at all, and resized."""

import pathlib

import cv2
import numpy as np

# Which files of a folder are images; compared in lower case.
IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
_JPEG_START_OF_SCAN = b"\xff\xda"
_JPEG_END = b"\xff\xd9"
# Frame headers, with the size of the image: all codes from C0 to CF but DHT, JPG, DAC.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PNG_START = b"\x89PNG\r\n\x1a\n"
# No PNG (deflate: 1032 bytes from one, 8 pixels a byte) and no JPEG (two bits for 64
# pixels) can hold more.
_MAX_PIXELS_PER_BYTE = 8256


def _is_cut_jpeg(data: bytes) -> bool:
    """Says whether a JPEG ends before its end marker; some decoders pad those."""
    is_jpeg = data.startswith(b"\xff\xd8")
    return is_jpeg and data.rfind(_JPEG_END) < data.rfind(_JPEG_START_OF_SCAN)


def _declared_pixels(data: bytes) -> int:
    """The pixels that the header of a PNG or JPEG declares; 0 if it is neither."""
    if data.startswith(PNG_START):
        return int.from_bytes(data[16:20]) * int.from_bytes(data[20:24])
    position = 2 if data.startswith(b"\xff\xd8") else len(data)
    while data[position : position + 1] == b"\xff":
        code = int.from_bytes(data[position + 1 : position + 2])
        if code in _JPEG_FRAMES:
            size = data[position + 5 : position + 9]
            return int.from_bytes(size[:2]) * int.from_bytes(size[2:])
        length = int.from_bytes(data[position + 2 : position + 4])
        # Any number of FF may stand before a code.
        position += 1 if code == 0xFF else 2 + length
    return 0


def decode_pixels(data: bytes, *, flags: int) -> np.ndarray | None:
    """Returns the pixels of an image file's bytes, as `cv2.imdecode` orders them.

    Args:
        data: All bytes of the file.
        flags: One of the `cv2.IMREAD_*` flags.

    Returns:
        `[H, W]`, `[H, W, 3]` or `[H, W, 4]`; None if they are cut off, too large for
        OpenCV, or no image.
    """
    if _is_cut_jpeg(data) or _declared_pixels(data) > _MAX_PIXELS_PER_BYTE * len(data):
        return None
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None


def read_pixels(path: str | pathlib.Path, *, flags: int) -> np.ndarray:
    """Returns the pixels of an image file, as `cv2.imdecode` orders them.

    Args:
        path: File that OpenCV can decode.
        flags: One of the `cv2.IMREAD_*` flags.

    Returns:
        `[H, W]` or `[H, W, 3]`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is cut off or not an image.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"The image {path} does not exist.")
    data = path.read_bytes()
    pixels = decode_pixels(data, flags=flags) if data else None
    if pixels is None or not pixels.size:
        raise ValueError(
            f"{path} must be a whole image file; its {len(data)} bytes cannot be "
            "decoded. Fetch or unpack it again."
        )
    return pixels


def read_image(path: str | pathlib.Path) -> np.ndarray:
    """Returns the image of a file.

    Args:
        path: File that OpenCV can decode.

    Returns:
        RGB, uint8 `[H, W, 3]`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is cut off or not an image.
    """
    return cv2.cvtColor(read_pixels(path, flags=cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns an image at another size.

    Shrinking takes the mean over the area of a pixel, so that nothing aliases;
    enlarging is bilinear. At exactly one half both are the mean of 2x2 pixels.

    Args:
        image: RGB, uint8 or float32 `[H, W, 3]`.
        size: (height, width) of the result.

    Returns:
        RGB of the same type, `[height, width, 3]`; unchanged at its own size.
    """
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=interpolation)
