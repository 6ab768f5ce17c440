"""The folder of a training run: its files, and how to read them.

run.json             program, flags, configuration, versions, commit, hardware
metrics.jsonl        one line per epoch
weights.weights.h5   the network after the last finished epoch
checkpoints/         everything needed to resume the run: a folder for each of the
                     last two, epochs-2-steps-50 after two epochs and 50 steps
tensorboard/         events
"""

import json
import pathlib
import re
from typing import Any

from dpde_tf.files.json_files import read_json_object

RECORD_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"
WEIGHTS_FILE = "weights.weights.h5"
CHECKPOINTS = "checkpoints"
TENSORBOARD = "tensorboard"
_CHECKPOINT = re.compile(r"epochs-(\d+)-steps-(\d+)")


def checkpoint_name(epoch: int, step_in_epoch: int) -> str:
    """Returns the name of the folder of a checkpoint.

    Args:
        epoch: Finished epochs.
        step_in_epoch: Finished steps of the next one.

    Returns:
        Such as `epochs-2-steps-50`.
    """
    return f"epochs-{epoch}-steps-{step_in_epoch}"


def list_checkpoints(workdir: str | pathlib.Path) -> list[pathlib.Path]:
    """Returns the folders of the checkpoints of a run.

    Args:
        workdir: Folder of a run; it need not exist.

    Returns:
        The folders, the newest last.
    """
    found = {}
    for path in (pathlib.Path(workdir) / CHECKPOINTS).glob("epochs-*"):
        if match := _CHECKPOINT.fullmatch(path.name):
            found[tuple(map(int, match.groups()))] = path
    return [found[key] for key in sorted(found)]


def has_checkpoint(workdir: str | pathlib.Path) -> bool:
    """Returns whether a run has saved a checkpoint.

    Args:
        workdir: Folder of a run; it need not exist.

    Returns:
        True if there is one to resume from.
    """
    return bool(list_checkpoints(workdir))


def read_run_record(workdir: str | pathlib.Path) -> dict:
    """Returns the content of `run.json`.

    Args:
        workdir: Folder of a run.

    Returns:
        The fields that `dpde_tf.runs.run_record.write_run_record` wrote.

    Raises:
        FileNotFoundError: If the folder is not that of a run.
        ValueError: If the file is damaged.
    """
    path = pathlib.Path(workdir) / RECORD_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist, so {workdir} is not the folder of a run. Train "
            "one, for example with `make train-nyu`, or name another."
        )
    remedy = "Take it from a copy of the run, or use another folder."
    return read_json_object(path, remedy=remedy)


def read_metrics(workdir: str | pathlib.Path) -> list[dict]:
    """Returns the rows of `metrics.jsonl`.

    Args:
        workdir: Folder of a run.

    Returns:
        One dictionary per epoch; empty if there is no such file.

    Raises:
        ValueError: If a line is not JSON.
    """
    path = pathlib.Path(workdir) / METRICS_FILE
    if not path.is_file():
        return []
    rows = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(
                f"Line {number} of {path} must be a JSON object; it may have been cut "
                "off. Delete that line."
            ) from error
        if not isinstance(row, dict):
            raise ValueError(
                f"Line {number} of {path} must be a JSON object. Delete that line."
            )
        rows.append(row)
    return rows


def recorded_config(workdir: str | pathlib.Path, config_class: type) -> Any:
    """Returns the configuration of a class that a run's `run.json` holds.

    Args:
        workdir: Folder of a run.
        config_class: Data class, under whose name it is recorded.

    Returns:
        An instance of the class.

    Raises:
        FileNotFoundError: If the folder is not that of a run.
        ValueError: If the run has no such configuration, or a damaged one.
    """
    path, name = pathlib.Path(workdir) / RECORD_FILE, config_class.__name__
    config = read_run_record(workdir).get("config")
    if not isinstance(config, dict) or name not in config:
        raise ValueError(
            f"{path} has no {name}: it is the run of another network. See "
            "`depth_run`, `gradient_run` and `gradient_network`."
        )
    try:
        return config_class(**config[name])
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path} has no {name} of this version ({error}). Name another run."
        ) from error


def training_image_size(workdir: str | pathlib.Path) -> tuple[int, int]:
    """Returns the size of the images that a network was trained on.

    Args:
        workdir: Folder of a run.

    Returns:
        (height, width).

    Raises:
        FileNotFoundError: If the folder is not that of a run.
    """
    height, width = read_run_record(workdir)["config"]["data"]["image_size"]
    return height, width


def training_dataset(workdir: str | pathlib.Path) -> str:
    """Returns the name of the data set that a network was trained on.

    Args:
        workdir: Folder of a run.

    Returns:
        Such as `nyu_depth_v2`; empty if the record has none.

    Raises:
        FileNotFoundError: If the folder is not that of a run.
    """
    return read_run_record(workdir)["config"]["data"].get("dataset", "")
