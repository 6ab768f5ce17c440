"""The training loop of both networks."""

import pathlib
import time
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from dpde_tf.config import AugmentationConfig, TrainingConfig
from dpde_tf.data.input_pipeline import (
    RecordSet,
    make_evaluation_dataset,
    make_training_dataset,
)
from dpde_tf.training.checkpoints import CheckpointStore, Progress, save_weights
from dpde_tf.training.logs import TrainingLog
from dpde_tf.training.objectives import Batch, Objective
from dpde_tf.training.optimization import build_optimizer, learning_rate_schedule
from dpde_tf.training.step import train_on_batch


class NonFiniteLossError(RuntimeError):
    """A loss or a gradient became NaN or infinite."""


class Trainer:
    """Trains one network; a run that was interrupted goes on where it stood.

    The step is a `tf.function` around `strategy.run`, so that any `tf.distribute`
    strategy under which the network was built can be used.
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
        strategy: tf.distribute.Strategy | None = None,
    ) -> None:
        """Builds the optimiser, and restores the newest checkpoint of `workdir`.

        Args:
            network: The network, built under `strategy`.
            objective: Its losses and metrics.
            records: Training records; `config.num_validation` are held out.
            config: Optimisation and data order.
            augmentation: Random changes of the training images.
            workdir: Folder of the run.
            strategy: How the work is distributed; None is the current strategy.
        """
        self._network = network
        self._objective = objective
        self._config = config
        self._augmentation = augmentation
        self._workdir = pathlib.Path(workdir)
        self._strategy = strategy or tf.distribute.get_strategy()
        self._training, self._validation = records.hold_out(config.num_validation)
        self._steps_per_epoch = self._training.num_records // config.batch_size
        self._schedule = learning_rate_schedule(config, self._steps_per_epoch)
        with self._strategy.scope():
            self._optimizer = build_optimizer(config, self._schedule)
            self._optimizer.build(network.trainable_variables)
            self._store = CheckpointStore(workdir, network, self._optimizer)
        self._progress = self._store.restore() or Progress()
        self._log = TrainingLog(workdir, self._progress.epoch)

    @property
    def step(self) -> int:
        """Finished steps of the whole run."""
        progress = self._progress
        return progress.epoch * self._steps_per_epoch + progress.step_in_epoch

    def train(self) -> None:
        """Trains to the last epoch, and writes the weights after each.

        Raises:
            NonFiniteLossError: If a loss or a gradient is NaN or infinite. The newest
                checkpoint is from before that step.
        """
        while self._progress.epoch < self._config.epochs:
            self._train_epoch()
            self._finish_epoch()

    def _train_epoch(self) -> None:
        """Runs the steps of the current epoch that are left."""
        progress, config = self._progress, self._config
        batches = make_training_dataset(
            self._training,
            batch_size=config.batch_size,
            augmentation=self._augmentation,
            seed=config.seed,
            epoch=progress.epoch,
            start_batch=progress.step_in_epoch,
        )
        print(f"Epoch {progress.epoch + 1}/{config.epochs}", flush=True)
        bar = keras.utils.Progbar(
            self._steps_per_epoch, stateful_metrics=["loss", "images/s"]
        )
        start = time.perf_counter()
        for batch in self._strategy.experimental_distribute_dataset(batches):
            self._train_one(batch)
            # From step to step, so that waiting for data and checkpoints counts.
            progress.seconds += time.perf_counter() - start
            start = time.perf_counter()
            images = progress.step_in_epoch * config.batch_size
            shown = {
                "loss": progress.sums["loss"] / images,
                "images/s": images / progress.seconds,
            }
            bar.update(progress.step_in_epoch, list(shown.items()))
            # The last step's is saved after validation, under the same number.
            is_last = progress.step_in_epoch == self._steps_per_epoch
            if progress.step_in_epoch % config.checkpoint_steps == 0 and not is_last:
                self._store.save(progress, self.step)

    def _train_one(self, batch: Batch) -> None:
        """Runs one step, and adds its losses to the progress."""
        progress = self._progress
        terms, gradient_norm = self._train_step(batch)
        terms = {name: value.numpy() for name, value in terms.items()}
        self._check_finite(batch, terms["loss"], float(gradient_norm))
        progress.step_in_epoch += 1
        for name, values in terms.items():
            total = float(values.sum(dtype=np.float64))
            progress.sums[name] = progress.sums.get(name, 0.0) + total
        scalars = {name: float(values.mean()) for name, values in terms.items()}
        scalars["gradient_norm"] = float(gradient_norm)
        scalars["learning_rate"] = self._learning_rate()
        self._log.write_step(self.step, scalars)

    @tf.function
    def _train_step(self, batch: Batch) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Updates the weights; returns the losses `[B]` and the gradient's norm."""
        terms, norm = self._strategy.run(self._replica_step, args=(batch,))
        terms = {
            name: self._strategy.gather(value, axis=0) for name, value in terms.items()
        }
        return terms, self._strategy.reduce("MEAN", norm, axis=None)

    def _replica_step(self, batch: Batch) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """The step on one replica's part of the batch."""
        return train_on_batch(
            self._network,
            self._objective,
            self._optimizer,
            batch,
            num_replicas=self._strategy.num_replicas_in_sync,
        )

    def _check_finite(self, batch: Batch, loss: np.ndarray, norm: float) -> None:
        """Stops the run if the step's numbers are broken."""
        # A scaled float16 loss may overflow: the optimiser skips that step itself.
        scaled = isinstance(self._optimizer, keras.optimizers.LossScaleOptimizer)
        bad = ~np.isfinite(loss)
        if not bad.any() and (scaled or np.isfinite(norm)):
            return
        locals_ = self._strategy.experimental_local_results(batch["name"])
        names = np.concatenate([part.numpy() for part in locals_])
        culprits = names[bad] if bad.any() else names
        listed = ", ".join(name.decode() for name in culprits)
        raise NonFiniteLossError(
            f"Step {self.step + 1} gave a loss or a gradient that is not finite, on "
            f"the images {listed}. The newest checkpoint in {self._workdir} is from "
            "before it. Look at these images, or use a smaller --learning_rate, "
            "--clip_norm=10 or --precision=float32."
        )

    def _learning_rate(self) -> float:
        """The rate of the step that was just made."""
        return float(self._schedule(self.step - 1))

    def _finish_epoch(self) -> None:
        """Validates, logs, and saves checkpoint and weights."""
        progress = self._progress
        images = progress.step_in_epoch * self._config.batch_size
        row = {
            "epoch": progress.epoch + 1,
            "step": self.step,
            "learning_rate": self._learning_rate(),
            "images_per_second": images / progress.seconds,
            "seconds": progress.seconds,
        }
        row |= {name: total / images for name, total in progress.sums.items()}
        row |= self._validate()
        self._log.write_epoch(row)
        # The weights come first: what a checkpoint says is finished has weights.
        save_weights(self._network, self._workdir)
        self._progress = Progress(epoch=progress.epoch + 1)
        self._store.save(self._progress, self.step)

    def _validate(self) -> dict[str, dict[str, float]]:
        """Metrics on the held-out records, and pictures of the first one."""
        if not self._validation.num_records:
            return {}
        scores = self._objective.scores(self._predict_validation())
        print("validation: " + ", ".join(f"{k} {v:.4f}" for k, v in scores.items()))
        batch, predicted = next(self._predict_validation())
        self._log.write_pictures(self.step, self._objective.pictures(batch, predicted))
        return {"validation": scores}

    def _predict_validation(self) -> Iterator[tuple[Batch, np.ndarray]]:
        """Batches of the held-out records with the network's output."""
        dataset = make_evaluation_dataset(
            self._validation, batch_size=self._config.batch_size
        )
        for batch in dataset:
            yield batch, self._predict_step(batch["image"]).numpy()

    @tf.function(reduce_retracing=True)
    def _predict_step(self, image: tf.Tensor) -> tf.Tensor:
        """The network's output in inference mode."""
        return self._network(image, training=False)
