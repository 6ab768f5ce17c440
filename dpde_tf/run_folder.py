"""The folder of a training run: its files, and how to read them.

run.json             program, flags, configuration, versions, commit, hardware
metrics.jsonl        one line an epoch
weights.weights.h5   the network after the last finished epoch
checkpoints/         everything that the run needs to go on
tensorboard/         events
"""

import json
import pathlib

RECORD_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"
WEIGHTS_FILE = "weights.weights.h5"
CHECKPOINTS = "checkpoints"
TENSORBOARD = "tensorboard"


def has_checkpoint(workdir: str | pathlib.Path) -> bool:
    """Returns whether a run has saved a checkpoint.

    Args:
        workdir: Folder of a run; it need not exist.

    Returns:
        True if there is one to go on with.
    """
    # The file in which TensorFlow notes the newest checkpoint.
    return (pathlib.Path(workdir) / CHECKPOINTS / "checkpoint").is_file()


def read_run_record(workdir: str | pathlib.Path) -> dict:
    """Returns the content of `run.json`.

    Args:
        workdir: Folder of a run.

    Returns:
        The fields that `dpde_tf.training.run_record.write_run_record` wrote.

    Raises:
        FileNotFoundError: If the folder is not that of a run.
    """
    path = pathlib.Path(workdir) / RECORD_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist, so {workdir} is not the folder of a run. Train "
            "one, for example with `make train-nyu`, or name another."
        )
    return json.loads(path.read_text(encoding="utf-8"))


def read_metrics(workdir: str | pathlib.Path) -> list[dict]:
    """Returns the rows of `metrics.jsonl`.

    Args:
        workdir: Folder of a run.

    Returns:
        One dictionary an epoch; empty if there is no such file.

    Raises:
        ValueError: If a line is not JSON.
    """
    path = pathlib.Path(workdir) / METRICS_FILE
    if not path.is_file():
        return []
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(
                f"Line {number} of {path} must be a JSON object; it may have been cut "
                "off. Delete that line."
            ) from error
    return rows
