"""`run.json` beside scores and reports: with what they were made."""

import contextlib
import pathlib
from collections.abc import Iterator

from dpde_tf.cli.config_flags import given_flags
from dpde_tf.files.locks import lock_folder
from dpde_tf.runs.run_record import check_program, write_run_record


@contextlib.contextmanager
def result_folder(output: pathlib.Path, program: str) -> Iterator[None]:
    """Keeps other programs out of a folder while the block writes results into it.

    A new folder into which nothing was written is removed.

    Args:
        output: Folder for results; it need not exist.
        program: Module that writes into it.

    Yields:
        Nothing.

    Raises:
        ValueError: If its `run.json`, which would be lost, is of another program.
        BlockingIOError: If another process is writing there.
        OSError: If the folder cannot be written.
    """
    is_new = not output.exists()
    try:
        with lock_folder(output):
            check_program(output, program)
            yield
    finally:
        if is_new:
            with contextlib.suppress(OSError):  # It holds results.
                output.rmdir()


def write_result_record(output: pathlib.Path, program: str, config: dict) -> None:
    """Writes `run.json` with the flags of this process.

    Args:
        output: Folder of the results.
        program: Module that wrote them.
        config: What decides about the numbers, JSON-ready.
    """
    write_run_record(output, program=program, flags=given_flags(), config=config)
