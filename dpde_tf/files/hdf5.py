"""HDF5 files of other people: what they hold lies in them, and is all there."""

import pathlib
from typing import Any

import h5py

# Deflate makes at most so many bytes of one.
_MAX_EXPANSION = 1032


def open_to_read(path: str | pathlib.Path, **options: Any) -> h5py.File:
    """Opens an HDF5 file for reading, also while another program has it open.

    HDF5 would lock it otherwise, which fails while somebody writes to it, and on file
    systems without locks.

    Args:
        path: The file.
        **options: Others of `h5py.File`.

    Returns:
        The open file.

    Raises:
        OSError: If there is no such file, or it is no whole HDF5 file.
    """
    return h5py.File(path, "r", locking=False, **options)


def locked_error(path: str | pathlib.Path) -> BlockingIOError:
    """Returns the error that a library cannot read a file that is locked.

    Args:
        path: The file.

    Returns:
        The error, whose message names file and remedy.
    """
    return BlockingIOError(
        f"{path} is locked by another program. Close it there, or name a copy of it."
    )


def check_stored_in_file(
    dataset: h5py.Dataset, path: str | pathlib.Path, name: str
) -> None:
    """Raises an error unless the numbers of a dataset are in its file.

    A dataset can refer to other files, and a small file can declare a huge one.

    Args:
        dataset: The open dataset.
        path: Its file, for the message.
        name: Its name, for the message.

    Raises:
        ValueError: If numbers lie in another file, or fewer are stored than declared.
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
            f"in {path.stat().st_size} bytes: it is not whole. Fetch or write it again."
        )


def _is_in(dataset: h5py.Dataset, path: pathlib.Path) -> bool:
    """Whether a dataset was not reached over a link to another file."""
    return pathlib.Path(dataset.file.filename).samefile(path)
