"""A lock that keeps two programs from writing to the same folder."""

import contextlib
import errno
import fcntl
import os
import pathlib
import socket
from collections.abc import Iterator
from typing import IO

from absl import logging

from dpde_tf.files.atomic import readable_write_errors

LOCK_FILE = ".dpde_tf.lock"
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


@contextlib.contextmanager
def lock_folder(folder: str | pathlib.Path) -> Iterator[None]:
    """Holds the lock of a folder while the block runs.

    The kernel releases the lock when the process ends, in whatever way.

    Args:
        folder: The folder, created if it is missing.

    Yields:
        Nothing.

    Raises:
        BlockingIOError: If another process holds it; the message names that process.
        OSError: If the folder cannot be written.
    """
    folder = pathlib.Path(folder)
    with lock_file(folder / LOCK_FILE, guarded=folder):
        yield


@contextlib.contextmanager
def lock_file(path: pathlib.Path, *, guarded: pathlib.Path) -> Iterator[None]:
    """Holds a lock while the block runs; its file exists only during this time.

    Args:
        path: File of the lock.
        guarded: Folder or file that the lock guards, for the message.

    Yields:
        Nothing.

    Raises:
        BlockingIOError: If another process holds it; the message names that process.
        OSError: If the file cannot be written.
    """
    with _acquire(path, guarded) as file:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # It may have become read-only.
                path.unlink()


def _acquire(path: pathlib.Path, guarded: pathlib.Path) -> IO[str]:
    """The file of the lock, open and locked."""
    while True:
        with readable_write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
        _lock(file, guarded)
        # The previous holder may have removed the file between opening and locking.
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
        file.close()


def _lock(file: IO[str], guarded: pathlib.Path) -> None:
    """Locks an open file; raises an error that names the holder if it is locked."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read() or "another process"
        file.close()
        raise BlockingIOError(
            f"{guarded} is being written by {holder}. Wait for it, end it, or choose "
            "another folder."
        ) from error
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        logging.warning(
            "The file system of %s does not support file locks (%s): nothing keeps two "
            "programs from writing there.",
            guarded,
            error,
        )
