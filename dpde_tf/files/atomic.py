"""Files and folders that exist whole or not at all."""

import contextlib
import os
import pathlib
import re
import shutil
from collections.abc import Iterator

# Names that begin so are unfinished; what a killed program has left of them is waste.
PARTIAL = ".partial-"


@contextlib.contextmanager
def write_whole(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a temporary path beside `path`, renamed to it if the block succeeds.

    An interrupted program thus leaves the former file, or none; so does a machine
    without power. Missing folders are made; whatever stood at `path` is replaced.

    Args:
        path: Where the finished file shall be.

    Yields:
        The path to write to.

    Raises:
        OSError: If it cannot be written; the message names file and remedy.
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
def write_whole_folder(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a temporary folder beside `path`, renamed to it if the block succeeds.

    Args:
        path: Where the finished folder, of files alone, shall be; a former one of
            that name is removed just before, with all that it holds: see
            `check_holds_only`.

    Yields:
        The empty folder to write into.

    Raises:
        OSError: If it cannot be written; the message names folder and remedy.
    """
    path = pathlib.Path(path)
    with readable_write_errors(path), partial_folder(path) as temporary:
        yield temporary
        for file in temporary.iterdir():
            force_to_disk(file)
        force_to_disk(temporary)
        remove_folder(path)
        temporary.rename(path)
        force_to_disk(path.parent)


@contextlib.contextmanager
def partial_folder(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives an empty folder beside `path`, and removes it unless the block renames it.

    Args:
        path: Where the finished folder shall be.

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
    """Refuses a folder that is to be replaced, but holds something else too.

    Args:
        folder: The folder; it need not exist.
        names: Regular expression of the files that may be there.

    Raises:
        FileExistsError: If there is another file or a folder, which would be lost.
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
            "Move that elsewhere, or give --output another name."
        )


def remove_folder(path: str | pathlib.Path) -> None:
    """Removes a folder, which nobody sees half removed.

    Args:
        path: The folder; it need not exist.
    """
    path = pathlib.Path(path)
    if path.exists():
        waste = path.with_name(f"{PARTIAL}removed-{path.name}")
        shutil.rmtree(waste, ignore_errors=True)
        path.rename(waste)
        shutil.rmtree(waste)


def remove_partial(folder: str | pathlib.Path, names: str) -> None:
    """Removes what killed programs have left unfinished in a folder.

    Args:
        folder: The folder, into which no other program may be writing; it need not
            exist. Its subfolders are left alone.
        names: Pattern of the names that the finished things would have, such as
            `epochs-*`.
    """
    for state in (PARTIAL, f"{PARTIAL}removed-"):
        for path in pathlib.Path(folder).glob(state + names):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def force_to_disk(path: str | pathlib.Path) -> None:
    """Returns when the disk has what was written to a file or folder.

    Args:
        path: The file or folder.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def readable_write_errors(path: str | pathlib.Path) -> Iterator[None]:
    """Names file and remedy in the system errors of a block that writes a file.

    Args:
        path: What is written.

    Yields:
        Nothing.

    Raises:
        OSError: Instead of any other OSError.
    """
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: str | pathlib.Path, error: Exception) -> OSError:
    """Returns the error that a file cannot be written.

    Args:
        path: The file or folder.
        error: What the system or a library says.

    Returns:
        The error, whose message names file and remedy.
    """
    reason = " ".join(str(error).split())  # HDF5's has lines.
    return OSError(
        f"{path} could not be written: {reason}. Free space on its disk and make its "
        "folder writable, or choose another folder; then give the same command again."
    )
