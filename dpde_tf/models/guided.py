"""The guided network: a coarse depth map made sharp with the help of the image.

It is no part of the paper. The paper's gradient network sees colours alone, which do
not say which edges of an image are edges of depth. This one also sees a coarse depth
map, of any network and in any unit; the differences of its output are the gradients
that the fusion takes.
"""

import keras
import tensorflow as tf

from dpde_tf.config import GuidedNetworkConfig
from dpde_tf.fusion.image_gradients import image_gradients
from dpde_tf.models.batch_normalization import FusedBatchNormalization
from dpde_tf.models.crop import CropLike
from dpde_tf.models.initial_values import initial

# Channels of each level, as multiples of the width; each has half the size of the last.
_LEVELS = (1.0, 1.5, 2.0, 3.0, 4.0)
# Depth below this part of the mean counts as so much, so that it has a logarithm.
_SMALLEST = 1e-3


@keras.saving.register_keras_serializable(package="dpde_tf")
class DepthFeatures(keras.layers.Layer):
    """What the network sees of a depth map, in no unit: `[B, H, W, 1]` -> `[..., 3]`.

    The logarithm of depth over its mean, and that one's differences along width and
    height, times 10.
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
    """Returns the network that makes a coarse depth map sharp.

    A U-shaped network of five levels, each with two 3x3 convolutions on the way down
    and two on the way up, all with BN and ReLU. It sees the image and, of the depth,
    `DepthFeatures`. A last 3x3 convolution gives the logarithm of a factor: depth in
    another unit gives the same factor. At first it is 1 everywhere.

    Args:
        config: The network's options.

    Returns:
        A model of two inputs by name: `image`, RGB `[B, H, W, 3]` in [0, 1], and
        `coarse_depth`, positive, `[B, H, W, 1]`, in any unit. Output: sharp depth in
        the same unit, float32 `[B, H, W, 1]`. It is built under Keras's current dtype
        policy.

    A variant beside the paper's.

    Source: Ronneberger et al. (2015), the U-shape.
    """
    image = keras.Input((None, None, 3), name="image")
    depth = keras.Input((None, None, 1), name="coarse_depth", dtype="float32")
    features = DepthFeatures(dtype="float32", name="depth_features")(depth)
    scaled = keras.layers.Rescaling(4.0, -2.0, name="image_scaled")(image)
    x = keras.layers.Concatenate(name="seen")([scaled, features])
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
    x = keras.layers.Conv2D(
        filters,
        3,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer=initial("he_normal"),
        name=f"{name}_conv",
    )(x)
    x = FusedBatchNormalization(momentum=0.97, epsilon=1e-4, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
