"""Networks for prediction, built without their batch normalisations.

With fixed statistics, a batch normalisation multiplies each channel by one number and
adds another. The first goes into the kernel of the convolution before it, the second
into its bias. That saves a whole pass over memory at prediction, and two thirds of the
variables, whose creation takes longer than anything else when a network is loaded.
"""

import contextlib
import contextvars
import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np

from dpde_tf.models.batch_normalization import FusedBatchNormalization
from dpde_tf.models.compact_kernels import SCALE, layer_class
from dpde_tf.models.crop import CropLike
from dpde_tf.models.initial_values import initial

_STATISTICS = ("gamma", "beta", "moving_mean", "moving_variance")


@dataclasses.dataclass(frozen=True)
class Fold:
    """A batch normalisation whose numbers go into the convolution before it.

    Attributes:
        norm: Name of the layer that is not built.
        convolution: Name of the convolution.
        epsilon: What is added to the variance.
    """

    norm: str
    convolution: str
    epsilon: float


_folds = contextvars.ContextVar("folds", default=None)


@contextlib.contextmanager
def without_batch_normalization() -> Iterator[list[Fold]]:
    """Builds the networks of the block without batch normalisations.

    Yields:
        The folds, which `assign_folded` needs; filled as networks are built.
    """
    folds: list[Fold] = []
    token = _folds.set(folds)
    try:
        yield folds
    finally:
        _folds.reset(token)


def has_bias(use_bias: bool = False) -> bool:
    """Returns whether a convolution before a batch normalisation has a bias.

    Args:
        use_bias: Whether it has one in training.

    Returns:
        `use_bias`, or True inside `without_batch_normalization`.
    """
    return use_bias or _folds.get() is not None


def batch_normalization(
    x: keras.KerasTensor, *, name: str, epsilon: float, **options: object
) -> keras.KerasTensor:
    """Returns the normalised output of a convolution.

    Args:
        x: Output of a convolution with `use_bias=has_bias(...)`, cropped or not, that
            nothing else uses.
        name: Name of the layer.
        epsilon: Is added to the variance.
        **options: Other options of `FusedBatchNormalization`, such as `momentum`.

    Returns:
        Features of the same shape; `x` itself inside `without_batch_normalization`.
    """
    folds = _folds.get()
    if folds is None:
        return FusedBatchNormalization(name=name, epsilon=epsilon, **options)(x)
    layer = x._keras_history.operation
    if isinstance(layer, CropLike):
        layer = layer.input[0]._keras_history.operation
    folds.append(Fold(name, layer.name, epsilon))
    return x


def trained_shapes(
    network: keras.Model, folds: Sequence[Fold]
) -> dict[str, tuple[int, ...]]:
    """Returns the weights that a network has with its batch normalisations.

    Args:
        network: As built, with or without them.
        folds: Of `without_batch_normalization`, empty for a network built with them.

    Returns:
        Shape of each weight by its path. The biases of the convolutions before folded
        batch normalisations are left out, since a network in training may lack them.
    """
    shapes = {
        variable.path: tuple(variable.shape)
        for variable in network.weights
        if not is_folded_bias(variable.path, folds)
        and not variable.path.endswith(SCALE)
    }
    for fold in folds:
        channels = network.get_layer(fold.convolution).filters
        shapes |= {f"{fold.norm}/{name}": (channels,) for name in _STATISTICS}
    return shapes


def is_folded_bias(path: str, folds: Sequence[Fold]) -> bool:
    """Returns whether a weight is the bias of a convolution that takes a fold.

    Args:
        path: Path of the weight, `layer/name`.
        folds: Of `without_batch_normalization`.

    Returns:
        True for a bias of such a convolution.
    """
    layer, _, name = path.rpartition("/")
    return name.startswith("bias") and layer in {fold.convolution for fold in folds}


def conv_bn_relu(
    x: keras.KerasTensor,
    filters: int,
    name: str,
    *,
    momentum: float,
    kind: type[keras.layers.Layer] = keras.layers.Conv2D,
    **options: object,
) -> keras.KerasTensor:
    """Returns a convolution of maps, with batch normalisation and ReLU.

    Args:
        x: Maps, `[B, H, W, C]`.
        filters: Channels of the output.
        name: Of the three layers, which end in `_conv`, `_bn` and `_relu`.
        momentum: Momentum of the moving averages.
        kind: Class of the convolution.
        **options: More arguments of the convolution.

    Returns:
        Maps, `[B, h, w, filters]`.
    """
    x = layer_class(kind)(
        filters,
        use_bias=has_bias(),
        kernel_initializer=initial("he_normal"),
        name=f"{name}_conv",
        **options,
    )(x)
    x = batch_normalization(x, name=f"{name}_bn", epsilon=1e-4, momentum=momentum)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def assign_folded(
    network: keras.Model,
    arrays: Mapping[str, np.ndarray],
    folds: Sequence[Fold],
    codes: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Sets all weights of a network, one after another.

    Args:
        network: As built, with or without its batch normalisations.
        arrays: Weights by path, of the same network with its batch normalisations.
        folds: Of `without_batch_normalization`, empty for a network built with them.
        codes: Kernels in whole numbers by path, for a network of `compact_kernels`;
            `arrays` then has their scales.
    """
    factors = {}
    for fold in folds:
        gamma, beta, mean, variance = (arrays[f"{fold.norm}/{n}"] for n in _STATISTICS)
        scale = gamma / np.sqrt(variance + np.float32(fold.epsilon))
        factors[fold.convolution] = scale, beta - mean * scale
    for variable in network.weights:
        layer, _, name = variable.path.rpartition("/")
        if np.issubdtype(variable.dtype, np.integer):
            whole = codes[variable.path]
            variable.assign(whole.astype(variable.dtype, casting="safe", copy=False))
            continue
        if layer not in factors:
            variable.assign(arrays[variable.path])
            continue
        scale, shift = factors[layer]
        if name.startswith("bias"):
            bias = arrays.get(variable.path, np.float32(0))
            variable.assign(bias * scale + shift)
        else:
            variable.assign(arrays[variable.path] * scale)
