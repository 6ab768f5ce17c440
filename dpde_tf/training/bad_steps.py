"""Steps whose numbers are broken, and what is said of them."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

_REMEDY = (
    "The newest checkpoint is from before it. Look at these images, use {change} in "
    "another --workdir, or go on without such batches with --on_bad_step=skip."
)
_CHANGE = "a smaller --learning_rate, --clip_norm=10 or --precision=float32"
# So many bad batches one after another are not the fault of a batch.
MAX_IN_A_ROW = 5


class BadStepError(ValueError):
    """A step after which the weights are worth nothing."""

    def __init__(self, step: int, what: str, change: str = _CHANGE) -> None:
        """Takes the step of the run, counted from 0, what is wrong, and a remedy."""
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
    """Returns the error that a step is bad.

    Args:
        step: The step of the run, counted from 0.
        images: What to call the images of the batch.
        losses: Their losses, `[B]`.
        gradient_norm: Of the step.
        limit: Largest mean loss that is no explosion.

    Returns:
        The error. Its message names the images to blame, all if none is, and values.
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
    allowed = f", of which {limit:g} is allowed" if np.isfinite(limit) else ""
    return BadStepError(
        step,
        f"Step {step + 1} is bad: loss {losses.mean():g}{allowed}, gradient norm "
        f"{gradient_norm:g}; loss by image: {listed}.",
    )


def unmeasured_step(step: int, images: Sequence[str]) -> BadStepError:
    """Returns the error that no image of a step has a measured pixel.

    Args:
        step: The step of the run, counted from 0.
        images: What to call the images of the batch.

    Returns:
        The error.
    """
    return BadStepError(
        step,
        f"Step {step + 1} is bad: none of its images has a measured pixel at the size "
        f"of the loss: {', '.join(images)}.",
        "a larger --batch_size or --crop_size",
    )


def check_weights(step: int, network: keras.Model, optimizer: keras.Optimizer) -> None:
    """Raises an error if the state of a training is not worth saving.

    Args:
        step: The last step of the run, counted from 0.
        network: What is trained.
        optimizer: What trains it.

    Raises:
        BadStepError: If a variable has a value that is not finite; it is named.
    """
    for variable in network.variables + optimizer.variables:
        value = tf.convert_to_tensor(variable)
        if value.dtype.is_floating and not tf.reduce_all(tf.math.is_finite(value)):
            raise BadStepError(
                step, f"After step {step + 1}, {variable.path} is not finite."
            )
