"""The gradient network: ten 3x3 convolutions from image to depth gradients."""

import keras

from dpde_tf.config import GradientNetworkConfig
from dpde_tf.models.initial_values import initial

NUM_LAYERS = 10


def build_gradient_network(config: GradientNetworkConfig) -> keras.Model:
    """Returns the network that predicts the horizontal and vertical depth gradients.

    It has ten 3x3 convolutions at full resolution, `conv1` to `conv10`. The last has no
    ReLU, since gradients have both signs.

    Args:
        config: Width and initialisation.

    Returns:
        Model from an RGB image `[B, H, W, 3]` in [0, 1] to gradient_x and gradient_y in
        metres per pixel, float32 `[B, H, W, 2]`, built under the current dtype policy
        of Keras.

    Source: Xu & Liu (2021), Sect. 3.1; width from the ratio in Table 5.
    """
    image = keras.Input((None, None, 3), name="image")
    x = keras.layers.Rescaling(2.0, -1.0, name="preprocessing")(image)
    for number in range(1, NUM_LAYERS):
        x = keras.layers.Conv2D(
            config.width,
            3,
            padding="same",
            activation="relu",
            kernel_initializer=initial(_gaussian(config.kernel_stddev)),
            name=f"conv{number}",
        )(x)
    gradients = keras.layers.Conv2D(
        2,
        3,
        padding="same",
        kernel_initializer=initial(_gaussian(config.output_kernel_stddev)),
        dtype="float32",
        name=f"conv{NUM_LAYERS}",
    )(x)
    return keras.Model(image, gradients, name="gradient_network")


def _gaussian(stddev: float | None) -> keras.Initializer:
    """Gaussian initialiser with this deviation; None for He et al. (2015)."""
    if stddev is None:
        return keras.initializers.VarianceScaling(
            2.0, mode="fan_in", distribution="untruncated_normal"
        )
    return keras.initializers.RandomNormal(stddev=stddev)
