"""Reads the records of runs: `run.json` and `summary.json`."""

import dataclasses
import pathlib
import shlex
from collections.abc import Mapping

from dpde_tf.config import ContextNetworkConfig
from dpde_tf.files.arrays import read_npz
from dpde_tf.files.json_files import read_json_object
from dpde_tf.runs.run_folder import RECORD_FILE, read_metrics, read_run_record

_SUMMARY_FIELDS = {
    "dataset",
    "split",
    "num_images",
    "predictions",
    "records",
    "protocols",
}
_NO_RECORD = "no record of the training"


@dataclasses.dataclass(frozen=True)
class Step:
    """A run of a program.

    Attributes:
        record: Content of `run.json`; empty if missing.
        epochs: Number of trained epochs; 0 for other programs.
    """

    record: dict
    epochs: int = 0

    @property
    def config(self) -> dict:
        """Configurations of the run."""
        return self.record.get("config", {})

    @property
    def command(self) -> str:
        """Command line, possibly empty."""
        if "program" not in self.record:
            return ""
        given = self.record.get("flags", {}).items()
        flags = (_argument(*flag) for flag in given)
        return shlex.join(["python", "-m", self.record["program"], *flags])

    @property
    def summary(self) -> str:
        """Epochs, image size, seed and initial weights, as far as known."""
        training = self.config.get("TrainingConfig")
        if training is None:
            return _NO_RECORD
        size = self.config.get("data", {}).get("image_size")
        at = f" at {size[0]}x{size[1]}" if size else ""
        start = self.config.get("InitialisationConfig", {}).get("init_from")
        after = f", started from {start}" if start else ""
        seed = training.get("seed", "not given")
        return f"{self.epochs} epochs{at}, seed {seed}{after}"


def read_step(folder: str | pathlib.Path | None) -> Step:
    """Returns the run that wrote a folder.

    Args:
        folder: Folder, or None.

    Returns:
        Record and epochs; empty if the folder or its record is missing.
    """
    if folder is None or not (pathlib.Path(folder) / RECORD_FILE).is_file():
        return Step({})
    epochs = read_metrics(folder)
    return Step(read_run_record(folder), epochs[-1]["epoch"] if epochs else 0)


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
    remedy = "Delete it and run the program that wrote it again."
    summary = read_json_object(path, remedy=remedy)
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
    networks = read_step(predictions).config.get("networks", {})
    if "guided_run" in networks:
        return "guided"
    if "gradient_run" not in networks:
        return None
    gradient = read_step(networks["gradient_run"])
    if is_context_network(gradient.config):
        return "context"
    # If its run is gone, its depth tells.
    files = () if gradient.record else pathlib.Path(predictions).glob("[!.]*.npz")
    first = next(iter(files), None)
    return "context" if first and "context_depth" in read_npz(first) else None


def _argument(name: str, value: object) -> str:
    """A flag as typed on the command line."""
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return f"--{name}={value}"
