"""Tests of the call of a network that frees its maps."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.config import GuidedNetworkConfig
from dpde_tf.inference.network_call import call_network
from dpde_tf.models.convolution import PointwiseConv2D
from dpde_tf.models.guided import build_guided_network
from dpde_tf.models.unpool_convolution import UnpoolConv2D
from tests.fixtures.small_training import tiny_depth_network


def test_output_is_that_of_the_network(rng):
    network = tiny_depth_network()
    image = rng.uniform(0, 1, [2, 7, 9, 3]).astype(np.float32)
    expected = network(image, training=False)
    np.testing.assert_array_equal(call_network(network, image), expected)
    graph = tf.function(lambda image: call_network(network, image))
    np.testing.assert_allclose(graph(image), expected, rtol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_inputs_have_names_and_layers_several_uses(rng, policy):
    keras.config.set_dtype_policy(policy)
    network = build_guided_network(GuidedNetworkConfig(guided_width=2))
    inputs = {
        "coarse_depth": rng.uniform(1, 2, [1, 33, 20, 1]).astype(np.float32),
        "image": rng.uniform(0, 1, [1, 33, 20, 3]).astype(np.float32),
    }
    network.layers[-2].set_weights([rng.normal(size=(3, 3, 2, 1)), np.zeros(1)])
    expected = network(inputs, training=False)
    np.testing.assert_array_equal(call_network(network, inputs), expected)


def test_a_map_is_freed_after_its_last_use():
    """Of five maps in a row, and one that is added at the end, two are held."""
    maps, held = [], []

    class Noting(keras.layers.Layer):
        def call(self, x):
            held.append(sum(one() is not None for one in maps))
            y = x + 1.0
            maps.append(weakref.ref(y))
            return y

    image = keras.Input((4, 4, 1))
    first = x = Noting()(image)
    for _ in range(4):
        x = Noting()(x)
    network = keras.Model(image, keras.layers.Add()([first, x]))
    maps.clear(), held.clear()
    total = call_network(network, tf.zeros([1, 4, 4, 1]))
    assert total.numpy().max() == 6.0
    assert held == [0, 1, 2, 2, 2]
    maps.clear(), held.clear()
    network(tf.zeros([1, 4, 4, 1]))
    assert held == [0, 1, 2, 3, 4]  # As Keras does it.


def test_quantised_and_masked_layers_are_called_by_keras(rng):
    image = keras.Input((None, 3))
    x = keras.layers.Masking()(image)
    x = keras.layers.MultiHeadAttention(2, 4)(x, x)
    network = keras.Model(image, keras.layers.Dense(1)(x))
    inputs = rng.normal(size=(1, 5, 3)).astype(np.float32)
    inputs[:, 2:4] = 0.0
    np.testing.assert_allclose(
        call_network(network, inputs), network(inputs, training=False), rtol=1e-6
    )
    network = keras.Model(image, keras.layers.Dense(1)(image))
    network.quantize("int8")
    np.testing.assert_array_equal(
        call_network(network, inputs), network(inputs, training=False)
    )


def test_layers_of_the_library_are_called_without_keras(monkeypatch, rng):
    network = build_guided_network(GuidedNetworkConfig(guided_width=2))
    inputs = {
        "coarse_depth": rng.uniform(1, 2, [1, 33, 20, 1]).astype(np.float32),
        "image": rng.uniform(0, 1, [1, 33, 20, 3]).astype(np.float32),
    }
    expected = network(inputs, training=False)
    monkeypatch.setattr(keras.layers.Layer, "__call__", None)
    np.testing.assert_array_equal(call_network(network, inputs), expected)


def test_graph_of_a_network_for_prediction_is_freed():
    """TensorFlow keeps graphs with a `tf.custom_gradient` for ever."""
    image = keras.Input((None, None, 1024))
    x = UnpoolConv2D(1)(image)
    network = keras.Model(image, PointwiseConv2D(1)(x))
    network.trainable = False
    function = tf.function(lambda image: call_network(network, image))
    graph = function.get_concrete_function(tf.TensorSpec([1, 4, 4, 1024])).graph
    reference = weakref.ref(graph)
    del function, graph
    gc.collect()
    assert reference() is None
