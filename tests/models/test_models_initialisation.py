"""Tests of the initialisation of the networks, and of their normalisation."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.config import DepthNetworkConfig, GradientNetworkConfig
from dpde_tf.models.depth import build_depth_network
from dpde_tf.models.gradient import build_gradient_network
from dpde_tf.models.unpool_convolution import UnpoolConv2D

CONFIG = DepthNetworkConfig(encoder_weights="none", output_offset=2.8)


@pytest.fixture(scope="module")
def modified_fcrn():
    """Shared by the tests, which must not change it."""
    return build_depth_network(CONFIG)


def _new_layers(network, kind):
    """The layers of one class that are not part of ResNet-50, by name."""
    prefixes = ("reduce_", "up", "lateral", "depth_")
    return {
        layer.name: layer
        for layer in network.layers
        if isinstance(layer, kind) and layer.name.startswith(prefixes)
    }


def _assert_gaussian(kernel, stddev):
    """Checks mean, deviation and tails, within four standard errors."""
    n = kernel.size
    assert abs(kernel.mean()) < 4 * stddev / np.sqrt(n)
    assert kernel.std() == pytest.approx(stddev, rel=4 / np.sqrt(2 * n))
    # 4.55 % are beyond two deviations; of a truncated Gaussian, none.
    tails = np.mean(np.abs(kernel) > 2 * stddev)
    assert tails == pytest.approx(0.0455, abs=4 * np.sqrt(0.0455 / n))


def test_build_depth_network_new_convolutions_are_gaussian(modified_fcrn):
    kinds = (keras.layers.Conv2D, UnpoolConv2D)
    layers = _new_layers(modified_fcrn, kinds)
    names = ("unpool_conv1", "unpool_conv2", "conv")
    per_block = {f"up{k}_{name}" for k in range(1, 5) for name in names}
    laterals = {f"lateral{k}_conv" for k in range(1, 5)}
    assert set(layers) == {"reduce_conv", "depth_conv", *per_block, *laterals}
    with_bias = set()
    for name, layer in layers.items():
        kernels = [w.ravel() for w in layer.get_weights() if w.ndim == 4]
        bias = [w for w in layer.get_weights() if w.ndim == 1]
        # The output of the head is scaled by 0.1, so its depth starts as with 0.01.
        _assert_gaussian(np.concatenate(kernels), 0.1 if name == "depth_conv" else 0.01)
        assert not np.any(bias)
        with_bias |= {name} if bias else set()
    # Batch normalisation follows the others.
    assert with_bias == {"depth_conv", *laterals}


def test_build_depth_network_normalisation(modified_fcrn):
    new = _new_layers(modified_fcrn, keras.layers.BatchNormalization)
    names = ("unpool_bn1", "unpool_bn2", "bn")
    per_block = {f"up{k}_{name}" for k in range(1, 5) for name in names}
    assert set(new) == {"reduce_bn", *per_block}
    for layer in new.values():
        assert (layer.epsilon, layer.momentum) == (1e-4, 0.9)
        gamma, beta = layer.get_weights()[:2]
        assert set(gamma) == {1.0}
        assert set(beta) == {0.0}
    encoder = [
        layer
        for layer in modified_fcrn.layers
        if isinstance(layer, keras.layers.BatchNormalization) and layer.name not in new
    ]
    assert len(encoder) == 53
    # The weights of Keras were trained with this epsilon.
    assert {(x.epsilon, x.momentum) for x in encoder} == {(1.001e-5, 0.9)}


def test_new_depth_network_predicts_about_the_mean_depth(modified_fcrn, rng):
    image = tf.constant(rng.uniform(0, 1, [1, 64, 64, 3]), tf.float32)
    depth = modified_fcrn(image, training=True).numpy()
    # 576 normalised features times 0.01: the difference is less than metres.
    assert np.abs(depth - CONFIG.output_offset).max() < 1.0
    assert depth.std() > 0


def _train_once(network, image):
    """One step of SGD; weights of each batch normalisation before and after it."""
    layers = [x for x in network.layers if hasattr(x, "moving_mean")]
    before = {layer.name: layer.get_weights() for layer in layers}
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((network(image, training=True) - 1.0) ** 2)
    gradients = tape.gradient(loss, network.trainable_variables)
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.apply(gradients, network.trainable_variables)
    return before, {layer.name: layer.get_weights() for layer in layers}


@pytest.mark.slow
@pytest.mark.parametrize("batch_norm", ["trainable", "frozen"])
def test_encoder_batch_norm_in_a_training_step(batch_norm, rng):
    network = build_depth_network(
        dataclasses.replace(CONFIG, encoder_batch_norm=batch_norm)
    )
    image = tf.constant(rng.uniform(0, 1, [2, 64, 64, 3]), tf.float32)
    layer = network.get_layer("conv1_conv")
    features = keras.Model(network.input, layer.output)(image).numpy()
    kernel = layer.get_weights()[0]
    encoded = network.get_layer("conv5_block3_out").output
    encoder = keras.Model(network.input, encoded)
    if batch_norm == "frozen":
        assert np.array_equal(encoder(image, training=True), encoder(image))
    before, after = _train_once(network, image)
    assert not np.array_equal(layer.get_weights()[0], kernel)
    trained = {variable.path for variable in network.trainable_variables}
    for name, (gamma, beta, *statistics) in before.items():
        frozen = batch_norm == "frozen" and name.startswith("conv")
        assert (f"{name}/gamma" in trained) == (f"{name}/beta" in trained) != frozen
        for index, value in enumerate(statistics, start=2):
            assert np.array_equal(after[name][index], value) == frozen
        if frozen:
            assert np.array_equal(after[name][:2], [gamma, beta])
    if batch_norm == "trainable":
        # 0.9 of the old and 0.1 of the batch statistics; features are up to 100.
        for index, statistic in ((2, np.mean), (3, np.var)):
            batch = statistic(features, axis=(0, 1, 2), dtype=np.float64)
            expected = 0.9 * before["conv1_bn"][index] + 0.1 * batch
            actual = after["conv1_bn"][index]
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-3)


def test_build_gradient_network_initialisation():
    network = build_gradient_network(GradientNetworkConfig())
    for number in range(1, 11):
        kernel, bias = network.get_layer(f"conv{number}").get_weights()
        # He et al. (2015): sqrt(2 / fan-in) of 9 * 3 and 9 * 108; 0.01 in the last.
        expected = np.sqrt(2 / (27 if number == 1 else 972)) if number < 10 else 0.01
        _assert_gaussian(kernel, expected)
        assert not bias.any()


def test_gradient_network_initialisation_with_a_deviation():
    config = GradientNetworkConfig(kernel_stddev=0.03, output_kernel_stddev=0.02)
    network = build_gradient_network(config)
    for number in range(1, 11):
        kernel = network.get_layer(f"conv{number}").get_weights()[0]
        _assert_gaussian(kernel, 0.03 if number < 10 else 0.02)
