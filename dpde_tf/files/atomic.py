"""Atomic writes of files and folders."""

import contextlib
import errno
import os
import pathlib
import re
import shutil
from collections.abc import Iterator


class UnwritableError(OSError):
    """A file cannot be written; the message names file and remedy."""


# Prefix of unfinished files and folders. Those that a killed program left are waste.
PARTIAL = ".partial-"
OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}
"""Numbers of system errors that concern the disk, not a network or a file's content."""


@contextlib.contextmanager
def atomic_write(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`, renamed to it if the block succeeds.

    If the program is interrupted or the power fails, `path` still holds its previous
    file, or none. Missing folders are created; a previous file is replaced.

    Args:
        path: Path of the finished file.

    Yields:
        The path to write to.

    Raises:
        OSError: If the file cannot be written; the message names file and remedy.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(PARTIAL + path.name)
    with readable_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            force_to_disk(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_write_folder(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary folder beside `path`, renamed to it if the block succeeds.

    Args:
        path: Path of the finished folder, which may hold files only. A previous folder
            of that name is removed with everything in it, see `check_holds_only`.

    Yields:
        The empty folder to write to.

    Raises:
        OSError: If the folder cannot be written; the message names folder and remedy.
    """
    path = pathlib.Path(path)
    with readable_write_errors(path), partial_folder(path) as temporary:
        yield temporary
        for file in temporary.iterdir():
            force_to_disk(file)
        force_to_disk(temporary)
        waste = _moved_away(path)
        temporary.rename(path)
        force_to_disk(path.parent)
        shutil.rmtree(waste, ignore_errors=True)


@contextlib.contextmanager
def partial_folder(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields an empty folder beside `path`, and removes it unless the block renames it.

    Args:
        path: Path of the finished folder.

    Yields:
        The empty folder.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(PARTIAL + path.name)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_holds_only(folder: str | pathlib.Path, names: str) -> None:
    """Checks that nothing but the named files is lost when a folder is replaced.

    Args:
        folder: The folder; it need not exist.
        names: Regular expression for the names of the files that may be replaced.

    Raises:
        FileExistsError: If the folder holds another file or a folder.
    """
    folder = pathlib.Path(folder)
    others = [
        path.name
        for path in (sorted(folder.iterdir()) if folder.exists() else ())
        if not (path.is_file() and re.fullmatch(names, path.name))
    ]
    if others:
        raise FileExistsError(
            f"{folder} holds {', '.join(others[:3])}, which would be lost with it. "
            "Move these elsewhere, or give `output` another name."
        )


def remove_folder(path: str | pathlib.Path) -> None:
    """Removes a folder atomically.

    Args:
        path: The folder; it need not exist.
    """
    waste = _moved_away(pathlib.Path(path))
    if waste.exists():
        shutil.rmtree(waste)


def _moved_away(path: pathlib.Path) -> pathlib.Path:
    """Renames a folder, if it exists, to be removed; returns its new name."""
    waste = path.with_name(f"{PARTIAL}removed-{path.name}")
    shutil.rmtree(waste, ignore_errors=True)
    if path.exists():
        path.rename(waste)
    return waste


def remove_partial(folder: str | pathlib.Path, names: str) -> None:
    """Removes the unfinished files and folders that killed programs left in a folder.

    Args:
        folder: The folder, to which no other program may be writing; it need not
            exist. The content of its subfolders is not touched.
        names: Glob pattern for the names of the finished files and folders, such as
            `epochs-*`.
    """
    for state in (PARTIAL, f"{PARTIAL}removed-"):
        for path in pathlib.Path(folder).glob(state + names):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def force_to_disk(path: str | pathlib.Path) -> None:
    """Flushes a file or folder to the disk.

    Args:
        path: The file or folder.
    """
    windows = os.name == "nt"
    if windows and pathlib.Path(path).is_dir():
        return  # Windows cannot open folders, and flushes only files open for writing.
    descriptor = os.open(path, os.O_RDWR if windows else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def readable_write_errors(path: str | pathlib.Path) -> Iterator[None]:
    """Adds file and remedy to the system errors of a block that writes a file.

    Args:
        path: The file or folder that is written.

    Yields:
        Nothing.

    Raises:
        UnwritableError: In place of any other OSError of the block.
    """
    try:
        yield
    except UnwritableError:  # Of another file, with its own remedy.
        raise
    except FileExistsError as error:
        if not pathlib.Path(error.filename or "").is_file():
            raise unwritable(path, error) from error
        raise UnwritableError(
            f"{error.filename} is a file, where a folder is needed. Choose another "
            "folder."
        ) from error
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: str | pathlib.Path, error: Exception) -> UnwritableError:
    """Returns the error for a file that cannot be written.

    Args:
        path: The file or folder.
        error: The error of the system or of a library.

    Returns:
        The error, whose message names file and remedy.
    """
    reason = " ".join(str(error).split())  # HDF5 writes several lines.
    return UnwritableError(
        f"{path} could not be written: {reason}. Free space on its disk and make its "
        "folder writable, or choose another folder; then run the same command again."
    )
