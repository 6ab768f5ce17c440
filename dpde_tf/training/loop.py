"""The training loop of all networks."""

import dataclasses
import functools
import math
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from dpde_tf.config import AugmentationConfig, TrainingConfig
from dpde_tf.data.coarse_depth import CoarseDepths
from dpde_tf.data.input_pipeline import RecordSet, make_training_dataset
from dpde_tf.data.manifest import DamagedShardError
from dpde_tf.data.records import readable_record_errors
from dpde_tf.runs.run_folder import WEIGHTS_FILE
from dpde_tf.training import bad_steps
from dpde_tf.training.bad_steps import BadStepError
from dpde_tf.training.checkpoints import CheckpointStore, save_weights
from dpde_tf.training.distribution import Distribution
from dpde_tf.training.logs import TrainingLog
from dpde_tf.training.objectives import Batch, Objective
from dpde_tf.training.optimization import LearningRate, build_optimizer
from dpde_tf.training.progress import Progress
from dpde_tf.training.step import TrainingStep
from dpde_tf.training.stop_signals import StoppedBySignalError, StopSignals
from dpde_tf.training.validation import Validation


class Trainer:
    """Trains one network; an interrupted run continues where it stopped.

    With several replicas, each takes an equal part of every batch. With several
    processes, all make the same decisions, and only the chief writes files.
    """

    def __init__(
        self,
        network: keras.Model,
        objective: Objective,
        records: RecordSet,
        *,
        config: TrainingConfig,
        augmentation: AugmentationConfig,
        workdir: str | pathlib.Path,
        distribution: Distribution | None = None,
        coarse: CoarseDepths | None = None,
    ) -> None:
        """Builds the optimiser, and restores the newest checkpoint of `workdir`.

        Args:
            network: The network, built in the scope of the strategy.
            objective: Losses and metrics of the network.
            records: Training records; `config.num_validation` of them are held out.
            config: Optimisation and data order.
            augmentation: Random changes of the training images.
            workdir: Folder of the run.
            distribution: The devices; None for those of the current strategy.
            coarse: Source of the coarse depth maps for a guided network.

        Raises:
            ValueError: If the newest checkpoint is of another network, or the arguments
                differ between the processes of the strategy.
        """
        self._network = network
        self._config = config
        self._augmentation = augmentation
        self._coarse = coarse
        self._workdir = pathlib.Path(workdir)
        self._distribution = distribution = distribution or Distribution()
        distribution.check_batch_size(config.batch_size)
        is_chief = distribution.is_chief
        self._training, held_out = records.hold_out(
            config.num_validation, swap=config.swap_held_out
        )
        self._validation = Validation(
            network,
            objective,
            held_out,
            distribution,
            batch_size=config.batch_size,
            coarse=coarse,
        )
        self._steps_per_epoch = math.ceil(
            self._training.num_records / config.batch_size
        )
        self._schedule = LearningRate.of(config, self._steps_per_epoch)
        with distribution.strategy.scope():
            self._optimizer = optimizer = build_optimizer(config, self._schedule)
            optimizer.build(network.trainable_variables)
        self._step = TrainingStep(network, objective, optimizer, distribution)
        self._store = CheckpointStore(workdir, network, optimizer, writes=is_chief)
        self._progress = self._store.restore() or Progress()
        distribution.check_same(records.split.shards, self._progress)
        # Weight files of the same name may differ between processes.
        distribution.check_same_arrays(network.get_weights)
        self._stop = StopSignals()
        self._signal_of_any = None
        self._log = TrainingLog(workdir, self._progress.epoch, writes=is_chief)

    @property
    def step(self) -> int:
        """Finished steps of the whole run."""
        return self._progress.step(self._steps_per_epoch)

    def train(self, stop: StopSignals | None = None) -> None:
        """Trains to the last epoch, and writes the weights after each epoch.

        Args:
            stop: Signals to stop, checked between steps; None to ignore signals.

        Raises:
            BadStepError: If a step is bad and bad steps are not skipped, or too many
                are bad. The newest checkpoint is from before the step.
            StoppedBySignalError: If a signal asked to stop. The state is saved.
            OSError: If a shard is missing (the state is saved), or a file cannot be
                written.
            DamagedShardError: If a shard was changed. The state is saved.
            ConnectionError: If another process is lost. The newest checkpoint is
                complete.
        """
        self._stop = stop or self._stop
        with self._distribution.report_lost_workers():
            self._train()

    def _train(self) -> None:
        """Trains to the last epoch; skips bad steps and saves before other errors."""
        if self._config.on_bad_step == "skip":
            self._save()  # Even the first step may be bad.
        while self._progress.epoch < self._config.epochs:
            try:
                self._stop_if_asked()
                self._train_epoch()
                self._finish_epoch()
            except BadStepError as error:
                self._skip_bad_step(error)
            except (DamagedShardError, FileNotFoundError):
                self._save()
                raise
        if self._distribution.is_chief and not (self._workdir / WEIGHTS_FILE).is_file():
            self._save_weights()  # Of a finished run, whose file was removed.

    def _train_epoch(self) -> None:
        """Runs the remaining steps of the current epoch."""
        progress, config = self._progress, self._config
        batches = self._distribution.batches(
            functools.partial(
                make_training_dataset,
                self._training,
                batch_size=config.batch_size,
                augmentation=self._augmentation,
                seed=config.seed,
                epoch=progress.epoch,
                start_batch=progress.step_in_epoch,
                coarse=self._coarse,
            )
        )
        bar = self._log.progress_bar(
            f"Epoch {progress.epoch + 1}/{config.epochs}", self._steps_per_epoch
        )
        start = time.perf_counter()
        with readable_record_errors(self._training.directory, self._training.split):
            for batch in batches:
                if self.step in progress.skipped:
                    progress.step_in_epoch += 1
                    continue
                self._train_one(batch)
                # From step to step, to include waiting for data and checkpoints.
                progress.seconds += time.perf_counter() - start
                start = time.perf_counter()
                loss, rate = progress.means()["loss"], progress.images_per_second()
                bar.update(progress.step_in_epoch, [("loss", loss), ("images/s", rate)])
                self._stop_if_asked()
                # The checkpoint of the last step is saved after validation.
                done = progress.step_in_epoch
                if done % config.checkpoint_steps == 0 and done < self._steps_per_epoch:
                    self._save()

    def _train_one(self, batch: Batch) -> None:
        """Runs one step, and adds its losses to the progress."""
        signal = tf.constant(self._stop.received or 0, tf.float32)
        terms, gradient_norm = self._step(batch, signal)
        terms = {name: value.numpy() for name, value in terms.items()}
        self._signal_of_any = int(terms.pop("signal").max()) or None
        # Drop the records that only fill up the batch.
        terms = {name: value[terms["index"] >= 0] for name, value in terms.items()}
        indices = terms.pop("index").astype(int)
        gradient_norm = float(gradient_norm)
        self._check_step(indices, terms, gradient_norm)
        self._progress.add(terms)
        # Images without depth have no loss.
        known = terms["measured"] > 0
        scalars = {name: float(values[known].mean()) for name, values in terms.items()}
        scalars["measured"] = float(terms["measured"].mean())
        scalars["gradient_norm"] = gradient_norm
        scalars["learning_rate"] = self._learning_rate()
        self._log.write_step(self.step, scalars)

    def _check_step(
        self, indices: np.ndarray, terms: dict[str, np.ndarray], norm: float
    ) -> None:
        """Raises a BadStepError for a loss or gradient that is unusable."""
        known = terms["measured"] > 0
        loss = terms["loss"][known]
        if not loss.size:
            images = self._training.describe(indices)
            raise bad_steps.unmeasured_step(self.step, images)
        # A scaled float16 loss may overflow; the optimiser skips such a step itself.
        if isinstance(self._optimizer, keras.optimizers.LossScaleOptimizer):
            norm = 0.0
        limit = self._progress.loss_limit(self._config.max_loss_growth)
        if np.isfinite(norm + loss.mean()) and loss.mean() <= limit:
            return
        images = self._training.describe(indices[known])
        raise bad_steps.bad_step(self.step, images, loss, norm, limit=limit)

    def _skip_bad_step(self, error: BadStepError) -> None:
        """Restores the newest checkpoint, to continue without the bad batch."""
        former = self._progress.skipped
        row = range(error.step - bad_steps.MAX_IN_A_ROW, error.step)
        if (
            self._config.on_bad_step != "skip"
            or error.step in former  # Skipping it did not help.
            or set(row) <= set(former)
        ):
            raise error
        logging.warning("%s Continuing without its batch.", error.what)
        skipped = sorted([*former, error.step])
        self._progress = dataclasses.replace(self._store.restore(), skipped=skipped)

    def _save(self) -> None:
        """Saves a checkpoint; before the first step, only if bad steps are skipped."""
        if self.step or self._config.on_bad_step == "skip":
            bad_steps.check_weights(self.step - 1, self._network, self._optimizer)
            self._store.save(self._progress)

    def _stop_if_asked(self) -> None:
        """Saves the state and raises an error if a signal was received."""
        several = self._distribution.num_workers > 1
        signal = self._signal_of_any if several else self._stop.received
        if signal is not None:
            self._save()
            raise StoppedBySignalError(signal, self.step)

    def _learning_rate(self) -> float:
        """The learning rate of the last step."""
        return float(self._schedule(self._optimizer.iterations - 1))

    def _finish_epoch(self) -> None:
        """Validates, logs, and saves weights and checkpoint."""
        progress = self._progress
        bad_steps.check_weights(self.step - 1, self._network, self._optimizer)
        row = {
            "epoch": progress.epoch + 1,
            "step": self.step,
            "learning_rate": self._learning_rate(),
            "images": progress.images,
            "images_per_second": progress.images_per_second(),
            "seconds": progress.seconds,
        }
        row |= progress.means()
        if scores := self._validation.scores(self._stop_if_asked):
            row["validation"] = scores
            self._log.write_pictures(self.step, self._validation.pictures())
        self._log.write_epoch(row)
        # The weights come first, so that each epoch finished in a checkpoint has them.
        if self._distribution.is_chief:
            self._save_weights()
        self._progress = progress.next_epoch()
        self._store.save(self._progress)

    def _save_weights(self) -> None:
        """Writes the weights of the run."""
        save_weights(self._network, self._workdir / WEIGHTS_FILE)
