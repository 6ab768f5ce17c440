"""Raw files: their description in the manifest, and checks that they exist."""

import hashlib
import pathlib
from collections.abc import Sequence

from dpde_tf.files.checksums import file_sha256

# Reading more than this takes seconds, or minutes on a slow disk.
_LARGE_BYTES = 256 * 10**6


def announced_sha256(path: pathlib.Path) -> str:
    """Returns the SHA-256 of a file after a line of output if the file is large.

    Args:
        path: The file; the line is printed for more than 256 MB.

    Returns:
        64 hexadecimal digits.
    """
    num_bytes = path.stat().st_size
    if num_bytes > _LARGE_BYTES:
        size = f"{num_bytes // 10**6} MB"
        print(f"Computing the SHA-256 of {path} ({size}) ...", flush=True)
    return file_sha256(path)


def describe_files(paths: Sequence[pathlib.Path]) -> dict:
    """Returns number, total size and checksum of files.

    Args:
        paths: Files; their order and their folder do not matter.

    Returns:
        `num_files`, `num_bytes` and `sha256`. The checksum is that of a single file,
        otherwise of the output of `sha256sum` for the files in the order of their names
        (check with `sha256sum * | sha256sum`).
    """
    paths = sorted(paths, key=lambda path: (path.name, path))
    checksum = ""
    if len(paths) == 1:
        checksum = announced_sha256(paths[0])
    elif paths:
        lines = (f"{announced_sha256(path)}  {path.name}\n" for path in paths)
        checksum = hashlib.sha256("".join(lines).encode()).hexdigest()
    num_bytes = sum(path.stat().st_size for path in paths)
    return {"num_files": len(paths), "num_bytes": num_bytes, "sha256": checksum}


def require_file(path: pathlib.Path, remedy: str) -> pathlib.Path:
    """Returns the path if the file exists.

    Args:
        path: Required file.
        remedy: Remedy for the message, a whole sentence.

    Returns:
        The same path.

    Raises:
        FileNotFoundError: If it does not exist.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist. {remedy}")
    return path


def read_text(path: pathlib.Path) -> str:
    """Returns the text of a file.

    Args:
        path: UTF-8 file, with or without a byte order mark.

    Returns:
        Text without the byte order mark.

    Raises:
        ValueError: If the file is not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} must be a text file in UTF-8; it is not ({error}). Save it as one."
        ) from error


def require_folder(path: pathlib.Path, remedy: str) -> pathlib.Path:
    """Returns the path if the folder exists.

    Args:
        path: Required folder.
        remedy: Remedy for the message, a whole sentence.

    Returns:
        The same path.

    Raises:
        FileNotFoundError: If it does not exist.
    """
    if not path.is_dir():
        raise FileNotFoundError(f"The folder {path} does not exist. {remedy}")
    return path


def check_split_size(
    split: str, found: int, expected: int, origin: str, *, allow_partial: bool
) -> None:
    """Raises an error if a split of an official data set is incomplete.

    Args:
        split: Name of the split.
        found: Number of pairs found.
        expected: Number of pairs in the official split.
        origin: File or folder of the pairs.
        allow_partial: Whether to accept fewer pairs, but at least one.

    Raises:
        ValueError: If the number is wrong.
    """
    if found == expected or (allow_partial and 0 < found < expected):
        return
    remedy = "" if allow_partial else ", or convert a part of them with --allow_partial"
    raise ValueError(
        f"{origin} must hold {expected} pairs for the split {split!r}; it holds "
        f"{found}. Fetch the raw data again with `python -m data_prep.download`"
        f"{remedy}."
    )
