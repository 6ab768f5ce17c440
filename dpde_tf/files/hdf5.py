"""Validates untrusted HDF5 files: all data must be complete and in the file itself."""

import pathlib
from typing import Any

import h5py

# Largest ratio of decompressed to compressed bytes of Deflate.
_MAX_EXPANSION = 1032
# What h5py raises on a file that is cut off or damaged; the last two for its names.
DAMAGED = (
    OSError,
    RuntimeError,
    KeyError,
    TypeError,
    UnicodeDecodeError,
    SystemError,
)


def open_to_read(path: str | pathlib.Path, **options: Any) -> h5py.File:
    """Opens an HDF5 file for reading without locking it.

    Locking would fail while another program writes to the file, and on file systems
    without locks.

    Args:
        path: The file.
        **options: Other options of `h5py.File`.

    Returns:
        The open file.

    Raises:
        OSError: If the file does not exist, or is not a complete HDF5 file.
    """
    return h5py.File(path, "r", locking=False, **options)


def locked_error(path: str | pathlib.Path) -> BlockingIOError:
    """Returns the error for a file that cannot be read because it is locked.

    Args:
        path: The file.

    Returns:
        The error, whose message names file and remedy.
    """
    return BlockingIOError(
        f"{path} is locked by another program. Close it there, or use a copy of it."
    )


def check_stored_in_file(
    dataset: h5py.Dataset, path: str | pathlib.Path, name: str
) -> None:
    """Checks that all numbers of a dataset are stored in its file.

    A dataset can refer to other files, and a small file can declare a huge dataset.

    Args:
        dataset: The open dataset.
        path: File of the dataset, for the message.
        name: Name of the dataset, for the message.

    Raises:
        ValueError: If numbers are in another file, or fewer are stored than declared.
    """
    path = pathlib.Path(path)
    if dataset.is_virtual or dataset.external or not _is_in(dataset, path):
        raise ValueError(
            f"{path} must hold {name!r} itself; it refers to another file. Do not use "
            "it."
        )
    stored = dataset.id.get_storage_size()
    if stored > path.stat().st_size or dataset.nbytes > _MAX_EXPANSION * stored:
        raise ValueError(
            f"{path} declares {dataset.nbytes} bytes for {name!r} and stores {stored} "
            f"in {path.stat().st_size} bytes: it is incomplete. Fetch or write it "
            "again."
        )


def _is_in(dataset: h5py.Dataset, path: pathlib.Path) -> bool:
    """Whether a dataset belongs to the file, and not to another one that it links."""
    return pathlib.Path(dataset.file.filename).samefile(path)
