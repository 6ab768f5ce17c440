"""Tests of kernels that stay in whole numbers until they are used."""

import copy

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.models.compact_kernels import code_dtype, compact_kernels, layer_class
from dpde_tf.models.convolution import PointwiseConv2D
from dpde_tf.models.folding import (
    assign_folded,
    batch_normalization,
    conv_bn_relu,
    has_bias,
    without_batch_normalization,
)
from dpde_tf.models.symmetric_convolution import SymmetricConv2D
from dpde_tf.models.unpool_convolution import UnpoolConv2D
from dpde_tf.runs.compact_weights import read_compact_weights, write_compact_weights


def _network() -> keras.Model:
    """Each kind of convolution, with kernels of float32, int16 and int8."""
    image = keras.Input((None, None, 3))
    x = conv_bn_relu(image, 24, "first", momentum=0.9, kernel_size=3, padding="same")
    x = conv_bn_relu(x, 64, "small", momentum=0.9, kernel_size=3, padding="same")
    x = conv_bn_relu(
        x, 80, "strided", momentum=0.9, kind=SymmetricConv2D, kernel_size=3, strides=2
    )
    x = layer_class(UnpoolConv2D)(64, use_bias=has_bias(), name="unpool")(x)
    x = batch_normalization(x, name="unpool_bn", epsilon=1e-4, momentum=0.9)
    x = layer_class(PointwiseConv2D)(640, name="pointwise")(x)
    x = keras.layers.Conv2D(1, 3, dtype="float32", name="last")(x)
    return keras.Model(image, x)


@pytest.fixture
def folder(rng, tmp_path):
    """Compact weights of the network, with any batch normalisation."""
    trained = _network()
    for variable in trained.weights:
        low = 0.5 if variable.name in ("gamma", "moving_variance") else -0.5
        variable.assign(rng.uniform(low, 1.0, variable.shape))
    write_compact_weights(trained, tmp_path)
    return tmp_path


def _load(folder, *, compact: bool) -> keras.Model:
    with without_batch_normalization() as folds:
        if compact:
            with compact_kernels():
                network = _network()
        else:
            network = _network()
    read_compact_weights(folder).assign_to(network, folds)
    return network


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ([3, 3, 3, 24], None),
        ([4095, 1], None),
        ([4096, 1], "int16"),
        ([1, 1, 39_999, 1], "int16"),
        ([1, 1, 40_000, 1], "int8"),
        ([40_000], None),
    ],
)
def test_type_by_size(shape, expected):
    assert code_dtype(shape) == expected


def test_prediction_is_that_of_restored_kernels(folder, rng):
    image = rng.uniform(0, 1, [2, 7, 9, 3]).astype(np.float32)
    expected = _load(folder, compact=False)(image)
    network = _load(folder, compact=True)
    graph = tf.function(network)
    # Restored and freed; restored and kept; kept; captured by a graph.
    for prediction in (network(image), network(image), network(image), graph(image)):
        np.testing.assert_allclose(prediction, expected, rtol=1e-5)
    # In a graph from the start.
    first = tf.function(_load(folder, compact=True))(image)
    np.testing.assert_allclose(first, expected, rtol=1e-5)


def test_kernels_take_one_or_two_bytes_a_weight(folder):
    network = _load(folder, compact=True)
    kernels = {v.path: v.dtype for v in network.weights if len(v.shape) == 4}
    assert kernels == {
        "first_conv/kernel": "float32",
        "small_conv/kernel": "int16",
        "strided_conv/kernel": "int8",
        "unpool/kernel_a": "int8",
        "unpool/kernel_b": "int16",
        "unpool/kernel_c": "int16",
        "unpool/kernel_d": "int16",
        "pointwise/kernel": "int8",
        "last/kernel": "float32",
    }


def test_a_kernel_is_kept_from_its_second_use_on(folder):
    kernel = _load(folder, compact=True).get_layer("pointwise").kernel
    first, second, third = (tf.convert_to_tensor(kernel) for _ in range(3))
    assert first is not second
    assert second is third
    np.testing.assert_array_equal(first, third)


def test_a_graph_keeps_the_kernels_for_others(folder):
    network = _load(folder, compact=True)
    kernel = network.get_layer("pointwise").kernel
    tf.function(network)(tf.zeros([1, 4, 4, 3]))
    assert tf.convert_to_tensor(kernel) is tf.convert_to_tensor(kernel)


def test_precision_of_the_network_is_kept(folder, rng):
    image = rng.uniform(0, 1, [1, 6, 8, 3]).astype(np.float32)
    keras.config.set_dtype_policy("mixed_bfloat16")
    expected, network = (_load(folder, compact=c) for c in (False, True))
    keras.config.set_dtype_policy("float32")
    kernel = tf.convert_to_tensor(network.get_layer("pointwise").kernel)
    assert kernel.dtype == tf.bfloat16
    # Folding rounds the scale instead of the kernel: one step of bfloat16 at most.
    np.testing.assert_allclose(network(image), expected(image), rtol=0.02)


@pytest.mark.parametrize("policy", ["bfloat16", "float64"])
def test_policies_without_float32_can_predict(folder, policy):
    keras.config.set_dtype_policy(policy)
    network = _load(folder, compact=True)
    keras.config.set_dtype_policy("float32")
    kernel = network.get_layer("pointwise").kernel
    scales = {v.dtype for v in network.weights if v.path.endswith(".scale")}
    assert scales == {"float32"}
    assert tf.convert_to_tensor(kernel).dtype == policy


def test_networks_that_cannot_be_saved_say_so(folder, tmp_path):
    network = _load(folder, compact=True)
    with pytest.raises(NotImplementedError, match="cannot be saved or copied"):
        copy.deepcopy(network)
    with pytest.raises(NotImplementedError, match="cannot be saved or copied"):
        network.save_weights(tmp_path / "a.weights.h5")


def test_larger_whole_numbers_are_refused():
    with compact_kernels():
        image = keras.Input((1, 1, 200))
        x = layer_class(PointwiseConv2D)(200, use_bias=False, name="conv")(image)
    codes = {"conv/kernel": np.full([1, 1, 200, 200], 300, np.int16)}
    with pytest.raises(TypeError, match=r"int16.*int8"):
        assign_folded(keras.Model(image, x), {}, [], codes=codes)


def test_layers_outside_of_the_block_are_as_they_were():
    with compact_kernels():
        assert issubclass(layer_class(keras.layers.Conv2D), keras.layers.Conv2D)
        assert layer_class(keras.layers.Conv2D) is not keras.layers.Conv2D
    assert layer_class(keras.layers.Conv2D) is keras.layers.Conv2D
