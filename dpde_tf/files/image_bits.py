"""Images of 10, 12 or 14 bits in files with 16 bits per channel."""

import pathlib
import re

import numpy as np
from absl import logging

_FILE_BITS = 16
# Bit depths of sensors and codecs; 8 for bytes that were stored unscaled.
_BITS = (8, 10, 12, 14, _FILE_BITS)
_GAP = rb"(?:\s|#[^\n]*\n)+"
# The header of a PNM declares the value of white.
_PNM_HEADER = re.compile(
    rb"P[2356]" + _GAP + rb"\d+" + _GAP + rb"\d+" + _GAP + rb"(\d{1,5})\s"
)


def found_bits(pixels: np.ndarray, data: bytes = b"") -> int:
    """Returns the bit depth of the numbers in a 16-bit image.

    Args:
        pixels: Pixels, uint16, of any shape.
        data: Content of the file; its header is used if it is a PNM.

    Returns:
        8, 10, 12, 14 or 16: the smallest that can hold the largest number; for a PNM
        that declares fewer than 16 bits, at least the declared number.
    """
    largest = int(pixels.max())
    bits = next(bits for bits in _BITS if largest < 1 << bits)
    header = _PNM_HEADER.match(data)
    declared = int(header[1]).bit_length() if header else _FILE_BITS
    return max(bits, declared) if declared < _FILE_BITS else bits


def eight_bits(pixels: np.ndarray, bits: int) -> np.ndarray:
    """Returns the upper eight bits of each number.

    Args:
        pixels: Pixels, uint16, of any shape.
        bits: Bit depth of the numbers, at least 8.

    Returns:
        uint8, of the same shape; white is 255.
    """
    return (pixels >> (bits - 8)).astype(np.uint8)


def image_to_eight_bits(
    pixels: np.ndarray, data: bytes, *, path: pathlib.Path, bits: int | None
) -> np.ndarray:
    """Converts a 16-bit image to eight bits; warns if it finds a smaller bit depth.

    Args:
        pixels: Pixels, uint16 `[H, W, 3]`.
        data: Content of the file.
        path: Path of the file, for messages.
        bits: Bit depth of the numbers; None to find it.

    Returns:
        uint8 `[H, W, 3]`.

    Raises:
        ValueError: If a number has more than `bits` bits.
    """
    largest = int(pixels.max())
    if bits is None:
        bits = found_bits(pixels, data)
        if bits < _FILE_BITS:
            logging.warning(
                "%s has 16 bits per channel, but no number over %d; it is taken as an "
                "image of %d bits. Use `image_bits` to change this.",
                path,
                largest,
                bits,
            )
    elif largest >= 1 << bits:
        raise ValueError(
            f"{path} holds {largest}, more than the {bits} bits of `image_bits`. Omit "
            "it to detect the range."
        )
    return eight_bits(pixels, bits)
