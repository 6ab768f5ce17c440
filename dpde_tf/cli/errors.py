"""Errors of the library as the user of a program reads them: one line, with flags.

The library names an option by its parameter, such as `crop_size`. In a program, where
a flag of that name sets it, the message names the flag: --crop_size.
"""

import contextlib
import functools
import logging
import re
import sys
from collections.abc import Callable, Iterator, Sequence

from absl import app, flags
from cv2.utils import logging as cv2_logging

from dpde_tf.files.errors import one_line

_OPTION = re.compile(r"`(\w+)(=[^`]*)?`")


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Ends the program with `Error: <message>` on stderr if the block meets bad input.

    Bad input raises a ValueError or an OSError (FileNotFoundError, FileExistsError,
    ConnectionError, ...), whose message names the remedy. Any other error is a defect
    and keeps its traceback. The messages of OpenCV are hidden in the block.

    Yields:
        Nothing.

    Raises:
        SystemExit: With exit code 1, in place of a ValueError or an OSError; or that of
            the block, with flags named in its text.
    """
    level = cv2_logging.getLogLevel()
    cv2_logging.setLogLevel(cv2_logging.LOG_LEVEL_SILENT)
    logger = logging.getLogger("absl")
    logger.addFilter(_name_flags_in_record)
    try:
        yield
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {name_flags(one_line(error))}")
    except SystemExit as end:  # With a list of files, for example.
        if isinstance(end.code, str):
            end.code = name_flags(end.code)
        raise
    finally:
        logger.removeFilter(_name_flags_in_record)
        cv2_logging.setLogLevel(level)


def name_flags(message: str) -> str:
    """Returns a message with flags in place of the parameters that they set.

    Args:
        message: Text with parameters in backticks, such as `crop_size` or
            `lateral_connections=False`.

    Returns:
        The text with --crop_size or --nolateral_connections for those that are flags
        of this program; the others are left.
    """
    return _OPTION.sub(_flag_of, message)


def flags_only(run: Callable[[], None]) -> Callable[[Sequence[str]], None]:
    """Returns the main function of a program that has only flags.

    Args:
        run: Runs the program; its bad input is reported as by `readable_errors`.

    Returns:
        Function for `app.run`; it raises app.UsageError if there are other arguments.
    """

    @functools.wraps(run)
    def main(argv: Sequence[str]) -> None:
        if len(argv) > 1:
            raise app.UsageError(f"Unknown argument: {argv[1]}.")
        with readable_errors():
            run()

    return main


def _flag_of(match: re.Match) -> str:
    """The flag that sets an option; the text itself if there is none."""
    name, value = match[1], match[2] or ""
    if name not in flags.FLAGS:
        return match[0]
    switch = {"=True": f"--{name}", "=False": f"--no{name}"}
    return switch.get(value, f"--{name}{value}")


def _name_flags_in_record(record: logging.LogRecord) -> bool:
    """Names flags in a warning; for a filter of a logger."""
    record.msg, record.args = name_flags(record.getMessage()), None
    return True
