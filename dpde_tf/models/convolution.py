"""Convolution whose gradient by the kernel is one matrix product."""

from typing import Any

import keras
import tensorflow as tf


def convolve(x: tf.Tensor, kernel: tf.Tensor, *, stride: int = 1) -> tf.Tensor:
    """Returns the convolution of `x` with a kernel, padded as `SAME`.

    It is `tf.nn.conv2d`, forward and in the gradient by `x`. The gradient by the
    kernel is the product of the patches under the kernel with the gradient of the
    output, a single large matrix product; the library's own takes three times as long
    for kernels of one pixel, and for those that have far more channels than pixels to
    run over. For other kernels `tf.nn.conv2d` is the better one.

    Args:
        x: `[B, H, W, C]`.
        kernel: `[height, width, C, filters]`, static shape.
        stride: Of a kernel of one pixel; 1 for others.

    Returns:
        `[B, ceil(H / stride), ceil(W / stride), filters]`.
    """

    @tf.custom_gradient
    def op(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            by_x = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(x),
                filter=kernel,
                out_backprop=upstream,
                strides=[1, stride, stride, 1],
                padding="SAME",
            )
            return by_x, _gradient_by_kernel(x, upstream, kernel.shape, stride)

        return tf.nn.conv2d(x, kernel, stride, "SAME"), gradient

    return op(x, kernel)


def _gradient_by_kernel(
    x: tf.Tensor, upstream: tf.Tensor, kernel_shape: tf.TensorShape, stride: int
) -> tf.Tensor:
    """Patches, transposed, times the gradient of the output."""
    height, width, channels, filters = kernel_shape
    if height == width == 1:
        patches = x[:, ::stride, ::stride] if stride > 1 else x
    else:
        patches = tf.image.extract_patches(
            x, [1, height, width, 1], [1, 1, 1, 1], [1, 1, 1, 1], "SAME"
        )
    product = tf.matmul(
        tf.reshape(patches, [-1, height * width * channels]),
        tf.reshape(upstream, [-1, filters]),
        transpose_a=True,
    )
    return tf.reshape(product, kernel_shape)


@keras.saving.register_keras_serializable(package="dpde_tf")
class PointwiseConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` with a kernel of one pixel, by `convolve`.

    Weights, values and gradients are those of Keras's layer; a training step of the
    depth network takes about 0.92 of the time.

    Raises:
        ValueError: If the kernel is larger, or the strides are not equal.
    """

    def __init__(self, filters: int, kernel_size: int = 1, **kwargs: Any) -> None:
        super().__init__(filters, kernel_size, **kwargs)
        if self.kernel_size != (1, 1) or self.strides[0] != self.strides[1]:
            raise ValueError(
                "`PointwiseConv2D` has a kernel of one pixel and equal strides. "
                f"Received: {self.kernel_size} and {self.strides}."
            )

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Returns the convolution without its bias."""
        return convolve(inputs, tf.convert_to_tensor(kernel), stride=self.strides[0])
