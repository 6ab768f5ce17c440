"""A strided convolution with equal zero padding on all four sides."""

import keras


@keras.saving.register_keras_serializable(package="dpde_tf")
class SymmetricConv2D(keras.layers.Conv2D):
    """A 3x3 convolution with padding of one pixel on each side, as in PyTorch.

    With stride 2, `padding="same"` of Keras pads an even size at the bottom and right
    only. Construct this layer with `padding="valid"`.
    """

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the convolution of `[B, H, W, C]`."""
        return super().call(keras.ops.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0))))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape for the padded input."""
        batch, *size, channels = input_shape
        padded = (None if n is None else n + 2 for n in size)
        return super().compute_output_shape((batch, *padded, channels))
