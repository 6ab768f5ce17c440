"""Progress of a training run, as saved in its checkpoints."""

import dataclasses
from collections.abc import Mapping

import numpy as np

# Momentum of the moving average of the loss.
_MOMENTUM = 0.9


@dataclasses.dataclass
class Progress:
    """Progress of a run.

    The order of the data and all random changes of images depend only on the seed of
    the run, the epoch and the step (see `dpde_tf.data.input_pipeline`). These two
    numbers are therefore also the state of the data and of the random generators.

    Attributes:
        epoch: Number of finished epochs.
        step_in_epoch: Number of finished steps of the current epoch, including skipped
            steps.
        images: Number of images of the current epoch used for training.
        images_with_depth: Number of these images that have a measured pixel.
        sums: Sum of each loss term over the images of the current epoch.
        seconds: Time spent on the current epoch.
        typical_loss: Moving average of the loss of a step; None before the first step.
        skipped: Skipped steps of the whole run, counted from 0.
    """

    epoch: int = 0
    step_in_epoch: int = 0
    images: int = 0
    images_with_depth: int = 0
    sums: dict[str, float] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    typical_loss: float | None = None
    skipped: list[int] = dataclasses.field(default_factory=list)

    @property
    def place(self) -> tuple[int, int]:
        """Finished epochs, and finished steps of the current epoch."""
        return self.epoch, self.step_in_epoch

    def step(self, steps_per_epoch: int) -> int:
        """Returns the number of finished steps of the whole run.

        Args:
            steps_per_epoch: Steps in an epoch.

        Returns:
            The number, including skipped steps.
        """
        return self.epoch * steps_per_epoch + self.step_in_epoch

    def add(self, losses: Mapping[str, np.ndarray]) -> None:
        """Adds one step.

        Args:
            losses: Values by image for each loss term. `loss` and `measured`, the share
                of measured pixels, are required; at least one image must have a
                measured pixel.
        """
        self.step_in_epoch += 1
        has_depth = losses["measured"] > 0
        self.images += has_depth.size
        self.images_with_depth += int(has_depth.sum())
        for name, values in losses.items():
            total = float(values[has_depth].sum(dtype=np.float64))
            self.sums[name] = self.sums.get(name, 0.0) + total
        loss = float(losses["loss"][has_depth].mean())
        if self.typical_loss is None:
            self.typical_loss = loss
        self.typical_loss = _MOMENTUM * self.typical_loss + (1.0 - _MOMENTUM) * loss

    def means(self) -> dict[str, float]:
        """Returns the mean of each loss term over the images with measured depth.

        Returns:
            Means by name; the mean of `measured` is over all images.
        """
        return {
            name: total
            / (self.images if name == "measured" else self.images_with_depth)
            for name, total in self.sums.items()
        }

    def loss_limit(self, growth: float) -> float:
        """Returns the largest loss of the next step that does not count as exploding.

        Args:
            growth: Ratio of the limit to the typical loss; 0 for no limit.

        Returns:
            The limit; infinite before the first step.
        """
        if not growth or self.typical_loss is None:
            return np.inf
        return growth * self.typical_loss

    def images_per_second(self) -> float:
        """Returns the mean rate of the current epoch; 0 before its first step."""
        return self.images / self.seconds if self.images else 0.0

    def next_epoch(self) -> "Progress":
        """Returns the progress at the start of the next epoch."""
        return Progress(
            epoch=self.epoch + 1, typical_loss=self.typical_loss, skipped=self.skipped
        )
