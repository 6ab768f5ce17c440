"""Three other forms of unpooling with a 5x5 convolution, for comparison.

They compute the same function as `UnpoolConv2D` with their own kernels.
"""

from typing import Any

import keras
import tensorflow as tf


class _UnpoolForm(keras.layers.Layer):
    """Base class of the forms; configured like `UnpoolConv2D`."""

    def __init__(
        self, filters: int, *, kernel_initializer: str | dict, **kwargs: Any
    ) -> None:
        for name in ("padding", "use_bias"):
            kwargs.pop(name, None)
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def add_kernel(self, *shape: int) -> keras.Variable:
        """Returns a new kernel, `[height, width, ...]`."""
        return self.add_weight(
            shape=shape, initializer=self.kernel_initializer.clone(), name="kernel"
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns `[B, 2 H, 2 W, filters]`."""
        batch, height, width, _ = input_shape
        return (batch, height and 2 * height, width and 2 * width, self.filters)


class LiteralUnpoolConv2D(_UnpoolForm):
    """Unpooling with zeros, then a 5x5 convolution; `kernel` `[5, 5, in, out]`."""

    def build(self, input_shape: tuple) -> None:
        """Creates the kernel."""
        self.kernel = self.add_kernel(5, 5, input_shape[-1], self.filters)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[B, 2 H, 2 W, filters]` for `[B, H, W, C]`."""
        zeros = tf.zeros_like(inputs)
        unpooled = tf.nn.depth_to_space(tf.concat([inputs, zeros, zeros, zeros], -1), 2)
        return tf.nn.conv2d(unpooled, tf.convert_to_tensor(self.kernel), 1, "SAME")


class TransposedUnpoolConv2D(_UnpoolForm):
    """A transposed convolution of stride 2; `kernel` `[5, 5, out, in]`."""

    def build(self, input_shape: tuple) -> None:
        """Creates the kernel."""
        self.kernel = self.add_kernel(5, 5, self.filters, input_shape[-1])

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[B, 2 H, 2 W, filters]` for `[B, H, W, C]`."""
        batch, height, width, _ = tf.unstack(tf.shape(inputs))
        full = tf.nn.conv2d_transpose(
            inputs,
            tf.convert_to_tensor(self.kernel),
            [batch, 2 * height + 3, 2 * width + 3, self.filters],
            2,
            "VALID",
        )
        size = [batch, 2 * height, 2 * width, self.filters]
        return tf.slice(full, [0, 2, 2, 0], size)


class InterleavedUnpoolConv2D(_UnpoolForm):
    """Laina et al.'s four convolutions, interleaved by rows and then by columns.

    `kernels` are A 3x3, B 2x3, C 3x2 and D 2x2, each `[height, width, in, out]`.
    """

    def build(self, input_shape: tuple) -> None:
        """Creates the kernels."""
        sizes = ((3, 3), (2, 3), (3, 2), (2, 2))
        self.kernels = [
            self.add_kernel(*size, input_shape[-1], self.filters) for size in sizes
        ]

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[B, 2 H, 2 W, filters]` for `[B, H, W, C]`."""
        a, b, c, d = (self._convolve(inputs, kernel) for kernel in self.kernels)
        left = self._interleave(a, b, axis=2)
        right = self._interleave(c, d, axis=2)
        return self._interleave(left, right, axis=3)

    def _convolve(self, inputs: tf.Tensor, kernel: keras.Variable) -> tf.Tensor:
        """One of the four convolutions, with zero padding."""
        height, width = kernel.shape[:2]
        pads = [[0, 0], [height - 2, 1], [width - 2, 1], [0, 0]]
        padded = tf.pad(inputs, pads)
        return tf.nn.conv2d(padded, tf.convert_to_tensor(kernel), 1, "VALID")

    def _interleave(self, first: tf.Tensor, second: tf.Tensor, axis: int) -> tf.Tensor:
        """Interleaves the rows (axis 2) or columns (axis 3) of two maps."""
        shape = tf.unstack(tf.shape(first))
        shape[axis - 1] *= 2
        return tf.reshape(tf.stack([first, second], axis), shape)


UNPOOL_FORMS = {
    "literal": LiteralUnpoolConv2D,
    "transposed": TransposedUnpoolConv2D,
    "interleaved": InterleavedUnpoolConv2D,
}
