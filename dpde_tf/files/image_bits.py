"""Images of 10, 12 or 14 bits in files of 16 bits a channel."""

import pathlib
import re

import numpy as np
from absl import logging

_FILE_BITS = 16
# Of sensors and of codecs; 8 for bytes that were stored as they are.
_BITS = (8, 10, 12, 14, _FILE_BITS)
_GAP = rb"(?:\s|#[^\n]*\n)+"
# A PNM says what its white is.
_PNM_HEADER = re.compile(
    rb"P[2356]" + _GAP + rb"\d+" + _GAP + rb"\d+" + _GAP + rb"(\d{1,5})\s"
)


def found_bits(pixels: np.ndarray, data: bytes = b"") -> int:
    """Returns how many bits the numbers of a 16-bit image have.

    Args:
        pixels: uint16, of any shape.
        data: The file, whose header counts if it is PNM.

    Returns:
        8, 10, 12, 14 or 16: the least that hold the largest number; of a PNM that
        declares fewer than 16, at least those.
    """
    largest = int(pixels.max())
    bits = next(bits for bits in _BITS if largest < 1 << bits)
    header = _PNM_HEADER.match(data)
    declared = int(header[1]).bit_length() if header else _FILE_BITS
    return max(bits, declared) if declared < _FILE_BITS else bits


def eight_bits(pixels: np.ndarray, bits: int) -> np.ndarray:
    """Returns the upper eight bits.

    Args:
        pixels: uint16, of any shape.
        bits: How many bits the numbers have, at least 8.

    Returns:
        uint8, of the same shape: white is 255.
    """
    return (pixels >> (bits - 8)).astype(np.uint8)


def image_to_eight_bits(
    pixels: np.ndarray, data: bytes, *, path: pathlib.Path, bits: int | None
) -> np.ndarray:
    """Returns a 16-bit image with eight bits, and says what range was found.

    Args:
        pixels: uint16, `[H, W, 3]`.
        data: The file.
        path: Its name, for messages.
        bits: How many bits the numbers have; None to find it.

    Returns:
        uint8 `[H, W, 3]`.

    Raises:
        ValueError: If a number has more than `bits`.
    """
    largest = int(pixels.max())
    if bits is None:
        bits = found_bits(pixels, data)
        if bits < _FILE_BITS:
            logging.warning(
                "%s has 16 bits a channel, but no number over %d; it is taken as an "
                "image of %d bits. --image_bits says otherwise.",
                path,
                largest,
                bits,
            )
    elif largest >= 1 << bits:
        raise ValueError(
            f"{path} holds {largest}, more than the {bits} bits of --image_bits. Leave "
            "it out to have the range found."
        )
    return eight_bits(pixels, bits)
