"""Predictions for the records of a data set: which ones, and one NPZ for each."""

import itertools
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from dpde_tf.config import TrainingConfig
from dpde_tf.data.input_pipeline import RecordSet, make_evaluation_dataset
from dpde_tf.data.records import readable_record_errors
from dpde_tf.files.predictions import prediction_path, write_prediction
from dpde_tf.inference.overlap import write_behind
from dpde_tf.inference.predictor import DepthPredictor, predict_at_size
from dpde_tf.inference.progress import progress_bar
from dpde_tf.runs.run_folder import read_run_record, recorded_config


def predict_records(
    predictor: DepthPredictor,
    records: RecordSet,
    output: pathlib.Path,
    *,
    batch_size: int,
    size: tuple[int, int],
) -> None:
    """Writes the prediction of every record that has none yet.

    Args:
        predictor: The networks.
        records: What to predict.
        output: Folder of the NPZ files.
        batch_size: Records at a time.
        size: (height, width) of what the networks see.

    Raises:
        ValueError: If a shard is damaged.
        OSError: If a file cannot be written.
    """
    done = np.zeros(len(records.selected), bool)
    done[records.selected] = [p.is_file() for p in record_files(records, output)]
    todo = records.without(done)
    if not todo.num_records:
        return
    dataset = make_evaluation_dataset(todo, batch_size=batch_size)
    with (
        progress_bar(todo.num_records, "image") as advance,
        readable_record_errors(records.directory, records.split),
        write_behind(_write_batch) as write,
    ):
        for batch in dataset:
            maps = predict_at_size(predictor, batch["image"], size)
            write(output, batch["name"].numpy(), maps)
            advance(len(batch["name"]))


def _write_batch(
    output: pathlib.Path, names: Sequence[bytes], maps: Mapping[str, np.ndarray]
) -> None:
    """Writes a file for each record of a batch."""
    for row, name in enumerate(names):
        one = {key: values[row] for key, values in maps.items()}
        write_prediction(prediction_path(output, name), one)


def record_files(records: RecordSet, output: pathlib.Path) -> list[pathlib.Path]:
    """Returns the files of the predictions of the selected records.

    Args:
        records: The records.
        output: Folder of the NPZ files.

    Returns:
        One path a record, whether there is such a file or not.
    """
    names = itertools.compress(records.split.names, records.selected)
    return [prediction_path(output, name) for name in names]


def held_out_records(records: RecordSet, run: str | pathlib.Path) -> RecordSet:
    """Returns the records that a training held out.

    Args:
        records: The split that it was trained on.
        run: Folder of the run.

    Returns:
        Those of the records.

    Raises:
        FileNotFoundError: If the folder is not that of a run.
        ValueError: If the run cannot be of this split, or held out nothing.
    """
    training = recorded_config(run, TrainingConfig)
    data = read_run_record(run)["config"].get("data", {})
    trained_on, there = data.get("num_records"), len(records.selected)
    if trained_on not in (None, there):
        raise ValueError(
            f"{run} was trained on a split of {trained_on} records, and "
            f"{records.split_name!r} of {records.directory} has {there}. Name the "
            "split that it was trained on."
        )
    if not training.num_validation:
        raise ValueError(
            f"The training of {run} held out no records. Use a run with "
            "`num_validation`."
        )
    return records.hold_out(training.num_validation, swap=training.swap_held_out)[1]


def first_records(records: RecordSet, count: int | None) -> RecordSet:
    """Returns the records that are among the first records of the split.

    Args:
        records: The records.
        count: Number of first records of the split; None for all.

    Returns:
        The selected records.
    """
    numbers = np.arange(len(records.selected))
    return records.without(numbers >= (count or len(numbers)))


def share_of_worker(records: RecordSet, worker: int, num_workers: int) -> RecordSet:
    """Returns every n-th record of a split, so that n processes predict all.

    Args:
        records: The records.
        worker: Rank of the process, from 0.
        num_workers: Number of processes.

    Returns:
        Those of the records whose place in the split is the worker's.
    """
    return records.without(np.arange(len(records.selected)) % num_workers != worker)
