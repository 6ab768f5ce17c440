"""Crops a feature map to the size of another one."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="dpde_tf")
class CropLike(keras.layers.Layer):
    """Crops a map at the bottom and right to the height and width of a second map.

    The inputs are `[x, like]`: `x` is `[B, H, W, C]`, and `like` is `[B, H', W', *]`
    with H' <= H and W' <= W. The result is `x[:, :H', :W']`, `[B, H', W', C]`.
    """

    def call(self, inputs: list) -> tf.Tensor:
        """Returns the first map, cropped to the size of the second."""
        x, like = inputs
        shape = tf.shape(like)
        # The gradient of `x[:, :height]` would take ten times as long. In a graph for
        # any size, -1 channels would be unknown: Keras would compile convolutions of
        # them with XLA, and TFLite has none.
        return tf.slice(x, [0, 0, 0, 0], [-1, shape[1], shape[2], x.shape[-1]])

    def compute_output_shape(self, input_shape: list) -> tuple:
        """Returns `[B, H', W', C]`."""
        x, like = input_shape
        return (x[0], like[1], like[2], x[3])
