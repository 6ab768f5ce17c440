"""The up-projection block of Laina et al. (2016), which doubles the size of a map."""

import keras

from dpde_tf.models.compact_kernels import layer_class
from dpde_tf.models.crop import CropLike
from dpde_tf.models.folding import batch_normalization, has_bias
from dpde_tf.models.initial_values import initial
from dpde_tf.models.unpool_convolution import UnpoolConv2D


def up_projection(
    x: keras.KerasTensor,
    like: keras.KerasTensor | None,
    *,
    filters: int,
    kernel_stddev: float,
    batch_norm_momentum: float,
    name: str,
    unpool_padding: str = "bottom_right",
    unpool_bias: bool = False,
) -> keras.KerasTensor:
    """Returns the up-projected map, cropped to the size of `like`.

    Branch 1: unpool 2x2, 5x5 convolution, BN, ReLU, 3x3 convolution, BN.
    Branch 2: unpool 2x2, 5x5 convolution, BN. Output: ReLU(branch 1 + branch 2).

    Layers: `<name>_unpool_conv1`, `<name>_crop1` and `<name>_unpool_bn1` for branch 1,
    the same with 2, `<name>_relu`, `<name>_conv`, `<name>_bn`, `<name>_add` and
    `<name>_out`.

    Args:
        x: Features `[B, H, W, C]`.
        like: A map `[B, H', W', *]` with H' <= 2 H and W' <= 2 W; None for no cropping.
        filters: Channels of the output.
        kernel_stddev: Standard deviation of the Gaussian initialisation.
        batch_norm_momentum: Momentum of the moving averages of batch normalisation.
        name: Prefix of the names of the layers.
        unpool_padding: `padding` of `UnpoolConv2D`.
        unpool_bias: `use_bias` of `UnpoolConv2D`.

    Returns:
        Features, `[B, H', W', filters]`.

    Source: Laina et al. (2016), Fig. 2 and Sect. 3.2.
    """

    def norm(y: keras.KerasTensor, suffix: str) -> keras.KerasTensor:
        return batch_normalization(
            y, name=f"{name}_{suffix}", epsilon=1e-4, momentum=batch_norm_momentum
        )

    def initializer() -> str | keras.Initializer:
        return initial(keras.initializers.RandomNormal(stddev=kernel_stddev))

    def unpooled(branch: int) -> keras.KerasTensor:
        y = layer_class(UnpoolConv2D)(
            filters,
            padding=unpool_padding,
            use_bias=has_bias(unpool_bias),
            kernel_initializer=initializer(),
            name=f"{name}_unpool_conv{branch}",
        )(x)
        if like is not None:
            y = CropLike(name=f"{name}_crop{branch}")([y, like])
        return norm(y, f"unpool_bn{branch}")

    branch1 = keras.layers.ReLU(name=f"{name}_relu")(unpooled(1))
    branch1 = layer_class(keras.layers.Conv2D)(
        filters,
        3,
        padding="same",
        use_bias=has_bias(),
        kernel_initializer=initializer(),
        name=f"{name}_conv",
    )(branch1)
    branch1 = norm(branch1, "bn")
    total = keras.layers.Add(name=f"{name}_add")([branch1, unpooled(2)])
    return keras.layers.ReLU(name=f"{name}_out")(total)
