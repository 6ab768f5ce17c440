"""Tests of the convolution whose gradient by the kernel is a matrix product."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.models.convolution import PointwiseConv2D, convolve


@pytest.mark.parametrize(
    ("kernel_size", "stride"), [((1, 1), 1), ((1, 1), 2), ((3, 3), 1), ((2, 3), 1)]
)
@pytest.mark.parametrize("size", [(6, 8), (5, 7), (1, 1)])
def test_convolve_equals_conv2d_and_its_gradients(rng, kernel_size, stride, size):
    x = tf.constant(rng.normal(size=[2, *size, 3]))
    kernel = tf.constant(rng.normal(size=[*kernel_size, 3, 4]))
    results = []
    for op in (tf.nn.conv2d, convolve):
        options = {"strides": stride, "padding": "SAME"}
        options = options if op is tf.nn.conv2d else {"stride": stride}
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = op(x, kernel, **options)
            loss = tf.reduce_sum(y**3)
        results.append([y, *tape.gradient(loss, [x, kernel])])
    for expected, actual in zip(*results, strict=True):
        # Float64 rounding of sums of a few hundred terms.
        np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("strides", [1, 2])
def test_pointwise_conv2d_equals_the_layer_of_keras(rng, strides):
    x = tf.constant(rng.normal(size=[2, 5, 6, 3]), tf.float32)
    layers = [
        kind(4, 1, strides=strides) for kind in (keras.layers.Conv2D, PointwiseConv2D)
    ]
    for layer in layers:
        layer.build(x.shape)
    layers[1].set_weights(layers[0].get_weights())
    results = []
    for layer in layers:
        with tf.GradientTape() as tape:
            y = layer(x)
            loss = tf.reduce_sum(y**2)
        results.append([y, *tape.gradient(loss, [w.value for w in layer.weights])])
    for expected, actual in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_pointwise_conv2d_computes_in_the_dtype_of_the_policy(rng):
    layer = PointwiseConv2D(4, dtype="mixed_bfloat16")
    with tf.GradientTape() as tape:
        y = layer(tf.constant(rng.normal(size=[1, 2, 2, 3]), tf.float32))
        loss = tf.reduce_sum(tf.cast(y, tf.float32))
    assert y.dtype == tf.bfloat16
    assert tape.gradient(loss, layer.kernel.value).dtype == tf.float32


def test_pointwise_conv2d_rejects_larger_kernels():
    with pytest.raises(ValueError, match=r"one pixel and equal strides.*\(3, 3\)"):
        PointwiseConv2D(4, 3)
