"""A lock that keeps two programs from writing to the same folder."""

import contextlib
import errno
import os
import pathlib
import socket
from collections.abc import Iterator

import filelock
from absl import logging

from dpde_tf.files.atomic import readable_write_errors, unwritable

LOCK_FILE = ".dpde_tf.lock"
# Suffix of a second file that names the holder: on Windows, other processes cannot read
# the lock file.
_HOLDER = "-holder"
# Longer than another process takes to remove the file of a lock that it releases.
_PATIENCE_SECONDS = 0.2
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


def lock_folder(
    folder: str | pathlib.Path,
) -> contextlib.AbstractContextManager[None]:
    """Returns a context manager that holds the lock of a folder.

    The kernel releases the lock when the process ends, even if it crashes.

    Args:
        folder: The folder, created if it is missing.

    Returns:
        Context manager for the block that writes to the folder.

    Raises:
        BlockingIOError: If another process holds it; the message names that process.
        OSError: If the folder cannot be written.
    """
    folder = pathlib.Path(folder)
    return lock_file(folder / LOCK_FILE, guarded=folder)


@contextlib.contextmanager
def lock_file(path: pathlib.Path, *, guarded: pathlib.Path) -> Iterator[None]:
    """Holds a lock while the block runs; its files exist only during this time.

    Args:
        path: File of the lock.
        guarded: Folder or file that the lock guards, for the message.

    Yields:
        Nothing.

    Raises:
        BlockingIOError: If another process holds it; the message names that process.
        OSError: If the file cannot be written.
    """
    holder = path.with_name(path.name + _HOLDER)
    with readable_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path)
    _acquire(lock, holder, guarded)
    try:
        with readable_write_errors(holder):
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        for file in (holder, path):
            with contextlib.suppress(OSError):  # It may have become read-only.
                file.unlink()
        lock.release()


def _acquire(
    lock: filelock.BaseFileLock, holder: pathlib.Path, guarded: pathlib.Path
) -> None:
    """Acquires a lock; raises an error that names the holder if it is held."""
    try:
        lock.acquire(timeout=_PATIENCE_SECONDS)
    except filelock.Timeout as error:
        if not pathlib.Path(lock.lock_file).exists():  # It could not be created.
            raise unwritable(lock.lock_file, error) from error
        name = "another process"
        with contextlib.suppress(OSError):
            name = holder.read_text() or name
        raise BlockingIOError(
            f"{guarded} is being written by {name}. Wait for it, end it, or choose "
            "another folder."
        ) from error
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise unwritable(lock.lock_file, error) from error
        logging.warning(
            "The file system of %s does not support file locks (%s): nothing keeps two "
            "programs from writing there.",
            guarded,
            error,
        )
