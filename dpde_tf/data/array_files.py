"""NumPy files of other people: plain numbers, read whole or refused."""

import pathlib
import zipfile
import zlib

import numpy as np

_UNREADABLE = (ValueError, EOFError, zipfile.BadZipFile, zlib.error)


def read_npy(path: str | pathlib.Path) -> np.ndarray:
    """Returns the array of a NPY file.

    Args:
        path: The file; Python objects in it are not loaded.

    Returns:
        The array as it is stored.

    Raises:
        OSError: If it cannot be opened.
        ValueError: If it is cut off, or does not hold plain numbers.
    """
    try:
        return np.load(path, allow_pickle=False)
    except _UNREADABLE as error:
        raise ValueError(
            f"{path} is not a whole NPY file of numbers ({error}). Write it again with "
            "`numpy.save`."
        ) from error


def read_npz(path: str | pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the arrays of a NPZ file.

    Args:
        path: The file; Python objects in it are not loaded.

    Returns:
        Key to array, as they are stored.

    Raises:
        OSError: If it cannot be opened.
        ValueError: If it is cut off, or does not hold plain numbers.
    """
    try:
        # A NPY file by the name of .npz would be read as a bare array.
        if not zipfile.is_zipfile(path):
            raise ValueError("it is not a ZIP archive")
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except _UNREADABLE as error:
        raise ValueError(
            f"{path} is not a readable .npz file of numbers ({error}). Write it again "
            "with `numpy.savez`."
        ) from error
