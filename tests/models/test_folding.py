"""Tests of networks without their batch normalisations."""

import keras
import numpy as np
import pytest

from dpde_tf.models.batch_normalization import FusedBatchNormalization
from dpde_tf.models.convolution import PointwiseConv2D
from dpde_tf.models.crop import CropLike
from dpde_tf.models.folding import ChannelBias, fold_batch_normalization
from dpde_tf.models.symmetric_convolution import SymmetricConv2D
from dpde_tf.models.unpool_convolution import UnpoolConv2D


def _with_random_weights(network, rng):
    for variable in network.weights:
        low = 0.5 if variable.name in ("gamma", "moving_variance") else -1.0
        variable.assign(rng.uniform(low, 1.0, variable.shape))
    return network


def _kinds(network):
    return [type(layer) for layer in network.layers]


def _norm(x, name):
    return FusedBatchNormalization(epsilon=1e-2, name=name)(x)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("padding", ["bottom_right", "top_left"])
def test_folded_network_predicts_the_same(rng, bias, padding):
    image = keras.Input((None, None, 3), name="image")
    x = keras.layers.Conv2D(4, 3, padding="same", use_bias=bias)(image)
    like = x = keras.layers.ReLU()(_norm(x, "bn1"))
    x = SymmetricConv2D(5, 3, strides=2, use_bias=bias)(x)
    x = _norm(x, "bn2")
    x = UnpoolConv2D(6, padding=padding, use_bias=bias)(x)
    x = _norm(CropLike()([x, like]), "bn3")
    x = keras.layers.Concatenate()([like, PointwiseConv2D(2, use_bias=bias)(x)])
    network = _with_random_weights(keras.Model({"image": image}, x), rng)
    images = {"image": rng.uniform(0, 1, [2, 7, 9, 3]).astype(np.float32)}
    expected = network(images, training=False).numpy()
    kernels = [layer.kernel for layer in network.layers if hasattr(layer, "kernel")]
    folded = fold_batch_normalization(network)
    np.testing.assert_allclose(folded(images), expected, rtol=1e-5, atol=1e-5)
    assert FusedBatchNormalization not in _kinds(folded)
    assert _kinds(folded).count(ChannelBias) == (0 if bias else 3)
    # The kernels are the same variables: there is no second copy of the weights.
    own = [layer.kernel for layer in folded.layers if hasattr(layer, "kernel")]
    assert all(a is b for a, b in zip(kernels, own, strict=True))


def test_normalisations_of_something_else_are_kept(rng):
    image = keras.Input((None, None, 3))
    twice = keras.layers.Conv2D(4, 1)(_norm(image, "of_image"))
    x = keras.layers.Add()([_norm(twice, "of_one_of_two"), twice])
    x = _norm(x, "of_a_sum")
    network = _with_random_weights(keras.Model(image, x), rng)
    images = rng.uniform(0, 1, [1, 4, 5, 3]).astype(np.float32)
    expected = network(images, training=False).numpy()
    folded = fold_batch_normalization(network)
    np.testing.assert_allclose(folded(images), expected, rtol=1e-6)
    assert _kinds(folded).count(FusedBatchNormalization) == 3


def test_precision_of_the_network_is_kept(rng):
    keras.config.set_dtype_policy("mixed_bfloat16")
    image = keras.Input((None, None, 3))
    x = _norm(keras.layers.Conv2D(4, 3, use_bias=False)(image), "bn")
    network = _with_random_weights(keras.Model(image, x), rng)
    keras.config.set_dtype_policy("float32")
    folded = fold_batch_normalization(network)
    images = rng.uniform(0, 1, [1, 6, 8, 3]).astype(np.float32)
    assert folded(images).dtype == "bfloat16"
    assert {variable.dtype for variable in folded.weights} == {"float32"}
