"""Tests of networks that are built without their batch normalisations."""

import keras
import numpy as np
import pytest

from dpde_tf.models.convolution import PointwiseConv2D
from dpde_tf.models.crop import CropLike
from dpde_tf.models.folding import (
    assign_folded,
    batch_normalization,
    has_bias,
    is_folded_bias,
    trained_shapes,
    without_batch_normalization,
)
from dpde_tf.models.symmetric_convolution import SymmetricConv2D
from dpde_tf.models.unpool_convolution import UnpoolConv2D


def _network(bias=False, padding="bottom_right"):
    """A network with each kind of convolution that a normalisation follows."""
    image = keras.Input((None, None, 3), name="image")
    options = {"use_bias": has_bias(bias)}
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv1", **options)(image)
    x = batch_normalization(x, name="bn1", epsilon=1e-2, momentum=0.9)
    like = x = keras.layers.ReLU(name="relu")(x)
    x = SymmetricConv2D(5, 3, strides=2, name="conv2", **options)(x)
    x = batch_normalization(x, name="bn2", epsilon=1e-3, momentum=0.9)
    x = UnpoolConv2D(6, padding=padding, name="conv3", **options)(x)
    x = CropLike(name="crop")([x, like])
    x = batch_normalization(x, name="bn3", epsilon=1e-2, momentum=0.9)
    x = PointwiseConv2D(2, use_bias=bias, name="conv4")(x)
    return keras.Model({"image": image}, x)


def _randomize(network, rng):
    for variable in network.weights:
        low = 0.5 if variable.name in ("gamma", "moving_variance") else -1.0
        variable.assign(rng.uniform(low, 1.0, variable.shape))


def _folded(trained, **options):
    with without_batch_normalization() as folds:
        folded = _network(**options)
    arrays = {variable.path: variable.numpy() for variable in trained.weights}
    assign_folded(folded, arrays, folds)
    return folded, folds


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("padding", ["bottom_right", "top_left"])
def test_folded_network_predicts_the_same(rng, bias, padding):
    trained = _network(bias, padding)
    _randomize(trained, rng)
    folded, folds = _folded(trained, bias=bias, padding=padding)
    images = {"image": rng.uniform(0, 1, [2, 7, 9, 3]).astype(np.float32)}
    expected = trained(images, training=False)
    np.testing.assert_allclose(folded(images), expected, rtol=1e-5, atol=1e-5)
    assert [fold.convolution for fold in folds] == ["conv1", "conv2", "conv3"]
    assert [fold.norm for fold in folds] == ["bn1", "bn2", "bn3"]
    names = {layer.name for layer in trained.layers}
    assert names - {layer.name for layer in folded.layers} == {"bn1", "bn2", "bn3"}


def test_number_of_a_channel_is_that_of_the_definition():
    # Ioffe & Szegedy (2015), Algorithm 2, by hand: (8 - 2) / sqrt(8 + 1) * 5 + 7 = 17.
    with without_batch_normalization() as folds:
        image = keras.Input((1, 1, 1))
        x = keras.layers.Conv2D(1, 1, use_bias=has_bias(), name="conv")(image)
        x = batch_normalization(x, name="bn", epsilon=1.0)
        network = keras.Model(image, x)
    arrays = {"conv/kernel": [[[[4.0]]]], "bn/gamma": [5.0], "bn/beta": [7.0]}
    arrays |= {"bn/moving_mean": [2.0], "bn/moving_variance": [8.0]}
    arrays = {path: np.array(value) for path, value in arrays.items()}
    assign_folded(network, arrays, folds)
    np.testing.assert_allclose(network(np.full([1, 1, 1, 1], 2.0)), 17.0, rtol=1e-6)


def test_shapes_are_those_of_the_network_in_training():
    trained = _network()
    with without_batch_normalization() as folds:
        folded = _network()
    expected = trained_shapes(trained, [])
    assert expected == {v.path: tuple(v.shape) for v in trained.weights}
    assert trained_shapes(folded, folds) == expected
    with_bias = trained_shapes(_network(bias=True), [])
    left = {p: s for p, s in with_bias.items() if not is_folded_bias(p, folds)}
    with without_batch_normalization() as folds:
        assert trained_shapes(_network(bias=True), folds) == left
    # The last convolution has no normalisation.
    assert "conv4/bias" in left
    assert "conv1/bias" not in left


def test_precision_of_the_network_is_kept(rng):
    keras.config.set_dtype_policy("mixed_bfloat16")
    trained = _network()
    _randomize(trained, rng)
    folded, _ = _folded(trained)
    keras.config.set_dtype_policy("float32")
    images = {"image": rng.uniform(0, 1, [1, 6, 8, 3]).astype(np.float32)}
    assert folded(images).dtype == "bfloat16"
    assert {variable.dtype for variable in folded.weights} == {"float32"}


def test_networks_outside_of_the_block_keep_their_normalisations():
    with without_batch_normalization():
        assert has_bias()
    assert not has_bias()
    assert "bn1" in {layer.name for layer in _network().layers}
