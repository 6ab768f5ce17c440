"""Learning-rate schedules and optimisers."""

import math

import keras
import tensorflow as tf

from dpde_tf.config import TrainingConfig
from dpde_tf.training.fused_optimizers import FusedAdamW, FusedSGD

OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("paper", "cosine")


@keras.saving.register_keras_serializable(package="dpde_tf")
class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate as a function of the step.

    `paper` is the initial rate in the first third of the epochs (rounded up), half of
    it in the second third, and a tenth in the last: 1e-2, 5e-3 and 1e-3 for ten of 30
    epochs each. `cosine` is half a cosine from the initial rate to 0. Both are
    multiplied by an optional linear warm-up from 0 to 1 over the first steps.

    Attributes:
        initial: Initial rate.
        schedule: `paper` or `cosine`.
        epochs: Epochs of the whole run.
        steps_per_epoch: Steps in an epoch.
        warmup_steps: Steps of the warm-up; 0 for none.

    Source: Xu & Liu (2021), Sect. 4.2.
    """

    def __init__(
        self,
        initial: float,
        schedule: str,
        epochs: int,
        steps_per_epoch: int,
        warmup_steps: int = 0,
    ) -> None:
        if schedule not in SCHEDULES:
            raise ValueError(
                f"`schedule` must be {' or '.join(SCHEDULES)}. Received: {schedule!r}."
            )
        self.initial = initial
        self.schedule = schedule
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.warmup_steps = warmup_steps

    @classmethod
    def of(cls, config: TrainingConfig, steps_per_epoch: int) -> "LearningRate":
        """Returns the schedule of a run.

        Args:
            config: Initial rate, schedule, epochs, warm-up.
            steps_per_epoch: Steps in an epoch.
        """
        fields = (config.learning_rate, config.schedule, config.epochs)
        return cls(*fields, steps_per_epoch, config.warmup_steps)

    def __call__(self, step: tf.Tensor | int) -> tf.Tensor:
        """Returns the rate of a step, counted from 0."""
        step = tf.cast(step, tf.float32)
        total = float(self.epochs * self.steps_per_epoch)
        if self.schedule == "paper":
            half = float(math.ceil(self.epochs / 3) * self.steps_per_epoch)
            tenth = float(math.ceil(2 * self.epochs / 3) * self.steps_per_epoch)
            factor = tf.where(step < half, 1.0, tf.where(step < tenth, 0.5, 0.1))
        else:
            progress = tf.minimum(step / total, 1.0)
            factor = 0.5 * (1.0 + tf.cos(math.pi * progress))
        if self.warmup_steps:
            factor *= tf.minimum((step + 1.0) / self.warmup_steps, 1.0)
        return self.initial * factor

    def get_config(self) -> dict:
        """Returns the arguments for creating an equal schedule."""
        return dict(vars(self))


def build_optimizer(config: TrainingConfig, schedule: LearningRate) -> keras.Optimizer:
    """Returns the optimiser of a run.

    Args:
        config: Optimiser, momentum, decay, clipping.
        schedule: Learning rate.

    Returns:
        SGD with momentum, or AdamW; under the policy `mixed_float16` with dynamic loss
        scaling.

    Raises:
        ValueError: If the optimiser is unknown.

    Source: Xu & Liu (2021), Sect. 4.2.
    """
    options = {
        "learning_rate": schedule,
        "global_clipnorm": config.clip_norm or None,
    }
    if config.optimizer == "sgd":
        optimizer = FusedSGD(
            momentum=config.momentum,
            weight_decay=config.weight_decay or None,
            **options,
        )
    elif config.optimizer == "adamw":
        optimizer = FusedAdamW(weight_decay=config.weight_decay, **options)
    else:
        raise ValueError(
            f"`optimizer` must be {' or '.join(OPTIMIZERS)}. Received: "
            f"{config.optimizer!r}."
        )
    if keras.config.dtype_policy().name == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer
