"""Networks for prediction, without their batch normalisations.

With fixed statistics, a batch normalisation multiplies each channel by one number and
adds another. The first goes into the kernel of the convolution before it, the second
into the bias, so that a whole pass over memory is saved.
"""

import keras
import numpy as np
import tensorflow as tf

from dpde_tf.models.crop import CropLike
from dpde_tf.models.unpool_convolution import UnpoolConv2D


class ChannelBias(keras.layers.Layer):
    """Adds a number to each channel of maps `[B, H, W, C]`."""

    def build(self, input_shape: tuple) -> None:
        """Creates the numbers."""
        self.bias = self.add_weight(
            shape=(input_shape[-1],), initializer="zeros", name="bias"
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the maps with the numbers added."""
        return tf.nn.bias_add(inputs, tf.convert_to_tensor(self.bias))


def fold_batch_normalization(network: keras.Model) -> keras.Model:
    """Returns a network that predicts the same without batch normalisations.

    Args:
        network: A functional model. Its convolutions are changed and belong to the
            result, which needs no second copy of the weights; do not use it afterwards.

    Returns:
        A model of the same inputs and outputs, for inference only. A batch
        normalisation that does not follow a convolution is kept.
    """
    folded = {
        layer.name: _fold(layer, convolution)
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        and (convolution := _convolution_before(layer))
    }

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        if folded.get(layer.name) is not None:
            return ChannelBias(dtype=layer.dtype_policy, name=layer.name)
        return layer

    def call(layer: keras.layers.Layer, *args: object, **kwargs: object) -> object:
        if layer.name not in folded:
            return layer(*args, **kwargs)
        return args[0] if folded[layer.name] is None else layer(args[0])

    result = keras.models.clone_model(network, clone_function=clone, call_function=call)
    for name, shift in folded.items():
        if shift is not None:
            result.get_layer(name).bias.assign(shift)
    return result


def _convolution_before(layer: keras.layers.Layer) -> keras.layers.Layer | None:
    """The convolution whose whole output a layer normalises, if there is one."""
    while True:
        tensor = keras.tree.flatten(layer.input)[0]
        layer = tensor._keras_history.operation
        if len(layer._outbound_nodes) != 1:
            return None
        if isinstance(layer, keras.layers.Conv2D | UnpoolConv2D):
            return layer
        if not isinstance(layer, CropLike):
            return None


def _fold(
    norm: keras.layers.BatchNormalization, convolution: keras.layers.Layer
) -> np.ndarray | None:
    """Scales a convolution; returns what is left to add, None if its bias does it."""
    scale = norm.gamma / keras.ops.sqrt(norm.moving_variance + norm.epsilon)
    shift = norm.beta - norm.moving_mean * scale
    biases = []
    for variable in convolution.weights:
        variable.assign(variable * scale)
        if "bias" in variable.name:
            biases.append(variable)
    for bias in biases:
        bias.assign_add(shift)
    return None if biases else keras.ops.convert_to_numpy(shift)
