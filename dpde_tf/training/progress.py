"""Where a training run stands, as its checkpoints keep it."""

import dataclasses
from collections.abc import Mapping

import numpy as np

# Of the moving average of the loss.
_MOMENTUM = 0.9


@dataclasses.dataclass
class Progress:
    """Where a run stands.

    The order of the data and all random changes of images follow from the run's seed,
    the epoch and the step alone (see `dpde_tf.data.input_pipeline`), so these two
    numbers are also the state of the data and of the random generators.

    Attributes:
        epoch: Finished epochs.
        step_in_epoch: Finished steps of the current one, with those left out.
        images: Images of the current epoch that were trained on.
        images_with_depth: Those of them that have a measured pixel.
        sums: Of each loss term over the images of the current epoch.
        seconds: Time spent on the current epoch.
        typical_loss: Moving average of the loss of a step; None before the first.
        skipped: Steps of the whole run, from 0, that are left out.
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
        """Finished epochs, and finished steps of the current one."""
        return self.epoch, self.step_in_epoch

    def step(self, steps_per_epoch: int) -> int:
        """Returns the finished steps of the whole run.

        Args:
            steps_per_epoch: Steps in an epoch.

        Returns:
            Their number, with those left out.
        """
        return self.epoch * steps_per_epoch + self.step_in_epoch

    def add(self, losses: Mapping[str, np.ndarray]) -> None:
        """Counts one step.

        Args:
            losses: Loss term to values by image. `loss` and `measured`, the share of
                measured pixels, are two; an image must have a measured pixel.
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
        """Returns the mean of each loss term over the images with depth so far.

        Returns:
            Means by name; that of `measured` is over all images.
        """
        return {
            name: total
            / (self.images if name == "measured" else self.images_with_depth)
            for name, total in self.sums.items()
        }

    def loss_limit(self, growth: float) -> float:
        """Returns the largest loss of the next step that is no explosion.

        Args:
            growth: How many times the typical loss that is; 0 is no limit.

        Returns:
            The limit; infinite before the first step.
        """
        if not growth or self.typical_loss is None:
            return np.inf
        return growth * self.typical_loss

    def images_per_second(self) -> float:
        """Returns the mean rate of the current epoch; 0 before its first step."""
        return self.images / self.seconds if self.images else 0.0

    def steps_taken(self, steps_per_epoch: int) -> int:
        """Returns the steps of the whole run that were not left out.

        Args:
            steps_per_epoch: Steps in an epoch.

        Returns:
            Their number.
        """
        end = self.step(steps_per_epoch)
        return end - sum(step < end for step in self.skipped)

    def next_epoch(self) -> "Progress":
        """Returns where a run stands that has finished this epoch."""
        return Progress(
            epoch=self.epoch + 1, typical_loss=self.typical_loss, skipped=self.skipped
        )
