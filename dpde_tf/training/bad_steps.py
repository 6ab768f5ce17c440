"""Errors for training steps whose loss or weights are unusable."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

_REMEDY = (
    "The checkpoints are from before it. Look at these images, use {change} in "
    "another `workdir`, or continue without such batches with `on_bad_step=skip`."
)
_CHANGE = "a smaller `learning_rate`, `clip_norm=10` or `precision=float32`"
# After this many consecutive bad batches, the batches are not the cause.
MAX_IN_A_ROW = 5


class BadStepError(ValueError):
    """A step after which the weights are unusable."""

    def __init__(self, step: int, what: str, change: str = _CHANGE) -> None:
        """Takes the step of the run, counted from 0, the problem and a remedy."""
        super().__init__(f"{what} {_REMEDY.format(change=change)}")
        self.step = step
        self.what = what


def bad_step(
    step: int,
    images: Sequence[str],
    losses: np.ndarray,
    gradient_norm: float,
    *,
    limit: float,
) -> BadStepError:
    """Returns the error for a bad step.

    Args:
        step: Step of the run, counted from 0.
        images: Descriptions of the images of the batch that have a measured pixel.
        losses: Losses of these images, `[B]`.
        gradient_norm: Norm of the gradient.
        limit: Largest mean loss that does not count as exploding.

    Returns:
        The error. Its message names the images that caused it with their losses, or all
        images if the cause is unknown.
    """
    broken = ~np.isfinite(losses)
    culprits = broken if broken.any() else losses > limit
    if not culprits.any():
        culprits = np.ones_like(broken)
    listed = ", ".join(
        f"{image}: {loss:g}"
        for image, loss, guilty in zip(images, losses, culprits, strict=True)
        if guilty
    )
    allowed = f" (limit {limit:g})" if np.isfinite(limit) else ""
    return BadStepError(
        step,
        f"Step {step + 1} is bad: loss {losses.mean():g}{allowed}, gradient norm "
        f"{gradient_norm:g}; loss by image: {listed}.",
    )


def unmeasured_step(step: int, images: Sequence[str]) -> BadStepError:
    """Returns the error for a step whose images have no measured pixel.

    Args:
        step: Step of the run, counted from 0.
        images: Descriptions of the images of the batch.

    Returns:
        The error.
    """
    return BadStepError(
        step,
        f"Step {step + 1} is bad: none of its images has a measured pixel at the size "
        f"of the loss: {', '.join(images)}.",
        "a larger `batch_size` or `crop_size`",
    )


def check_weights(step: int, network: keras.Model, optimizer: keras.Optimizer) -> None:
    """Checks that all variables of network and optimiser are finite.

    Args:
        step: Last step of the run, counted from 0.
        network: Network in training.
        optimizer: Its optimiser.

    Raises:
        BadStepError: If a variable has a value that is not finite; the message names
            the variable.
    """
    variables = [
        variable
        for variable in network.variables + optimizer.variables
        if tf.as_dtype(variable.dtype).is_floating
    ]
    # Checked together, since a GPU would wait for each of several hundred results.
    finite = tf.stack(
        [tf.reduce_all(tf.math.is_finite(variable.value)) for variable in variables]
    )
    for variable, good in zip(variables, finite.numpy(), strict=True):
        if not good:
            raise BadStepError(
                step, f"After step {step + 1}, {variable.path} is not finite."
            )
