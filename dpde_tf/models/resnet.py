"""ResNet-50 with the layer names of Keras, in the variants of three networks."""

from collections.abc import Callable

import keras

from dpde_tf.models.compact_kernels import layer_class
from dpde_tf.models.convolution import PointwiseConv2D
from dpde_tf.models.folding import batch_normalization
from dpde_tf.models.initial_values import initial
from dpde_tf.models.symmetric_convolution import SymmetricConv2D

# Blocks and filters of the stages conv2 to conv5.
_STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
_EPSILON = 1.001e-5  # As in Keras.

# Maps name and input of a batch normalisation to its output.
_Norm = Callable[[str, keras.KerasTensor], keras.KerasTensor]


def resnet50(
    x: keras.KerasTensor,
    *,
    architecture: str,
    batch_norm_options: dict,
    num_stages: int = 5,
) -> list[keras.KerasTensor]:
    """Returns the outputs of the stages of ResNet-50, without its classifier.

    The layers have the names of `keras.applications.ResNet50`, so that weights can be
    copied by name.

    Args:
        x: Preprocessed image, `[B, H, W, 3]`.
        architecture: `paper` for the graph of Keras. `laina` pads even sizes for
            pooling at the bottom and right only. `harsanyi` has the stride of a stage
            in its first 3x3 convolution, not in the 1x1 convolution before it.
        batch_norm_options: Options of the batch normalisations, such as `momentum`.
        num_stages: Stages to build, 2 to 5.

    Returns:
        Features at 1/2 to 1/2^num_stages resolution, after the activation.

    Source: He et al. (2016), Table 1.
    """

    def norm(name: str, x: keras.KerasTensor) -> keras.KerasTensor:
        return batch_normalization(
            x, name=f"{name}_bn", epsilon=_EPSILON, **batch_norm_options
        )

    x = keras.layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = _conv(keras.layers.Conv2D, 64, 7, "conv1", strides=2)(x)
    x = keras.layers.ReLU(name="conv1_relu")(norm("conv1", x))
    stages = [x]
    same = architecture == "laina"
    x = keras.layers.ZeroPadding2D(0 if same else 1, name="pool1_pad")(x)
    padding = "same" if same else "valid"
    x = keras.layers.MaxPooling2D(3, 2, padding=padding, name="pool1_pool")(x)
    strided_3x3 = architecture == "harsanyi"
    for stage, (blocks, filters) in enumerate(_STAGES[: num_stages - 1], start=2):
        for block in range(1, blocks + 1):
            strides = 2 if stage > 2 and block == 1 else 1
            name = f"conv{stage}_block{block}"
            x = _block(x, filters, name, norm, strides, block == 1, strided_3x3)
        stages.append(x)
    return stages


def _block(
    x: keras.KerasTensor,
    filters: int,
    name: str,
    norm: _Norm,
    strides: int,
    projects: bool,
    strided_3x3: bool,
) -> keras.KerasTensor:
    """A bottleneck block: 1x1, 3x3 and 1x1 convolution, and a shortcut."""
    shortcut = x
    if projects:
        layer = _conv(PointwiseConv2D, 4 * filters, 1, f"{name}_0", strides=strides)
        shortcut = norm(f"{name}_0", layer(x))
    first, second = (1, strides) if strided_3x3 else (strides, 1)
    x = _conv(PointwiseConv2D, filters, 1, f"{name}_1", strides=first)(x)
    x = keras.layers.ReLU(name=f"{name}_1_relu")(norm(f"{name}_1", x))
    if second == 2:
        layer = _conv(SymmetricConv2D, filters, 3, f"{name}_2", strides=2)
    else:
        layer = _conv(keras.layers.Conv2D, filters, 3, f"{name}_2", padding="same")
    x = keras.layers.ReLU(name=f"{name}_2_relu")(norm(f"{name}_2", layer(x)))
    x = _conv(PointwiseConv2D, 4 * filters, 1, f"{name}_3")(x)
    x = keras.layers.Add(name=f"{name}_add")([shortcut, norm(f"{name}_3", x)])
    return keras.layers.ReLU(name=f"{name}_out")(x)


def _conv(
    kind: type, filters: int, size: int, name: str, **options: object
) -> keras.layers.Layer:
    """A convolution with the default initialisation of Keras."""
    return layer_class(kind)(
        filters,
        size,
        kernel_initializer=initial("glorot_uniform"),
        name=f"{name}_conv",
        **options,
    )
