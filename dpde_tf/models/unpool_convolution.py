"""Unpooling and a 5x5 convolution in one layer (Laina et al. 2016)."""

from typing import Any

import keras
import tensorflow as tf

from dpde_tf.models.convolution import convolve

# (height, width) of the kernels: the entries of the 5x5 kernel that do not meet zeros
# for the top left, bottom left, top right and bottom right pixel of a 2x2 block.
_KERNEL_SIZES = {"a": (3, 3), "b": (2, 3), "c": (3, 2), "d": (2, 2)}
_BLOCK = "acbd"  # Row by row, the order of `tf.nn.depth_to_space`.
# Number of channels from which `convolve` is faster, since such maps have few pixels.
_WIDE = 1024


@keras.saving.register_keras_serializable(package="dpde_tf")
class UnpoolConv2D(keras.layers.Layer):
    """Doubles the size of a map by unpooling, and applies a 5x5 convolution.

    Unpooling puts each value at the top left of a 2x2 block of zeros. Depending on the
    place of the output pixel in its block, the 5x5 kernel meets nine, six, six or four
    values. The layer therefore applies four small kernels `kernel_a` (3x3), `kernel_b`
    (2x3), `kernel_c` (3x2) and `kernel_d` (2x2) to the small map, and interleaves the
    results, without products with zeros.

    Attributes:
        filters: Channels of the output.
        padding: Side on which a kernel of two rows or columns is padded:
            `bottom_right` for the 5x5 convolution above; `top_left` as in the released
            TensorFlow graph of FCRN, which is not a 5x5 convolution.
        use_bias: Whether each of the four convolutions has a bias, as in the released
            networks.
        kernel_initializer: Initialiser of the four kernels.

    Source: Laina et al. (2016), Sect. 3.2 and Fig. 3.
    """

    def __init__(
        self,
        filters: int,
        *,
        padding: str = "bottom_right",
        use_bias: bool = False,
        kernel_initializer: str | keras.Initializer = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if padding not in ("bottom_right", "top_left"):
            raise ValueError(
                "`padding` must be 'bottom_right' or 'top_left'. "
                f"Received: {padding!r}."
            )
        self.filters = filters
        self.padding = padding
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: tuple) -> None:
        """Creates the four kernels, and their biases if there are any."""
        channels = input_shape[-1]
        self.kernels, self.biases = {}, {}
        for name, size in _KERNEL_SIZES.items():
            self.kernels[name] = self.add_weight(
                shape=(*size, channels, self.filters),
                # Using one object four times would draw the same numbers.
                initializer=self.kernel_initializer.clone(),
                name=f"kernel_{name}",
            )
            if self.use_bias:
                self.biases[name] = self.add_weight(
                    shape=(self.filters,), initializer="zeros", name=f"bias_{name}"
                )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[B, 2 H, 2 W, filters]` for `[B, H, W, C]`."""
        pixels = tf.concat([self._convolve(inputs, name) for name in _BLOCK], axis=-1)
        return tf.nn.depth_to_space(pixels, 2)

    def _convolve(self, inputs: tf.Tensor, name: str) -> tf.Tensor:
        """Output pixels at one place in the 2x2 blocks, `[B, H, W, filters]`."""
        kernel = tf.convert_to_tensor(self.kernels[name])
        height, width, channels, _ = kernel.shape
        if self.padding == "top_left":
            # `SAME` pads a kernel of size two at the end.
            pads = [[0, 0], [1, height - 2], [1, width - 2], [0, 0]]
            outputs = tf.nn.conv2d(tf.pad(inputs, pads), kernel, 1, "VALID")
        elif channels >= _WIDE and self.trainable:
            outputs = convolve(inputs, kernel)
        else:
            outputs = tf.nn.conv2d(inputs, kernel, 1, "SAME")
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.biases[name]))
        return outputs

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns `[B, 2 H, 2 W, filters]`."""
        batch, height, width, _ = input_shape
        return (batch, height and 2 * height, width and 2 * width, self.filters)

    def get_config(self) -> dict:
        """Returns the arguments for creating an equal layer."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "padding": self.padding,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
