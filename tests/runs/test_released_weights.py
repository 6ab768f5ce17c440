"""Tests that our network with released weights is the released network."""

import dataclasses

import numpy as np
import pytest

from dpde_tf.config import DepthNetworkConfig
from dpde_tf.models.depth import build_depth_network
from dpde_tf.models.initial_values import without_drawing
from dpde_tf.runs.released.conversion import (
    find_release,
    fold_output,
    load_released_weights,
)
from dpde_tf.runs.released.fcrn import FCRN
from dpde_tf.runs.released.hybrid import HYBRID
from tests.fixtures import released_fcrn, released_hybrid
from tests.fixtures.torch_writer import write_torch

# Of the largest depth. Float32 rounding through sixty layers: 3e-6 was measured.
TOLERANCE = 3e-5


@pytest.fixture(scope="module")
def fcrn(tmp_path_factory):
    """Random layers, and our network with the weights of their file."""
    layers = released_fcrn.random_layers(np.random.default_rng(0))
    path = tmp_path_factory.mktemp("fcrn") / "NYU_FCRN.npy"
    np.save(path, layers, allow_pickle=True)
    return layers, _network(path, FCRN)


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory):
    """A random state dictionary, and our network with the weights of its file."""
    arrays = released_hybrid.random_arrays(np.random.default_rng(0))
    path = tmp_path_factory.mktemp("hybrid") / "hyb_net_weights.model"
    write_torch(path, arrays, legacy=True)
    return arrays, _network(path, HYBRID)


class _Zeros:
    """In the place of a generator: arrays that take no time."""

    def standard_normal(self, shape, dtype):
        return np.zeros(shape, dtype)

    def uniform(self, low, high, shape):
        return np.zeros(shape)


@pytest.fixture(scope="module")
def empty_fcrn():
    """Layers, and our network, both of zeros."""
    return released_fcrn.random_layers(_Zeros()), _build(FCRN)


@pytest.fixture(scope="module")
def empty_hybrid():
    """A state dictionary, and our network, both of zeros."""
    return released_hybrid.random_arrays(_Zeros()), _build(HYBRID)


def _build(release):
    with without_drawing():
        return build_depth_network(release.config)


def _network(path, release):
    assert find_release(path) is release
    network = _build(release)
    load_released_weights(network, release.config, release, path)
    return network


def _assert_same(expected, actual):
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    # Both sides of the last ReLU are there.
    assert 0.05 < np.mean(expected > 0) < 0.95
    assert np.abs(actual - expected).max() < TOLERANCE * expected.max()


# 64 x 96 has even sizes where it is pooled, 75 x 101 odd ones, 100 x 70 both.
@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 96), (75, 101), (100, 70)])
def test_fcrn_computes_the_depth_of_the_released_graph(fcrn, rng, size):
    layers, network = fcrn
    image = rng.uniform(0, 1, [2, *size, 3]).astype(np.float32)
    expected = released_fcrn.forward(layers, image * 255)
    height, width = (16 * -(-n // 32) for n in size)
    assert expected.shape == (2, height, width, 1)
    _assert_same(expected, network(image))


# The released graph exists for multiples of 32, and for those less one.
@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 96), (63, 95)])
def test_hybrid_computes_the_depth_of_the_released_graph(hybrid, rng, size):
    arrays, network = hybrid
    image = rng.uniform(0, 1, [2, *size, 3]).astype(np.float32)
    _assert_same(released_hybrid.forward(arrays, image), network(image))


def test_hybrid_works_at_any_size(empty_hybrid, rng):
    depth = empty_hybrid[1](rng.uniform(0, 1, [1, 75, 101, 3]).astype(np.float32))
    assert depth.shape == (1, 38, 51, 1)
    assert np.isfinite(depth).all()


def test_parameters_are_those_of_the_released_networks(empty_fcrn, empty_hybrid):
    # Keras has biases in all 53 convolutions of the encoder; those of the five
    # convolutions before a BN of the decoder have gone into its mean.
    network = empty_hybrid[1]
    names = [f"{prefix}_conv" for prefix in HYBRID.encoder]
    biases = sum(network.get_layer(name).bias.shape[0] for name in names)
    folded = 1024 + 512 + 256 + 128 + 64
    arrays = [
        array
        for name, array in empty_hybrid[0].items()
        if ".unpool_" not in name and not name.endswith("tracked")
    ]
    count = sum(array.size for array in arrays)
    assert network.count_params() == count + biases - folded
    # Of FCRN's, the first has one in the file too.
    count = sum(array.size for array in _flat(empty_fcrn[0]).values())
    assert empty_fcrn[1].count_params() == count + biases - 64 - folded


def test_fold_output_keeps_the_depth():
    source = DepthNetworkConfig(output_scale=1.0, output_offset=0.5)
    target = DepthNetworkConfig(output_scale=0.1, output_offset=2.8)
    kernel, bias = fold_output(np.array([3.0]), np.array([0.7]), source, target)
    x = 1.9
    expected = 0.5 + 1.0 * (3.0 * x + 0.7)
    assert 2.8 + 0.1 * (kernel[0] * x + bias[0]) == pytest.approx(expected, rel=1e-12)


def _flat(layers):
    return {f"{k}/{name}": a for k, v in layers.items() for name, a in v.items()}


def _load(network, arrays):
    """Loads arrays of FCRN as if a file held them."""
    release = dataclasses.replace(FCRN, read=lambda path: arrays)
    load_released_weights(network, release.config, release, "w.npy")


def test_missing_layer_is_named(empty_fcrn):
    arrays = _flat(empty_fcrn[0])
    del arrays["layer8x_br2_ConvC/biases"]
    with pytest.raises(ValueError, match=r"w\.npy lacks 'layer8x_br2_ConvC/biases'"):
        _load(None, arrays)


def test_extra_layer_is_named(empty_fcrn):
    arrays = _flat(empty_fcrn[0]) | {"fc1000/weights": np.ones([2, 2])}
    with pytest.raises(ValueError, match=r"has 1 arrays that are not in .*'fc1000/w"):
        _load(None, arrays)


def test_wrong_shapes_are_named(empty_fcrn):
    layers, network = empty_fcrn
    cases = [
        ("res5c_branch2c/weights", np.s_[..., :-1], "layer conv5_block3_3_conv must"),
        (
            "layer4x_br1_ConvB/weights",
            np.s_[:1],
            r"layer up2_unpool_conv1 must .* \(1, 3, 512",
        ),
        (
            "layer4x_br1_ConvB/biases",
            np.s_[:1],
            r"layer up2_unpool_conv1 must .* \(1,\)",
        ),
        ("bn4f_branch2a/mean", np.s_[..., None], "must have 1 axes"),
    ]
    for name, part, message in cases:
        arrays = _flat(layers)
        arrays[name] = arrays[name][part]
        with pytest.raises(ValueError, match=rf"^w\.npy: .*{message}"):
            _load(network, arrays)
    _load(network, _flat(layers))


def test_values_other_than_floats_are_refused(empty_fcrn):
    arrays = _flat(empty_fcrn[0]) | {"conv1/weights": "text"}
    with pytest.raises(ValueError, match=r"'conv1/weights' must be an array of floats"):
        _load(None, arrays)


def test_another_network_is_refused_with_the_needed_options():
    options = "`architecture=laina` and `lateral_connections=False`"
    with pytest.raises(ValueError, match=rf"{options}.*architecture=paper"):
        load_released_weights(None, DepthNetworkConfig(), FCRN, "w.npy")
    other = dataclasses.replace(HYBRID.config, architecture="laina")
    with pytest.raises(ValueError, match=rf"{options}.*lateral_connections=True"):
        load_released_weights(None, other, FCRN, "w.npy")
    options = "`architecture=harsanyi` and `lateral_connections=True`"
    with pytest.raises(ValueError, match=rf"{options}\. Received"):
        load_released_weights(None, FCRN.config, HYBRID, "w.pth")


def test_find_release_rejects_other_files(tmp_path):
    path = tmp_path / "w.weights.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    assert find_release(path) is None
    path.write_bytes(b"")
    assert find_release(path) is None


def test_build_depth_network_refuses_contradictions():
    build = build_depth_network
    with pytest.raises(ValueError, match=r"without .*`lateral_connections=False`"):
        build(dataclasses.replace(FCRN.config, lateral_connections=True))
    with pytest.raises(ValueError, match=r"'harsanyi' is a network with lateral"):
        build(dataclasses.replace(HYBRID.config, lateral_connections=False))
    with pytest.raises(ValueError, match=r"do not fit .*'laina'.*`init_from`"):
        build(dataclasses.replace(FCRN.config, encoder_weights="imagenet"))
    with pytest.raises(
        ValueError, match=r"must be one of \('paper', .*Received: 'resnet'"
    ):
        build(dataclasses.replace(FCRN.config, architecture="resnet"))
