"""Reads a folder of runs; any part of it may be missing.

    runs/nyu/
        depth/ gradient/ fcrn/          run.json, metrics.jsonl, weights.weights.h5
        predictions/dpde/ .../fcrn/     one .npz for each image
        scores/dpde/ .../fcrn/          summary.json

`dpde` holds the modified FCRN (`depth`) and its fusion with the gradients (`fused`).
"""

import dataclasses
import pathlib

from dpde_tf.files.errors import one_line
from dpde_tf.files.hdf5 import DAMAGED, open_to_read
from dpde_tf.reporting.run_records import gradient_source, read_summary
from dpde_tf.runs.run_folder import (
    RECORD_FILE,
    WEIGHTS_FILE,
    read_metrics,
    read_run_record,
)
from dpde_tf.runs.weight_files import array_sizes

TRAINING_TITLES = {
    "depth": "Modified FCRN",
    "gradient": "Gradient network",
    "fcrn": "FCRN",
}
PREDICTION_FOLDERS = ("fcrn", "dpde")


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """A training run.

    Attributes:
        record: Content of `run.json`.
        epochs: Lines of `metrics.jsonl`.
        num_parameters: Number of values in the saved weights; None without weights.
    """

    record: dict
    epochs: list[dict]
    num_parameters: int | None


@dataclasses.dataclass(frozen=True)
class Runs:
    """Content of a folder of runs.

    Attributes:
        directory: Path of the folder.
        training: Training runs by name: `depth`, `gradient` or `fcrn`.
        predictions: Folders of predictions by name: `dpde` or `fcrn`.
        prediction_records: Content of the `run.json` beside the predictions, by name.
        scores: Content of `summary.json` by name.
        gradient_sources: `context` or `guided` by name of the predictions that take
            the gradients of that network of ours.
    """

    directory: pathlib.Path
    training: dict[str, TrainingRun]
    predictions: dict[str, pathlib.Path]
    prediction_records: dict[str, dict]
    scores: dict[str, dict]
    gradient_sources: dict[str, str] = dataclasses.field(default_factory=dict)


def read_runs(directory: str | pathlib.Path) -> Runs:
    """Returns the content of a folder of runs.

    Args:
        directory: Folder with the layout above.

    Returns:
        Content of the folder; missing parts are left out.

    Raises:
        FileNotFoundError: If the folder holds none of the parts.
        ValueError: If a file is damaged.
    """
    directory = pathlib.Path(directory)
    training = {
        name: _read_training_run(directory / name)
        for name in TRAINING_TITLES
        if (directory / name / RECORD_FILE).is_file()
    }
    folders = {name: directory / "predictions" / name for name in PREDICTION_FOLDERS}
    predictions = {
        n: folder for n, folder in folders.items() if any(folder.glob("*.npz"))
    }
    prediction_records = {
        name: read_run_record(folder)
        for name, folder in folders.items()
        if (folder / RECORD_FILE).is_file()
    }
    sources = {name: gradient_source(folder) for name, folder in folders.items()}
    summaries = sorted((directory / "scores").glob("*/summary.json"))
    scores = {path.parent.name: read_summary(path.parent) for path in summaries}
    if not (training or predictions or scores):
        raise FileNotFoundError(
            f"{directory} holds no training run (depth/run.json), no predictions "
            "(predictions/dpde/*.npz) and no scores (scores/dpde/summary.json), so "
            "there is nothing to report. Give another folder with `runs`."
        )
    return Runs(
        directory,
        training,
        predictions,
        prediction_records,
        scores,
        {name: source for name, source in sources.items() if source},
    )


def count_parameters(path: str | pathlib.Path) -> int:
    """Returns the number of values in a `.weights.h5` file without the optimizer.

    Args:
        path: File written by `keras.Model.save_weights`.

    Returns:
        The result of `keras.Model.count_params`, which includes moving averages.

    Raises:
        ValueError: If the file is damaged.
    """
    try:
        with open_to_read(path) as file:
            return int(sum(array_sizes(file, pathlib.Path(path))))
    except DAMAGED as error:
        raise ValueError(
            f"{path} is not a readable HDF5 file ({one_line(error)}). Train again, or "
            "delete it."
        ) from error


def _read_training_run(directory: pathlib.Path) -> TrainingRun:
    """Reads a training run; only `run.json` is required."""
    weights = directory / WEIGHTS_FILE
    return TrainingRun(
        record=read_run_record(directory),
        epochs=read_metrics(directory),
        num_parameters=count_parameters(weights) if weights.is_file() else None,
    )
