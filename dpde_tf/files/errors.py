"""User-facing errors: one line, without a traceback."""

import contextlib
import lzma
import pathlib
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping

from cv2.utils import logging as cv2_logging

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
        reasons: Reasons by file.

    Returns:
        The heading, and one line per file.
    """
    lines = (f"  {one_line(f'{path}: {why}')}" for path, why in reasons.items())
    return "\n".join([heading, *lines])


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Ends the program with `Error: <message>` on stderr if the block meets bad input.

    Bad input raises a ValueError or an OSError (FileNotFoundError, FileExistsError,
    ConnectionError, ...), whose message names the remedy. Any other error is a defect
    and keeps its traceback. The messages of OpenCV are hidden in the block.

    Yields:
        Nothing.

    Raises:
        SystemExit: With exit code 1, in place of a ValueError or an OSError.
    """
    level = cv2_logging.getLogLevel()
    cv2_logging.setLogLevel(cv2_logging.LOG_LEVEL_SILENT)
    try:
        yield
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {one_line(error)}")
    finally:
        cv2_logging.setLogLevel(level)
