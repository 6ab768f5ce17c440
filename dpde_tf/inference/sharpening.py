"""How strongly the guided network changes a depth map."""

import tensorflow as tf


def check_sharpening(sharpening: float) -> None:
    """Raises a ValueError unless `sharpening` is above 0 and at most 10."""
    if not 0.0 < sharpening <= 10.0:
        raise ValueError(
            f"`sharpening` must be above 0 and at most 10. Received: {sharpening}."
        )


def sharpened(coarse: tf.Tensor, sharp: tf.Tensor, sharpening: float) -> tf.Tensor:
    """Returns the depth of a guided network, with its changes raised to a power.

    Args:
        coarse: Depth that the network has seen, > 0, `[B, H, W, 1]`.
        sharp: Its output, > 0, like `coarse`.
        sharpening: Power of `sharp / coarse`, see `check_sharpening`.

    Returns:
        `coarse * (sharp / coarse) ** sharpening`.
    """
    return coarse * tf.pow(sharp / coarse, sharpening)
