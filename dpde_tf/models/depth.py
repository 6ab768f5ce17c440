"""The modified FCRN: a ResNet-50 encoder, four up-projections, lateral connections."""

import keras

from dpde_tf.config import DepthNetworkConfig
from dpde_tf.models.compact_kernels import layer_class
from dpde_tf.models.convolution import PointwiseConv2D
from dpde_tf.models.encoder import build_encoder
from dpde_tf.models.folding import batch_normalization, has_bias
from dpde_tf.models.initial_values import initial
from dpde_tf.models.up_projection import up_projection

UP_PROJECTION_FILTERS = (512, 256, 128, 64)
# Padding and bias of `UnpoolConv2D`.
_UNPOOLING = {
    "paper": ("bottom_right", False),
    "laina": ("top_left", True),
    "harsanyi": ("bottom_right", True),
}


def build_depth_network(config: DepthNetworkConfig) -> keras.Model:
    """Returns the network that predicts the global depth map.

    The encoder is ResNet-50, with 2048 channels at 1/32 resolution. It is followed by a
    1x1 convolution to 1024 channels with BN, and by four up-projections to 512, 256,
    128 and 64 channels. Each result is cropped (bottom, right) to the encoder's map of
    the same resolution, so that any image size works. With lateral connections, that
    map is concatenated, and a 1x1 convolution restores the number of channels. A last
    3x3 convolution gives one channel, which is scaled and shifted to metres.

    Layers: those of `keras.applications.ResNet50`; `reduce_conv`, `reduce_bn`; for
    k = 1 to 4, `up<k>_*` (see `up_projection`), `lateral<k>_concat` and
    `lateral<k>_conv`; `depth_conv`, `depth_metres`, and optionally `depth_relu`.

    Args:
        config: Options of the network; `output_offset` must not be None.

    Returns:
        Model from an RGB image `[B, H, W, 3]` in [0, 1] to depth in metres, float32
        `[B, ceil(H / 2), ceil(W / 2), 1]`. The architecture `laina` does not crop and
        gives `[B, 16 ceil(H / 32), 16 ceil(W / 32), 1]`. The model is built under the
        current dtype policy of Keras.

    Raises:
        ValueError: If `config.output_offset` is None, `config.output_scale` is 0, or
            the architecture contradicts other options.

    Source: Xu & Liu (2021), Fig. 2 and Sect. 3.1; lateral features of Harsanyi et al.
    (2018).
    """
    if config.output_offset is None:
        raise ValueError(
            "`config.output_offset` must be a depth in metres, such as the mean depth "
            "of the training split. Received: None."
        )
    if not config.output_scale:
        raise ValueError("`config.output_scale` must not be 0.")
    _check_architecture(config)
    encoder = build_encoder(
        weights=config.encoder_weights,
        batch_norm=config.encoder_batch_norm,
        batch_norm_momentum=config.batch_norm_momentum,
        architecture=config.architecture,
    )
    *laterals, x = encoder.outputs
    x = _pointwise_conv(1024, config, "reduce_conv", use_bias=has_bias())(x)
    x = batch_normalization(
        x, name="reduce_bn", epsilon=1e-4, momentum=config.batch_norm_momentum
    )
    padding, bias = _UNPOOLING[config.architecture]
    for number, filters in enumerate(UP_PROJECTION_FILTERS, start=1):
        lateral = laterals[-number]
        x = up_projection(
            x,
            None if config.architecture == "laina" else lateral,
            filters=filters,
            kernel_stddev=config.kernel_stddev,
            batch_norm_momentum=config.batch_norm_momentum,
            name=f"up{number}",
            unpool_padding=padding,
            unpool_bias=bias,
        )
        if config.lateral_connections:
            x = keras.layers.Concatenate(name=f"lateral{number}_concat")([lateral, x])
            x = _pointwise_conv(filters, config, f"lateral{number}_conv")(x)
    depth = _depth_head(x, config)
    name = "modified_fcrn" if config.lateral_connections else "fcrn"
    return keras.Model(encoder.input, depth, name=name)


def _check_architecture(config: DepthNetworkConfig) -> None:
    """Raises an error for options that contradict the graph of a released network."""
    if config.architecture not in ("laina", "harsanyi"):
        return
    lateral = config.architecture == "harsanyi"
    if config.lateral_connections != lateral:
        raise ValueError(
            f"`architecture` {config.architecture!r} is a network "
            f"{'with' if lateral else 'without'} lateral connections. Use "
            f"`lateral_connections={lateral}`. Received: {not lateral}."
        )
    if config.encoder_weights != "none":
        raise ValueError(
            "Encoder weights of Keras do not fit the `architecture` "
            f"{config.architecture!r}, which preprocesses images differently. Start "
            "from released weights (`init_from`), or from random ones "
            "(`encoder_weights=none`)."
        )


def _pointwise_conv(
    filters: int, config: DepthNetworkConfig, name: str, *, use_bias: bool = True
) -> keras.layers.Conv2D:
    """A 1x1 convolution with the Gaussian initialisation of new layers."""
    return layer_class(PointwiseConv2D)(
        filters,
        use_bias=use_bias,
        kernel_initializer=initial(
            keras.initializers.RandomNormal(stddev=config.kernel_stddev)
        ),
        name=name,
    )


def _depth_head(x: keras.KerasTensor, config: DepthNetworkConfig) -> keras.KerasTensor:
    """The last convolution, in float32, and its conversion to metres."""
    # Dividing by the scale gives the same initial depth as without a scale.
    initializer = keras.initializers.RandomNormal(
        stddev=config.kernel_stddev / config.output_scale
    )
    x = keras.layers.Conv2D(
        1,
        3,
        padding="same",
        kernel_initializer=initial(initializer),
        dtype="float32",
        name="depth_conv",
    )(x)
    depth = keras.layers.Rescaling(
        config.output_scale, config.output_offset, dtype="float32", name="depth_metres"
    )(x)
    if config.output_relu:
        depth = keras.layers.ReLU(dtype="float32", name="depth_relu")(depth)
    return depth
