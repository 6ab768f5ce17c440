"""Bilinear upsampling of feature maps of any size."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="dpde_tf")
class BilinearUpsampling(keras.layers.Layer):
    """Enlarges a map bilinearly to twice its height and width.

    `[B, H, W, C]` becomes `[B, 2 H, 2 W, C]`. The values are those of
    `keras.layers.UpSampling2D(interpolation="bilinear")`, which needs a static size;
    here, H and W may differ between calls.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the enlarged map, of the type of `x`."""
        height, width = keras.ops.shape(x)[1:3]
        return tf.cast(tf.image.resize(x, (2 * height, 2 * width)), x.dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns `[B, 2 H, 2 W, C]`."""
        batch, height, width, channels = input_shape
        return (batch, height and 2 * height, width and 2 * width, channels)
