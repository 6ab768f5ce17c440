"""Errors as people who run a program want them: one line, without a traceback."""

import contextlib
import lzma
import pathlib
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping

from cv2.utils import logging as cv2_logging

# What `zipfile` raises on a damaged, encrypted or unknown archive.
BAD_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # A password.
    NotImplementedError,  # Another compression.
    OverflowError,
    ValueError,  # Names that are no text, places before the beginning.
    struct.error,
)


def one_line(error: Exception | str) -> str:
    """Returns the text of an error in one line of characters that can be printed.

    Libraries quote what they find in a file, which may be anything.

    Args:
        error: The error, or its text.

    Returns:
        Its text, with a space for every run of other characters.
    """
    printable = (c if c.isprintable() else " " for c in str(error))
    return " ".join("".join(printable).split())


def file_list(heading: str, reasons: Mapping[pathlib.Path, str]) -> str:
    """Returns the lines that say what happened to each of some files.

    Args:
        heading: The first line.
        reasons: File to what happened to it.

    Returns:
        The lines, one a file.
    """
    lines = (f"  {one_line(f'{path}: {why}')}" for path, why in reasons.items())
    return "\n".join([heading, *lines])


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Ends the program with `Error: <message>` if the block meets bad input.

    Bad input is what raises a ValueError or an OSError (FileNotFoundError,
    FileExistsError, ConnectionError, ...), whose messages name the remedy. The line
    goes to stderr. Every other error passes, with its traceback: it is a defect.
    OpenCV does not print its own lines meanwhile.

    Yields:
        Nothing.

    Raises:
        SystemExit: With exit code 1, instead of such an error.
    """
    level = cv2_logging.getLogLevel()
    cv2_logging.setLogLevel(cv2_logging.LOG_LEVEL_SILENT)
    try:
        yield
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {one_line(error)}")
    finally:
        cv2_logging.setLogLevel(level)
