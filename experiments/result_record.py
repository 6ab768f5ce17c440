"""`run.json` beside scores and reports: with what they were made."""

import pathlib

from dpde_tf.run_folder import RECORD_FILE, read_run_record
from dpde_tf.training.run_record import write_run_record
from experiments.config_flags import given_flags


def check_result_folder(output: pathlib.Path, program: str) -> None:
    """Refuses a folder that holds a run of another program.

    Args:
        output: Folder for results; it need not exist.
        program: Module that will write into it.

    Raises:
        ValueError: If its `run.json`, which would be lost, is of another program.
    """
    if not (output / RECORD_FILE).is_file():
        return
    if (former := read_run_record(output).get("program")) != program:
        raise ValueError(
            f"{output} holds a run of {former}, whose {RECORD_FILE} would be "
            "overwritten. Choose another folder with --output."
        )


def write_result_record(output: pathlib.Path, program: str, config: dict) -> None:
    """Writes `run.json` with the flags of this process.

    Args:
        output: Folder of the results.
        program: Module that wrote them.
        config: What decides about the numbers, JSON-ready.
    """
    write_run_record(output, program=program, flags=given_flags(), config=config)
