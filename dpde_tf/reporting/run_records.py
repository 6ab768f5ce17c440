"""Reads the records of runs: `run.json` and `summary.json`."""

import pathlib
from collections.abc import Mapping

from dpde_tf.config import ContextNetworkConfig
from dpde_tf.files.json_files import read_json_object
from dpde_tf.runs.run_folder import RECORD_FILE

_SUMMARY_FIELDS = {
    "dataset",
    "split",
    "num_images",
    "predictions",
    "records",
    "protocols",
}


def read_record(path: str | pathlib.Path) -> dict:
    """Returns the content of a JSON file of a run.

    Args:
        path: The file.

    Returns:
        Its fields.

    Raises:
        ValueError: If the file is damaged.
    """
    remedy = "Delete it and run the program that wrote it again."
    return read_json_object(path, remedy=remedy)


def read_summary(folder: str | pathlib.Path) -> dict:
    """Returns the content of `summary.json` in a folder of scores.

    Args:
        folder: The folder.

    Returns:
        Description of the scores; `protocols` holds the results by protocol and array.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is damaged or lacks a field.
    """
    path = pathlib.Path(folder) / "summary.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist. Write it with `python -m experiments.evaluate`."
        )
    summary = read_record(path)
    if missing := _SUMMARY_FIELDS - set(summary):
        raise ValueError(
            f"{path} lacks {', '.join(sorted(missing))}. Write it again with "
            "`python -m experiments.evaluate`."
        )
    return summary


def is_context_network(config: Mapping) -> bool:
    """Returns whether a configuration describes the context network.

    Args:
        config: The entry `config` of a `run.json`.

    Returns:
        True for a training run of the context network.
    """
    return ContextNetworkConfig.__name__ in config


def gradient_source(predictions: str | pathlib.Path) -> str | None:
    """Returns which network of ours gave the gradients of predictions.

    Args:
        predictions: Folder of predictions.

    Returns:
        `guided` or `context`; None for the paper's gradient network, and if nothing is
        recorded.

    Raises:
        ValueError: If a record is damaged.
    """
    path = pathlib.Path(predictions) / RECORD_FILE
    config = read_record(path).get("config", {}) if path.is_file() else {}
    networks = config.get("networks", {})
    if "guided_run" in networks:
        return "guided"
    run = pathlib.Path(networks.get("gradient_run", "")) / RECORD_FILE
    if not networks.get("gradient_run") or not run.is_file():
        return None
    return "context" if is_context_network(read_record(run).get("config", {})) else None
