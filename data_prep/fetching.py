"""Files from the web: resumed, checked, and never half under their final name."""

import http.client
import pathlib
import time
import urllib.error
import urllib.request

import keras
from absl import logging

from data_prep import raw_files

_BLOCK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 60
_SECONDS_BEFORE_RETRY = 1.0


def _open(url: str, start: int) -> http.client.HTTPResponse | None:
    """Asks for the bytes from `start` on; None if the file ends just there."""
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
        return _open(url, 0)  # The part is longer than the file: of another one.


def _megabytes(num_bytes: int) -> int:
    """Rounds up, so that no file has none."""
    return -(-num_bytes // 10**6)


def _check_size(url: str, found: int, size: int | None) -> None:
    """Raises a ValueError if the server's file is of another size than it should."""
    if size is not None and found != size:
        raise ValueError(
            f"{url} must have {size} bytes; the server's file has {found}. It is "
            "another file, or a page with a message: open the address in a browser."
        )


def _receive(url: str, part: pathlib.Path, size: int | None) -> bool:
    """Appends to the part what it lacks; says whether it is whole then."""
    start = part.stat().st_size if part.exists() else 0
    response = _open(url, start)
    if response is None:
        return True
    with response:
        if start and response.status != http.HTTPStatus.PARTIAL_CONTENT:
            logging.warning("%s cannot be resumed; it starts anew.", url)
            start = 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else size
        if total is not None:
            _check_size(url, total, size)
        target = None if total is None else _megabytes(total)
        progress = keras.utils.Progbar(target, unit_name="MB")
        with part.open("ab" if start else "wb") as file:
            while block := response.read(_BLOCK_BYTES):
                file.write(block)
                progress.update(_megabytes(file.tell()))
            return total is None or file.tell() == total


def _receive_all(url: str, part: pathlib.Path, size: int | None) -> None:
    """Receives until the part is whole; goes on as long as each try brings more."""
    most = part.stat().st_size if part.exists() else 0
    while True:
        error = None
        try:
            if _receive(url, part, size):
                return
        except (OSError, http.client.HTTPException) as caught:
            error = caught
        have = part.stat().st_size if part.exists() else 0
        if have <= most:
            raise ConnectionError(
                f"{url} could not be fetched ({error or 'the connection was cut'}). "
                f"Run the same command again, which goes on from byte {have}, or fetch "
                f"the file by other means and put it at {part.with_suffix('')}."
            ) from error
        most = have
        logging.warning("%s: cut off at byte %d; going on from there.", url, have)
        time.sleep(_SECONDS_BEFORE_RETRY)


def _check_file(path: pathlib.Path, size: int | None, sha256: str | None) -> None:
    """Raises a ValueError if size or checksum of a file are wrong."""
    found = path.stat().st_size
    if size is not None and found != size:
        raise ValueError(f"{path} must have {size} bytes; it has {found}.")
    if sha256 is not None and (found := raw_files.sha256(path)) != sha256:
        raise ValueError(f"{path} must have the SHA-256 {sha256}; it has {found}.")


def fetch(
    url: str,
    path: str | pathlib.Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
) -> pathlib.Path:
    """Fetches a file unless it is there, and returns its path.

    What was received lies in `<path>.part`; a later call goes on from there if the
    server can (HTTP Range), and starts anew if it cannot. A file that is there is
    not fetched again; its size is checked.

    Args:
        url: Address.
        path: Where to put it.
        size: Bytes, if known.
        sha256: Hexadecimal, if known.

    Returns:
        The path.

    Raises:
        ConnectionError: If there is no network, or no such file on the server.
        ValueError: If size or checksum are wrong; what was received is deleted.
    """
    path = pathlib.Path(path)
    part = path.with_name(path.name + ".part")
    try:
        if path.exists():
            _check_file(path, size, None)
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        logging.info("Fetching %s", url)
        _receive_all(url, part, size)
        _check_file(part, size, sha256)
    except ValueError as error:
        part.unlink(missing_ok=True)
        raise ValueError(
            f"{error} It should be {url}. Delete {path.name} if it is there, and run "
            "the same command again."
        ) from error
    part.rename(path)
    return path
