"""The context network: a U-shaped network whose differences are depth gradients.

It is not part of the paper. The receptive field of the paper's gradient network is
21x21 pixels, which is too small to tell the depth of the step at an edge. The context
network sees the whole image.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from dpde_tf.config import ContextNetworkConfig
from dpde_tf.fusion.image_gradients import image_gradients
from dpde_tf.models.convolution import PointwiseConv2D
from dpde_tf.models.crop import CropLike
from dpde_tf.models.encoder import build_encoder
from dpde_tf.models.folding import conv_bn_relu
from dpde_tf.models.initial_values import initial
from dpde_tf.models.upsampling import BilinearUpsampling

# Channels of the lateral map and of the result, from 1/8 to full resolution.
_DECODER = ((96, 160), (64, 96), (32, 64), (16, 32))
_DILATIONS = (1, 2, 4)
_CONTEXT_FILTERS = 128


@keras.saving.register_keras_serializable(package="dpde_tf")
class ImageGradients(keras.layers.Layer):
    """Forward differences of a depth map: `[B, H, W, 1]` -> `[B, H, W, 2]`."""

    def call(self, depth: tf.Tensor) -> tf.Tensor:
        """Returns gradient_x and gradient_y, in metres per pixel."""
        return tf.concat(image_gradients(depth), axis=-1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape of the two gradients."""
        return (*input_shape[:-1], 2)


def build_context_network(config: ContextNetworkConfig) -> keras.Model:
    """Returns a second depth network, whose differences are depth gradients.

    The encoder is ResNet-50 without its last stage, with 1024 channels at 1/16
    resolution. It is followed by a 1x1 convolution to 256 channels, and by three
    parallel 3x3 convolutions with dilations 1, 2 and 4. Each of four decoder stages
    doubles the resolution bilinearly, crops to the encoder's map of that resolution
    (for the last stage, the image), concatenates a 1x1 convolution of that map, and
    applies a 3x3 convolution. All convolutions have BN and ReLU. A last 3x3 convolution
    gives one channel, to which an offset is added.

    Args:
        config: Options of the network; `context_offset` must not be None.

    Returns:
        Model from an RGB image `[B, H, W, 3]` in [0, 1] to depth in metres, float32
        `[B, H, W, 1]`, built under the current dtype policy of Keras.

    Raises:
        ValueError: If `config.context_offset` is None.

    This network is not part of the paper.

    Source: Ronneberger et al. (2015), the U-shape; Chen et al. (2017), the dilations.
    """
    if config.context_offset is None:
        raise ValueError(
            "`config.context_offset` must be a depth in metres, such as the mean depth "
            "of the training split. Received: None."
        )
    encoder = build_encoder(
        weights=config.context_encoder_weights,
        batch_norm="trainable",
        batch_norm_momentum=config.context_batch_norm_momentum,
        field="context_encoder_weights",
        num_stages=4,
    )
    *laterals, x = encoder.outputs
    momentum = config.context_batch_norm_momentum
    x = _conv(x, 2 * _CONTEXT_FILTERS, "reduce", momentum, kernel_size=1)
    dilated = [
        _conv(x, _CONTEXT_FILTERS, f"context{rate}", momentum, dilation=rate)
        for rate in _DILATIONS
    ]
    x = keras.layers.Concatenate(name="context")(dilated)
    image = keras.layers.Rescaling(4.0, -2.0, name="image_scaled")(encoder.input)
    x = _decode(x, [*laterals[::-1], image], momentum)
    x = keras.layers.Conv2D(
        1,
        3,
        padding="same",
        kernel_initializer=initial(keras.initializers.RandomNormal(stddev=0.01)),
        dtype="float32",
        name="depth_conv",
    )(x)
    depth = keras.layers.Rescaling(
        1.0, config.context_offset, dtype="float32", name="depth_metres"
    )(x)
    return keras.Model(encoder.input, depth, name="context_network")


def as_gradient_network(network: keras.Model) -> keras.Model:
    """Returns a network that outputs the gradients of the depth of another network.

    Args:
        network: Network of `build_context_network`.

    Returns:
        Model from an RGB image `[B, H, W, 3]` in [0, 1] to gradient_x and gradient_y in
        metres per pixel, float32 `[B, H, W, 2]`, which shares the weights of `network`.
    """
    gradients = ImageGradients(dtype="float32", name="gradients")(network.output)
    return keras.Model(network.input, gradients, name="context_gradient_network")


def _decode(
    x: keras.KerasTensor, maps: Sequence[keras.KerasTensor], momentum: float
) -> keras.KerasTensor:
    """The map after four decoder stages, each joined with the next of `maps`."""
    for number, (like, (lateral, filters)) in enumerate(
        zip(maps, _DECODER, strict=True), start=1
    ):
        x = BilinearUpsampling(name=f"up{number}")(x)
        x = CropLike(name=f"crop{number}")([x, like])
        like = _conv(like, lateral, f"lateral{number}", momentum, kernel_size=1)
        x = keras.layers.Concatenate(name=f"concat{number}")([x, like])
        x = _conv(x, filters, f"decoder{number}", momentum)
    return x


def _conv(
    x: keras.KerasTensor,
    filters: int,
    name: str,
    momentum: float,
    *,
    kernel_size: int = 3,
    dilation: int = 1,
) -> keras.KerasTensor:
    """A convolution with BN and ReLU."""
    if kernel_size == 1:
        return conv_bn_relu(x, filters, name, momentum=momentum, kind=PointwiseConv2D)
    options = {"kernel_size": kernel_size, "dilation_rate": dilation, "padding": "same"}
    return conv_bn_relu(x, filters, name, momentum=momentum, **options)
