"""Reads untrusted NumPy files: complete arrays of plain numbers, or an error.

The headers are parsed here because `numpy.load` allocates the size that a header
declares before it checks that the file holds that much.
"""

import math
import pathlib
import struct
import tokenize
import zipfile
from typing import BinaryIO

import numpy as np

from dpde_tf.files.errors import BAD_ZIP

# Errors of NumPy and `ast` for a damaged header; deeply nested text causes a
# MemoryError or RecursionError in the parser.
_BAD_HEADER = (
    ValueError,
    TypeError,
    OverflowError,
    LookupError,
    SyntaxError,
    tokenize.TokenError,
    struct.error,
    MemoryError,
    RecursionError,
)
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_MAX_HEADER_BYTES = 1 << 16
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_npy_header(
    file: BinaryIO,
) -> tuple[tuple[int, ...], np.dtype, str]:
    """Returns the shape, type and order that the header of an NPY file declares.

    Args:
        file: File, positioned at its start; afterwards, just behind the header.

    Returns:
        Shape, type of a number, and order of the numbers, `C` or `F`.

    Raises:
        ValueError: If the header is not one of an NPY file, or is damaged.
    """
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of NPY is not supported")
    try:
        shape, fortran_order, dtype = _HEADERS[version](
            file, max_header_size=_MAX_HEADER_BYTES
        )
    except _BAD_HEADER as error:
        # Some of these errors have no text, others have several lines.
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"its header is damaged: {reason}") from error
    if any(isinstance(n, bool) or n < 0 for n in shape):
        raise ValueError(f"its header declares the shape {shape}")
    return shape, dtype, "F" if fortran_order else "C"


def _read_array(file: BinaryIO, num_bytes: int) -> np.ndarray:
    """The array of an NPY file that has `num_bytes` bytes."""
    shape, dtype, order = read_npy_header(file)
    if dtype.hasobject or not dtype.itemsize:
        raise ValueError(f"it holds {dtype}, which is not a type of numbers")
    declared = math.prod(shape) * dtype.itemsize
    left = num_bytes - file.tell()
    if left != declared:
        raise ValueError(
            f"its header declares {declared} bytes of numbers; {left} follow"
        )
    data = file.read(declared)
    if len(data) != declared:
        raise ValueError("it is truncated")
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def read_npy(path: str | pathlib.Path) -> np.ndarray:
    """Returns the array of an NPY file.

    Args:
        path: The file; Python objects in it are not loaded.

    Returns:
        The array as it is stored, read-only.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If the file is truncated, or does not hold plain numbers.
    """
    path = pathlib.Path(path)
    with path.open("rb") as file:
        try:
            return _read_array(file, path.stat().st_size)
        except ValueError as error:
            raise ValueError(
                f"{path} is not a complete NPY file of numbers ({error}). Write it "
                "again with `numpy.save`."
            ) from error


def read_npz(path: str | pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the arrays of an NPZ file.

    Args:
        path: The file; Python objects in it are not loaded.

    Returns:
        Arrays by key, as they are stored, read-only; those that are not of numbers are
        left out, unless there are no others.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If the file is truncated, or does not hold plain numbers.
    """
    path = pathlib.Path(path)
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                numbers = [m for m in members if not _holds_objects(archive, m)]
                return dict(_read_member(archive, m) for m in numbers or members)
        except BAD_ZIP as error:
            raise ValueError(
                f"{path} is not a readable .npz file of numbers ({error}). Write it "
                "again with `numpy.savez`."
            ) from error


def _holds_objects(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Whether a member is an array of Python objects, such as None or a dictionary."""
    if member.compress_type not in _COMPRESSIONS:
        return False
    with archive.open(member) as file:
        try:
            return read_npy_header(file)[1].hasobject
        except ValueError:  # Reading it tells what is wrong.
            return False


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> tuple[str, np.ndarray]:
    """Key and array of one member of an NPZ file."""
    if member.compress_type not in _COMPRESSIONS:
        raise ValueError(f"the compression of {member.filename!r} is not supported")
    with archive.open(member) as file:
        try:
            array = _read_array(file, member.file_size)
        except ValueError as error:
            raise ValueError(f"{member.filename!r}: {error}") from error
    return member.filename.removesuffix(".npy"), array


def drop_single_axes(array: np.ndarray, ndim: int) -> np.ndarray:
    """Returns an array without superfluous axes of length 1.

    The output of a network has such axes for the batch and for the channel.

    Args:
        array: Any array.
        ndim: Number of axes to keep.

    Returns:
        The array without its last and then its first axes of length 1, until it has
        `ndim` axes or no more such axes.
    """
    while array.ndim > ndim and array.shape[-1] == 1:
        array = array[..., 0]
    while array.ndim > ndim and array.shape[0] == 1:
        array = array[0]
    return array
