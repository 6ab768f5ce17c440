"""Texts of user-facing errors: one line, or a list of files with reasons."""

import lzma
import pathlib
import struct
import zipfile
import zlib
from collections.abc import Mapping

# Errors of `zipfile` for a damaged, encrypted or unsupported archive.
BAD_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # The archive is encrypted.
    NotImplementedError,  # The compression is not supported.
    OverflowError,
    ValueError,  # Names that are not text, negative offsets.
    struct.error,
)


def one_line(error: Exception | str) -> str:
    """Returns the text of an error as one line of printable characters.

    Libraries quote the content of files, which may be anything.

    Args:
        error: The error, or its text.

    Returns:
        The text, with one space in place of each run of other characters.
    """
    printable = (c if c.isprintable() else " " for c in str(error))
    return " ".join("".join(printable).split())


def file_list(heading: str, reasons: Mapping[pathlib.Path, str]) -> str:
    """Returns a list of files with a reason for each.

    Args:
        heading: First line.
        reasons: Reasons by file; one that begins with the file does not repeat it.

    Returns:
        The heading, and one line per file.
    """
    lines = (
        one_line(f"{path}: {why.removeprefix(f'{path} ')}")
        for path, why in reasons.items()
    )
    return "\n".join([heading, *(f"  {line}" for line in lines)])


def why_no_file(path: str | pathlib.Path) -> str:
    """Returns why a path is not the path of a file, for a message.

    Args:
        path: The path.

    Returns:
        A predicate such as "does not exist".
    """
    folder = pathlib.Path(path).is_dir()
    return "is a folder, not a file" if folder else "does not exist"
