"""Writes `run.json` beside results, to record how they were made."""

import contextlib
import pathlib
from collections.abc import Iterator

from dpde_tf.cli.config_flags import given_flags
from dpde_tf.files.folders import removed_if_empty
from dpde_tf.files.locks import lock_folder
from dpde_tf.runs.run_folder import RECORD_FILE
from dpde_tf.runs.run_record import check_program, write_run_record


@contextlib.contextmanager
def result_folder(program: str, *outputs: pathlib.Path) -> Iterator[None]:
    """Keeps other programs out of folders while the block writes results into them.

    A new folder into which nothing was written is removed.

    Args:
        program: Module that writes into them.
        *outputs: Folders for results; they need not exist.

    Yields:
        Nothing.

    Raises:
        ValueError: If a `run.json`, which would be lost, is of another program.
        BlockingIOError: If another process is writing there.
        OSError: If a folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        for output in outputs:
            stack.enter_context(removed_if_empty(output))
            stack.enter_context(lock_folder(output))
            check_program(output, program)
        yield


def begin_predictions(folder: pathlib.Path, program: str, config: dict) -> None:
    """Removes the predictions of an earlier command, and writes `run.json`.

    Otherwise, they would be taken for predictions of this command.

    Args:
        folder: Folder of the predictions; it is emptied only if it has a `run.json`.
        program: Module that predicts.
        config: Everything that affects the numbers, in JSON types.
    """
    if (folder / RECORD_FILE).is_file():
        for path in folder.glob("[!.]*.npz"):
            path.unlink()
    write_result_record(folder, program, config)


def write_result_record(output: pathlib.Path, program: str, config: dict) -> None:
    """Writes `run.json` with the flags of this process.

    Args:
        output: Folder of the results.
        program: Module that wrote them.
        config: What decides about the numbers, JSON-ready.
    """
    write_run_record(output, program=program, flags=given_flags(), config=config)
