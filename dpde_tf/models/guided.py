"""The guided network, which sharpens a coarse depth map with the help of the image.

It is not part of the paper. The paper's gradient network sees only colours, which do
not show which edges of an image are depth edges. The guided network also sees a coarse
depth map, of any network and in any unit. The differences of its output are gradients
for the fusion.
"""

import keras
import tensorflow as tf

from dpde_tf.config import GuidedNetworkConfig
from dpde_tf.fusion.image_gradients import image_gradients
from dpde_tf.models.crop import CropLike
from dpde_tf.models.folding import conv_bn_relu

# Channels of the levels, as multiples of the width; each level halves the resolution.
_LEVELS = (1.0, 1.5, 2.0, 3.0, 4.0)
_INPUTS = ("both", "image", "depth")
# Smallest depth relative to the mean, so that all depth has a logarithm.
_SMALLEST = 1e-3


@keras.saving.register_keras_serializable(package="dpde_tf")
class DepthFeatures(keras.layers.Layer):
    """Features of a depth map that have no unit: `[B, H, W, 1]` -> `[B, H, W, 3]`.

    They are the logarithm of the depth over its mean, and the differences of this
    logarithm along width and height, times 10.
    """

    def call(self, depth: tf.Tensor) -> tf.Tensor:
        """Returns the three maps, float32."""
        depth = tf.cast(depth, tf.float32)
        mean = tf.reduce_mean(depth, axis=[1, 2, 3], keepdims=True)
        relative = tf.math.divide_no_nan(depth, mean)
        level = tf.math.log(tf.maximum(relative, _SMALLEST))
        differences = tf.concat(image_gradients(level), axis=-1)
        return tf.concat([level, 10.0 * differences], axis=-1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns `[B, H, W, 3]`."""
        return (*input_shape[:-1], 3)


@keras.saving.register_keras_serializable(package="dpde_tf")
class ScaleByExponential(keras.layers.Layer):
    """Multiplies a depth map by the exponential of a residual: `[d, r]` -> d exp(r)."""

    def call(self, inputs: list) -> tf.Tensor:
        """Returns the depth in the unit of the input, float32."""
        depth, residual = (tf.cast(x, tf.float32) for x in inputs)
        return depth * tf.exp(residual)

    def compute_output_shape(self, input_shape: list) -> tuple:
        """Returns the shape of the depth map."""
        return input_shape[0]


def build_guided_network(config: GuidedNetworkConfig) -> keras.Model:
    """Returns the network that sharpens a coarse depth map.

    It is a U-shaped network of five levels, each with two 3x3 convolutions on the way
    down and two on the way up, all with BN and ReLU. Its inputs are the image and the
    `DepthFeatures` of the coarse depth. A last 3x3 convolution gives the logarithm of a
    factor for the depth. The factor does not depend on the unit of depth, and is 1
    everywhere before training.

    Args:
        config: Options of the network.

    Returns:
        Model with two named inputs, `image`, RGB `[B, H, W, 3]` in [0, 1], and
        `coarse_depth`, positive, `[B, H, W, 1]`, in any unit. The output is sharp depth
        in the same unit, float32 `[B, H, W, 1]`. The model is built under the current
        dtype policy of Keras.

    Raises:
        ValueError: If `config.guided_inputs` is unknown.

    This network is not part of the paper.

    Source: Ronneberger et al. (2015), the U-shape.
    """
    if config.guided_inputs not in _INPUTS:
        raise ValueError(
            f"`guided_inputs` must be one of {', '.join(_INPUTS)}. Received: "
            f"{config.guided_inputs!r}."
        )
    image = keras.Input((None, None, 3), name="image")
    depth = keras.Input((None, None, 1), name="coarse_depth", dtype="float32")
    features = DepthFeatures(dtype="float32", name="depth_features")(depth)
    scaled = keras.layers.Rescaling(4.0, -2.0, name="image_scaled")(image)
    x = keras.layers.Concatenate(name="seen")([scaled, features])
    if config.guided_inputs != "both":
        x = x[..., :3] if config.guided_inputs == "image" else x[..., 3:]
    filters = [round(config.guided_width * factor) for factor in _LEVELS]
    maps = []
    for level, count in enumerate(filters, start=1):
        x = _conv(x, count, f"down{level}a", strides=1 if level == 1 else 2)
        x = _conv(x, count, f"down{level}b")
        maps.append(x)
    x = maps.pop()
    for level in range(len(maps), 0, -1):
        like = maps.pop()
        x = keras.layers.UpSampling2D(name=f"up{level}")(x)
        x = CropLike(name=f"crop{level}")([x, like])
        x = keras.layers.Concatenate(name=f"concat{level}")([x, like])
        x = _conv(x, filters[level - 1], f"up{level}a")
        x = _conv(x, filters[level - 1], f"up{level}b")
    residual = keras.layers.Conv2D(
        1,
        3,
        padding="same",
        kernel_initializer="zeros",
        dtype="float32",
        name="residual_conv",
    )(x)
    sharp = ScaleByExponential(dtype="float32", name="sharp_depth")([depth, residual])
    inputs = {"image": image, "coarse_depth": depth}
    return keras.Model(inputs, sharp, name="guided_network")


def _conv(
    x: keras.KerasTensor, filters: int, name: str, strides: int = 1
) -> keras.KerasTensor:
    """A 3x3 convolution with BN and ReLU."""
    options = {"kernel_size": 3, "strides": strides, "padding": "same"}
    return conv_bn_relu(x, filters, name, momentum=0.97, **options)
