"""Downloads files: resumes, checks, and renames them when complete."""

import http.client
import pathlib
import time
import urllib.error
import urllib.request

import keras
from absl import logging

from data_prep.conversion import raw_files
from dpde_tf.files.atomic import OF_THE_DISK, unwritable
from dpde_tf.files.locks import LOCK_FILE, lock_file

_BLOCK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 60
_SECONDS_BEFORE_RETRY = 1.0
# Existing files below this size are hashed too.
_QUICKLY_HASHED_BYTES = 64 * 10**6


def _open(url: str, start: int) -> http.client.HTTPResponse | None:
    """Requests the bytes from `start` on; None if the file ends there."""
    request = urllib.request.Request(url, headers={"User-Agent": "dpde_tf"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if not start or error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        if error.headers.get("Content-Range") == f"bytes */{start}":
            return None
        return _open(url, 0)  # The part is too long; it belongs to another file.


def _megabytes(num_bytes: int) -> int:
    """Megabytes, rounded up."""
    return -(-num_bytes // 10**6)


def _check_answer(
    url: str, response: http.client.HTTPResponse, start: int, size: int | None
) -> int | None:
    """Returns the size of the whole file; raises a ValueError if it is another file.

    Networks with a login page answer every request with that page and status 200.
    """
    length = response.headers.get("Content-Length")
    if length and not length.isdecimal():
        raise ValueError(
            f"{url}: the server's answer is not HTTP (a length of {length[:20]!r}). "
            "Open the address in a browser."
        )
    total = start + int(length) if length else size
    wrong = None
    if length and size is not None:
        if total != size:
            wrong = f"have {size} bytes; the server's file has {total}"
    elif response.headers.get_content_type() == "text/html":
        wrong = "be a file; the server answered with a web page"
    if wrong:
        raise ValueError(
            f"{url} must {wrong}. It is another file, or a page with a message: open "
            "the address in a browser. What was received before is kept; run the same "
            "command again to resume."
        )
    return total


def _receive(url: str, part: pathlib.Path, size: int | None) -> bool:
    """Appends missing bytes to the part; returns whether it is complete."""
    start = part.stat().st_size if part.exists() else 0
    response = _open(url, start)
    if response is None:
        return True
    with response:
        if start and response.status != http.HTTPStatus.PARTIAL_CONTENT:
            logging.warning("%s cannot be resumed; it starts again from byte 0.", url)
            start = 0
        total = _check_answer(url, response, start, size)
        target = None if total is None else _megabytes(total)
        progress = keras.utils.Progbar(target, unit_name="MB")
        with part.open("ab" if start else "wb") as file:
            while block := response.read(_BLOCK_BYTES):
                file.write(block)
                progress.update(_megabytes(file.tell()))
                if size is not None and file.tell() > size:
                    break  # An answer without an end would fill the disk.
            return total is None or file.tell() >= total


def _receive_all(url: str, part: pathlib.Path, size: int | None) -> None:
    """Receives until the part is complete; retries as long as it grows."""
    most = part.stat().st_size if part.exists() else 0
    while True:
        error = None
        try:
            if _receive(url, part, size):
                return
        except (OSError, http.client.HTTPException) as caught:
            if getattr(caught, "errno", None) in OF_THE_DISK:
                raise unwritable(part, caught) from caught
            error = caught
        have = part.stat().st_size if part.exists() else 0
        if have <= most:
            raise ConnectionError(
                f"{url} could not be fetched ({error or 'the connection was cut'}). "
                f"Run the same command again, which resumes at byte {have}, or fetch "
                f"the file by other means and put it at {part.with_suffix('')}."
            ) from error
        most = have
        logging.warning("%s: interrupted at byte %d; resuming there.", url, have)
        time.sleep(_SECONDS_BEFORE_RETRY)


def _check_file(
    path: pathlib.Path, url: str, size: int | None, sha256: str | None, remedy: str
) -> None:
    """Raises a ValueError if the size or checksum of a file is wrong."""
    wrong, found = None, path.stat().st_size
    if size is not None and found != size:
        wrong = f"{size} bytes; it has {found}"
    elif sha256 is not None and (found := raw_files.announced_sha256(path)) != sha256:
        wrong = f"the SHA-256 {sha256}; it has {found}"
    if wrong:
        raise ValueError(f"{path} must have {wrong}. It should be {url}. {remedy}")


def fetch(
    url: str,
    path: str | pathlib.Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
) -> pathlib.Path:
    """Fetches a file unless it exists, and returns its path.

    Received bytes are stored in `<path>.part`. A later call resumes there if the server
    supports it (HTTP Range), and otherwise starts again. Size and SHA-256 of the file
    are checked as far as they are known. An existing file is not fetched again: below
    64 MB its size and SHA-256 are checked, otherwise only its size.

    Args:
        url: URL of the file.
        path: Path for the file.
        size: Size in bytes, if known.
        sha256: SHA-256, hexadecimal, if known.

    Returns:
        Path of the file.

    Raises:
        BlockingIOError: If another process is fetching it.
        ConnectionError: If there is no network, or the server lacks the file.
        ValueError: If size or checksum is wrong. A complete `<path>.part` is then
            deleted; an incomplete one is kept if the server answers with another file.
    """
    path = pathlib.Path(path)
    part = path.with_name(path.name + ".part")
    if path.exists():
        quick = path.stat().st_size < _QUICKLY_HASHED_BYTES
        remedy = f"Delete {path.name} and run the same command again."
        _check_file(path, url, size, sha256 if quick else None, remedy)
        return path
    logging.info("Fetching %s", url)
    with lock_file(path.with_name(f".{path.name}{LOCK_FILE}"), guarded=path):
        if path.exists():  # Another process has just fetched it.
            return path
        _receive_all(url, part, size)
        try:
            _check_file(part, url, size, sha256, "Run the same command again.")
        except ValueError:
            part.unlink()
            raise
        part.rename(path)
    return path
