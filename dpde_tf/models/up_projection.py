"""The up-projection block of Laina et al. (2016), which doubles a map's size."""

import keras

from dpde_tf.models.batch_normalization import FusedBatchNormalization
from dpde_tf.models.crop import CropLike


def up_projection(
    x: keras.KerasTensor,
    like: keras.KerasTensor,
    *,
    filters: int,
    kernel_stddev: float,
    batch_norm_momentum: float,
    name: str,
) -> keras.KerasTensor:
    """Returns the up-projected map, cropped to the size of `like`.

    Branch 1: unpool 2x2, 5x5 convolution, BN, ReLU, 3x3 convolution, BN.
    Branch 2: unpool 2x2, 5x5 convolution, BN. Output: ReLU(branch 1 + branch 2).

    Unpooling (each value to the top left of a 2x2 block of zeros) followed by a 5x5
    convolution with kernel `w` is the transposed convolution of stride 2 whose kernel
    is `w` rotated by 180 degrees, without its first two rows and columns. Both
    branches start with one on the same input, so one layer with twice the filters
    computes them together: layer `<name>_unpool_conv`, branch 1 first.

    Args:
        x: Features `[B, H, W, C]`.
        like: A map `[B, H', W', *]` with H' <= 2 H and W' <= 2 W.
        filters: Channels of the output.
        kernel_stddev: Standard deviation of the Gaussian initialisation.
        batch_norm_momentum: Of the moving averages.
        name: Prefix of the layers' names.

    Returns:
        Features `[B, H', W', filters]`.

    Source: Laina et al. (2016), Fig. 2 and Sect. 3.2.
    """

    def batch_norm(suffix: str) -> keras.layers.Layer:
        return FusedBatchNormalization(
            momentum=batch_norm_momentum, epsilon=1e-4, name=f"{name}_{suffix}"
        )

    def initializer() -> keras.Initializer:
        return keras.initializers.RandomNormal(stddev=kernel_stddev)

    both = keras.layers.Conv2DTranspose(
        2 * filters,
        5,
        strides=2,
        padding="valid",
        use_bias=False,
        kernel_initializer=initializer(),
        name=f"{name}_unpool_conv",
    )(x)  # [B, 2 H + 3, 2 W + 3, 2 filters]
    both = CropLike(offset=2, name=f"{name}_crop")([both, like])
    both = batch_norm("unpool_bn")(both)
    branch1, branch2 = both[..., :filters], both[..., filters:]
    branch1 = keras.layers.ReLU(name=f"{name}_relu")(branch1)
    branch1 = keras.layers.Conv2D(
        filters,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer=initializer(),
        name=f"{name}_conv",
    )(branch1)
    branch1 = batch_norm("bn")(branch1)
    total = keras.layers.Add(name=f"{name}_add")([branch1, branch2])
    return keras.layers.ReLU(name=f"{name}_out")(total)
