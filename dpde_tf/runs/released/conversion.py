"""From the arrays of a released network to the layers of ours."""

import pathlib

import keras
import numpy as np

from dpde_tf.config import DepthNetworkConfig
from dpde_tf.runs.released import layer_file, torch_file
from dpde_tf.runs.released.fcrn import FCRN
from dpde_tf.runs.released.hybrid import HYBRID
from dpde_tf.runs.released.release import NamedArrays, Release, UpProjectionNames

Weights = dict[str, list[np.ndarray]]

_RELEASES = {
    layer_file.MAGIC: FCRN,
    torch_file.ZIP_MAGIC: HYBRID,
    torch_file.LEGACY_MAGIC: HYBRID,
}


def find_release(path: str | pathlib.Path) -> Release | None:
    """Returns the release that a file is of, by its first bytes.

    Args:
        path: An existing file.

    Returns:
        FCRN for an NPY file, the hybrid for one of PyTorch, and None for others.
    """
    with pathlib.Path(path).open("rb") as file:
        start = file.read(max(len(magic) for magic in _RELEASES))
    return next((r for magic, r in _RELEASES.items() if start.startswith(magic)), None)


def load_released_weights(
    network: keras.Model,
    config: DepthNetworkConfig,
    release: Release,
    path: str | pathlib.Path,
) -> None:
    """Sets all weights of a network to those of a released file.

    With `config.output_relu`, the network then computes the same function as the
    released one, up to rounding.

    Args:
        network: As `build_depth_network(config)` gives it.
        config: Its configuration, of the release's architecture.
        release: What the file is.
        path: The file.

    Raises:
        ValueError: If the configuration is of another network, or the file is not what
            the release says.

    Source: Laina et al. (2016) and Harsanyi et al. (2018), released networks.
    """
    wanted = release.config
    for field in ("architecture", "lateral_connections"):
        if getattr(config, field) != getattr(wanted, field):
            raise ValueError(
                f"By its first bytes, {path} can only be {release.title}; that needs "
                f"`architecture={wanted.architecture}` and "
                f"`lateral_connections={wanted.lateral_connections}`. Received: "
                f"{field}={getattr(config, field)}."
            )
    path = pathlib.Path(path)
    arrays = NamedArrays(release.read(path), release, path)
    weights = _convert(arrays, release)
    arrays.check_all_used()
    kernel, bias = weights["depth_conv"]
    weights["depth_conv"] = fold_output(kernel, bias, wanted, config)
    for name, values in weights.items():
        _set(network.get_layer(name), values, release, path)


def fold_output(
    kernel: np.ndarray,
    bias: np.ndarray,
    source: DepthNetworkConfig,
    target: DepthNetworkConfig,
) -> list[np.ndarray]:
    """Returns a last convolution that gives the same depth at another scale.

    Args:
        kernel: Kernel of the last convolution.
        bias: Bias of the last convolution.
        source: Configuration with the `output_scale` and `output_offset` of the kernel.
        target: Configuration with those of the network.

    Returns:
        Kernel and bias for the network.
    """
    scale = source.output_scale / target.output_scale
    shift = (source.output_offset - target.output_offset) / target.output_scale
    return [kernel * scale, bias * scale + shift]


def _convert(arrays: NamedArrays, release: Release) -> Weights:
    """The weights of our layers, in the order of Keras."""
    weights = {}
    for prefix, (convolution, norm) in release.encoder.items():
        kernel = arrays.kernel(convolution)
        # Keras's ResNet-50 has a bias everywhere.
        bias = np.zeros(kernel.shape[3], kernel.dtype)
        if convolution in release.encoder_biases:
            bias = arrays.bias(convolution)
        weights[f"{prefix}_conv"] = [kernel, bias]
        weights[f"{prefix}_bn"] = arrays.norm(norm)
    convolution, norm = release.reduce
    weights |= _biased_convolution(arrays, convolution, norm, "reduce")
    for number, names in enumerate(release.up_projections, start=1):
        weights |= _up_projection(arrays, names, f"up{number}")
    for number, name in enumerate(release.laterals, start=1):
        weights[f"lateral{number}_conv"] = [arrays.kernel(name), arrays.bias(name)]
    weights["depth_conv"] = [arrays.kernel(release.head), arrays.bias(release.head)]
    return weights


def _up_projection(
    arrays: NamedArrays, names: UpProjectionNames, prefix: str
) -> Weights:
    """The weights of an up-projection."""
    weights = _biased_convolution(arrays, names.convolution, names.norm, prefix)
    for number, layers in enumerate(names.interleaved, start=1):
        pairs = [(arrays.kernel(layer), arrays.bias(layer)) for layer in layers]
        weights[f"{prefix}_unpool_conv{number}"] = [x for pair in pairs for x in pair]
    for number, norm in enumerate(names.interleaved_norms, start=1):
        weights[f"{prefix}_unpool_bn{number}"] = arrays.norm(norm)
    return weights


def _biased_convolution(
    arrays: NamedArrays, convolution: str, norm: str, prefix: str
) -> Weights:
    """A convolution whose bias goes into the mean of the BN behind it."""
    scale, offset, mean, variance = arrays.norm(norm)
    return {
        f"{prefix}_conv": [arrays.kernel(convolution)],
        f"{prefix}_bn": [scale, offset, mean - arrays.bias(convolution), variance],
    }


def _set(
    layer: keras.layers.Layer,
    values: list[np.ndarray],
    release: Release,
    path: pathlib.Path,
) -> None:
    """Sets the weights of a layer, after a look at their shapes."""
    if isinstance(layer, keras.layers.BatchNormalization):
        # The sum of variance and epsilon is what counts.
        values[3] = values[3] + (release.epsilon - layer.epsilon)
    expected = [tuple(weight.shape) for weight in layer.weights]
    received = [value.shape for value in values]
    if received != expected:
        raise ValueError(
            f"{path}: the arrays for the layer {layer.name} must have the shapes "
            f"{expected}. Received: {received}."
        )
    layer.set_weights(values)
