"""NumPy files of other people: plain numbers, read whole or refused.

They are parsed here, as `numpy.load` makes room for what a header declares before it
looks whether the file holds that much.
"""

import math
import pathlib
import struct
import tokenize
import zipfile
import zlib
from typing import BinaryIO

import numpy as np

# What NumPy and `ast` raise on a header that is damaged; deeply nested text ends in a
# MemoryError or RecursionError of the parser.
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
# What `zipfile` raises on a damaged, encrypted or unknown archive.
_BAD_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
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
    """Returns what the header of a NPY file declares.

    Args:
        file: Stands at its beginning; afterwards behind the header.

    Returns:
        Shape, type of a number, and the order of the numbers, `C` or `F`.

    Raises:
        ValueError: If it is no such header, or a damaged one.
    """
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of NPY is not known")
    try:
        shape, fortran_order, dtype = _HEADERS[version](
            file, max_header_size=_MAX_HEADER_BYTES
        )
    except _BAD_HEADER as error:
        # Some of these have no text or one of several lines.
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"its header is damaged: {reason}") from error
    if any(isinstance(n, bool) or n < 0 for n in shape):
        raise ValueError(f"its header declares the shape {shape}")
    return shape, dtype, "F" if fortran_order else "C"


def _read_array(file: BinaryIO, num_bytes: int) -> np.ndarray:
    """The array of a NPY file of so many bytes."""
    shape, dtype, order = read_npy_header(file)
    if dtype.hasobject or not dtype.itemsize:
        raise ValueError(f"it holds {dtype}, which are not numbers")
    declared = math.prod(shape) * dtype.itemsize
    left = num_bytes - file.tell()
    if left != declared:
        raise ValueError(
            f"its header declares {declared} bytes of numbers; {left} follow"
        )
    data = file.read(declared)
    if len(data) != declared:
        raise ValueError("it is cut off")
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def read_npy(path: str | pathlib.Path) -> np.ndarray:
    """Returns the array of a NPY file.

    Args:
        path: The file; Python objects in it are not loaded.

    Returns:
        The array as it is stored, read-only.

    Raises:
        OSError: If it cannot be opened.
        ValueError: If it is cut off, or does not hold plain numbers.
    """
    path = pathlib.Path(path)
    with path.open("rb") as file:
        try:
            return _read_array(file, path.stat().st_size)
        except ValueError as error:
            raise ValueError(
                f"{path} is not a whole NPY file of numbers ({error}). Write it again "
                "with `numpy.save`."
            ) from error


def read_npz(path: str | pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the arrays of a NPZ file.

    Args:
        path: The file; Python objects in it are not loaded.

    Returns:
        Key to array, as they are stored, read-only.

    Raises:
        OSError: If it cannot be opened.
        ValueError: If it is cut off, or does not hold plain numbers.
    """
    path = pathlib.Path(path)
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return dict(_read_member(archive, i) for i in archive.infolist())
        except _BAD_ARCHIVE as error:
            raise ValueError(
                f"{path} is not a readable .npz file of numbers ({error}). Write it "
                "again with `numpy.savez`."
            ) from error


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> tuple[str, np.ndarray]:
    """Key and array of a member of a NPZ file."""
    if member.compress_type not in _COMPRESSIONS:
        raise ValueError(f"{member.filename!r} is compressed in another way")
    with archive.open(member) as file:
        try:
            array = _read_array(file, member.file_size)
        except ValueError as error:
            raise ValueError(f"{member.filename!r}: {error}") from error
    return member.filename.removesuffix(".npy"), array


def drop_single_axes(array: np.ndarray, ndim: int) -> np.ndarray:
    """Returns an array without axes of length 1 that are too many.

    Networks give their maps with axes of the batch and of the channel.

    Args:
        array: Any.
        ndim: Number of axes that there should be.

    Returns:
        The array with the last and then the first axes of length 1 dropped until it has
        that many axes; with more if others are left.
    """
    while array.ndim > ndim and array.shape[-1] == 1:
        array = array[..., 0]
    while array.ndim > ndim and array.shape[0] == 1:
        array = array[0]
    return array
