"""Checkpoints with the complete state of a run, for an exact continuation."""

import dataclasses
import json
import os
import pathlib

import keras
import tensorflow as tf
from absl import logging

from dpde_tf.files.atomic import (
    atomic_write,
    atomic_write_folder,
    remove_folder,
    remove_partial,
)
from dpde_tf.files.checksums import check_checksums, write_checksums
from dpde_tf.runs.run_folder import (
    CHECKPOINTS,
    checkpoint_name,
    list_checkpoints,
)
from dpde_tf.runs.weight_files import add_checksum
from dpde_tf.training.progress import Progress

_MAX_TO_KEEP = 2
_PREFIX = "state"


class DamagedCheckpointError(ValueError):
    """A checkpoint differs from what was written."""


class CheckpointStore:
    """Saves and restores network, optimiser and progress of one run.

    A checkpoint is a folder, written atomically, with the SHA-256 of its files. If a
    checkpoint is damaged, the previous one is restored.
    """

    def __init__(
        self,
        workdir: str | pathlib.Path,
        network: keras.Model,
        optimizer: keras.Optimizer,
        *,
        writes: bool = True,
    ) -> None:
        """Prepares saving to `<workdir>/checkpoints`; the optimiser must be built.

        With `writes=False`, the folder is not changed: another process saves the same.
        """
        self._writes = writes
        self._workdir = pathlib.Path(workdir)
        self._folder = self._workdir / CHECKPOINTS
        self._progress = tf.Variable("", dtype=tf.string, trainable=False)
        self._checkpoint = tf.train.Checkpoint(
            network=network, optimizer=optimizer, progress=self._progress
        )
        self._saved = None
        if writes:
            remove_partial(self._folder, "epochs-*")

    def save(self, progress: Progress) -> None:
        """Saves the complete state, and removes all but the last two checkpoints.

        Does nothing if the last checkpoint already has this progress.

        Args:
            progress: Progress of the run, which also gives the checkpoint its name.

        Raises:
            OSError: If the checkpoint cannot be written; the previous ones are kept.
        """
        if self._saved == progress.place or not self._writes:
            return
        self._progress.assign(json.dumps(dataclasses.asdict(progress)))
        name = checkpoint_name(*progress.place)
        folders = list_checkpoints(self._workdir)
        former = [path for path in folders if path.name != name]
        with atomic_write_folder(self._folder / name) as folder:
            try:
                self._checkpoint.write(os.fspath(folder / _PREFIX))
            except tf.errors.OpError as error:
                raise OSError(error.message) from error
            write_checksums(folder)
        self._saved = progress.place
        for path in former[: 1 - _MAX_TO_KEEP]:
            remove_folder(path)

    def restore(self) -> Progress | None:
        """Loads the newest intact checkpoint into network and optimiser.

        Newer, damaged checkpoints are removed with a warning.

        Returns:
            Progress of the run; None if there is no checkpoint.

        Raises:
            ValueError: If all checkpoints are damaged, or the newest intact one belongs
                to another network.
        """
        folders = list_checkpoints(self._workdir)
        for index, folder in reversed(list(enumerate(folders))):
            try:
                progress = self._load(folder)
            except DamagedCheckpointError as error:
                logging.warning("%s Using the previous one.", error)
                continue
            for damaged in folders[index + 1 :] if self._writes else []:
                remove_folder(damaged)
            self._saved = progress.place
            return progress
        if folders:
            raise ValueError(
                f"All checkpoints in {self._folder} are damaged. Restore that folder "
                f"from a copy of the run, or delete {self._workdir} to start again."
            )
        return None

    def _load(self, folder: pathlib.Path) -> Progress:
        """Loads one checkpoint; raises an error that names the reason if it cannot."""
        try:
            check_checksums(folder)
        except ValueError as error:
            raise DamagedCheckpointError(
                f"The checkpoint {folder} is damaged: {error}."
            ) from error
        try:
            status = self._checkpoint.read(os.fspath(folder / _PREFIX))
            status.assert_existing_objects_matched()
            return Progress(**json.loads(self._progress.numpy()))
        except (tf.errors.OpError, IndexError) as error:
            raise DamagedCheckpointError(
                f"The checkpoint {folder} is damaged: {error}."
            ) from error
        except (AssertionError, ValueError) as error:
            raise ValueError(
                f"The checkpoint {folder} is of another network or optimiser: "
                f"{str(error).splitlines()[0]} Use another `workdir`, or delete "
                f"{self._workdir} to start again."
            ) from error


def save_weights(network: keras.Model, path: str | pathlib.Path) -> None:
    """Writes the weights of a network, and their checksum.

    Args:
        network: Any Keras model.
        path: File to write, `.weights.h5`.

    Raises:
        OSError: If the file cannot be written; the previous file is kept.
    """
    with atomic_write(path) as temporary:
        try:
            network.save_weights(temporary)
            add_checksum(temporary)
        except RuntimeError as error:  # HDF5 raises this if the disk is full.
            raise OSError(str(error)) from error
