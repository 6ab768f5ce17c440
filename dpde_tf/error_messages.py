"""Errors as people who run a program want them: one line, without a traceback."""

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Ends the program with `Error: <message>` if the block meets bad input.

    Bad input is what raises a ValueError or an OSError (FileNotFoundError,
    FileExistsError, ConnectionError, ...), whose messages name the remedy. The line
    goes to stderr. Every other error passes, with its traceback: it is a defect.

    Yields:
        Nothing.

    Raises:
        SystemExit: With exit code 1, instead of such an error.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")
