"""Checkpoints with everything that a run needs to go on as if nothing had happened."""

import dataclasses
import json
import os
import pathlib

import keras
import tensorflow as tf

from dpde_tf.atomic_files import write_whole
from dpde_tf.run_folder import CHECKPOINTS, WEIGHTS_FILE

_MAX_TO_KEEP = 2


@dataclasses.dataclass
class Progress:
    """Where a run stands.

    The order of the data and all random changes of images follow from the run's seed,
    the epoch and the step alone (see `dpde_tf.data.input_pipeline`), so these two
    numbers are also the state of the data and of the random generators.

    Attributes:
        epoch: Finished epochs.
        step_in_epoch: Finished steps of the current one.
        sums: Of each loss term over the images of the current epoch.
        seconds: Time spent on the current epoch.
    """

    epoch: int = 0
    step_in_epoch: int = 0
    sums: dict[str, float] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0


class CheckpointStore:
    """Saves and restores network, optimiser and progress of one run.

    A checkpoint is complete or not there: TensorFlow writes its files under temporary
    names and notes the newest one last.
    """

    def __init__(
        self,
        workdir: str | pathlib.Path,
        network: keras.Model,
        optimizer: keras.Optimizer,
    ) -> None:
        """Prepares saving to `<workdir>/checkpoints`; the optimiser must be built."""
        self._progress = tf.Variable("", dtype=tf.string, trainable=False)
        self._checkpoint = tf.train.Checkpoint(
            network=network, optimizer=optimizer, progress=self._progress
        )
        self._manager = tf.train.CheckpointManager(
            self._checkpoint,
            os.fspath(pathlib.Path(workdir) / CHECKPOINTS),
            max_to_keep=_MAX_TO_KEEP,
        )

    def save(self, progress: Progress, step: int) -> None:
        """Saves all state.

        Args:
            progress: Where the run stands.
            step: Finished steps of the whole run; names the checkpoint.
        """
        self._progress.assign(json.dumps(dataclasses.asdict(progress)))
        self._manager.save(checkpoint_number=step)

    def restore(self) -> Progress | None:
        """Loads the newest checkpoint into network and optimiser.

        Returns:
            Where the run stood, or None if there is no checkpoint.
        """
        if self._manager.latest_checkpoint is None:
            return None
        status = self._checkpoint.restore(self._manager.latest_checkpoint)
        status.assert_existing_objects_matched()
        return Progress(**json.loads(self._progress.numpy()))


def save_weights(network: keras.Model, workdir: str | pathlib.Path) -> None:
    """Writes the network's weights to `<workdir>/weights.weights.h5`.

    Args:
        network: Any Keras model.
        workdir: Folder of the run.
    """
    with write_whole(pathlib.Path(workdir) / WEIGHTS_FILE) as path:
        network.save_weights(path)
