"""Tests that all forms of unpooling and 5x5 convolution are equivalent."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.models.unpool_convolution import UnpoolConv2D
from dpde_tf.models.up_projection import up_projection
from experiments.benchmarks.unpool_forms import (
    InterleavedUnpoolConv2D,
    LiteralUnpoolConv2D,
    TransposedUnpoolConv2D,
)
from tests.fixtures.up_projection_kernels import (
    interleaved_to_literal,
    literal_to_interleaved,
    literal_to_transposed,
)

SIZES = [(4, 6), (5, 7), (3, 4), (1, 1)]


def _unpool(x):
    """Puts each value at the top left of a block of zeros, by definition."""
    batch, height, width, channels = x.shape
    blocks = tf.stack([x, tf.zeros_like(x)], axis=3)  # columns
    rows = tf.reshape(blocks, [batch, height, 2 * width, channels])
    blocks = tf.stack([rows, tf.zeros_like(rows)], axis=2)
    return tf.reshape(blocks, [batch, 2 * height, 2 * width, channels])


def literal(x, kernel):
    return tf.nn.conv2d(_unpool(x), kernel, 1, [[0, 0], [2, 2], [2, 2], [0, 0]])


def _layer(kind, weights, **options):
    """A form of the layer in float64, as a function of input and kernels."""
    filters = weights[0].shape[3] if len(weights) > 1 else options.pop("filters")
    layer = kind(
        filters, kernel_initializer="glorot_uniform", dtype="float64", **options
    )
    layer.build((None, None, None, 3))
    layer.set_weights(weights)
    return layer


def _of_layer(layer, x):
    """The result of `_value_and_gradients` for a layer."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        loss = _loss(y)
    variables = [weight.value for weight in layer.weights]
    return y.numpy(), *(g.numpy() for g in tape.gradient(loss, [x, *variables]))


def _loss(y):
    """A sum with different weights for all values."""
    weights = tf.cos(7.0 * tf.range(y.shape.num_elements(), dtype=tf.float64))
    return tf.reduce_sum(y**3 * tf.cast(tf.reshape(weights, y.shape), y.dtype))


def _value_and_gradients(form, x, *kernels):
    """The value of a form, and the gradients of the loss."""
    x, kernels = tf.constant(x), [tf.constant(kernel) for kernel in kernels]
    with tf.GradientTape() as tape:
        tape.watch([x, *kernels])
        y = form(x, *kernels)
        loss = _loss(y)
    return y.numpy(), *(g.numpy() for g in tape.gradient(loss, [x, *kernels]))


@pytest.mark.parametrize("size", SIZES)
def test_all_forms_have_the_same_values_and_gradients(rng, size):
    x = rng.normal(size=[2, *size, 3])
    kernel = rng.normal(size=[5, 5, 3, 4])
    value, *gradients = _value_and_gradients(literal, x, kernel)
    assert value.shape == (2, 2 * size[0], 2 * size[1], 4)
    four = literal_to_interleaved(kernel)
    transposed = [literal_to_transposed(kernel)]
    results = [
        _of_layer(_layer(LiteralUnpoolConv2D, [kernel], filters=4), x),
        _of_layer(_layer(TransposedUnpoolConv2D, transposed, filters=4), x),
        _of_layer(_layer(InterleavedUnpoolConv2D, four), x),
        _of_layer(_layer(UnpoolConv2D, four), x),
    ]
    for actual, dx, *dkernels in results:
        if dkernels[0].shape == (5, 5, 4, 3):
            dkernels = [literal_to_transposed(dkernels[0])]
        if len(dkernels) == 4:
            dkernels = [interleaved_to_literal(dkernels)]
        for one, other in zip(
            (value, *gradients), (actual, dx, *dkernels), strict=True
        ):
            # Float64 rounding of sums of up to 75 products, to the third power.
            atol = 1e-12 * np.abs(one).max()
            np.testing.assert_allclose(other, one, rtol=0, atol=atol)


@pytest.mark.parametrize("size", SIZES)
def test_unpool_conv2d_of_many_channels(rng, size):
    # From 1024 channels on, the gradient by the kernel is a matrix product.
    x = rng.normal(size=[2, *size, 1024])
    kernel = rng.normal(size=[5, 5, 1024, 2])
    expected = _value_and_gradients(literal, x, kernel)
    layer = UnpoolConv2D(2, dtype="float64")
    layer.build(x.shape)
    layer.set_weights(literal_to_interleaved(kernel))
    value, dx, *dkernels = _of_layer(layer, x)
    dkernel = interleaved_to_literal(dkernels)
    for one, other in zip(expected, (value, dx, dkernel), strict=True):
        atol = 1e-12 * np.abs(one).max()
        np.testing.assert_allclose(other, one, rtol=0, atol=atol)


def _block(size, filters):
    """An up-projection of `[3, 4, 5]` to a size, as a separate network."""
    x, like = keras.Input((3, 4, 5)), keras.Input((*size, 2))
    options = {"kernel_stddev": 0.2, "batch_norm_momentum": 0.9, "name": "up"}
    return keras.Model([x, like], up_projection(x, like, filters=filters, **options))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(6, 8), (5, 7)])
def test_up_projection_has_the_gradients_of_the_literal_form(rng, size, training):
    network = _block(size, filters=3)
    like = tf.zeros([2, *size, 2])

    def norm(x, name):
        layer = network.get_layer(name)
        mean, variance = layer.moving_mean.value, layer.moving_variance.value
        if training:
            mean, variance = tf.nn.moments(x, [0, 1, 2])
        # Scale 1 and offset 0, as initialised.
        return (x - mean) / tf.sqrt(variance + layer.epsilon)

    def literal_block(x, kernel1, kernel2, kernel):
        first, second = (
            norm(literal(x, k)[:, : size[0], : size[1]], f"up_unpool_bn{n}")
            for n, k in ((1, kernel1), (2, kernel2))
        )
        branch1 = tf.nn.conv2d(tf.nn.relu(first), kernel, 1, "SAME")
        return tf.nn.relu(norm(branch1, "up_bn") + second)

    unpools = [network.get_layer(f"up_unpool_conv{k}") for k in (1, 2)]
    kernel = network.get_layer("up_conv").kernel
    values = rng.normal(size=[2, 3, 4, 5]).astype(np.float32)
    literals = [interleaved_to_literal(unpool.get_weights()) for unpool in unpools]
    expected = _value_and_gradients(literal_block, values, *literals, kernel.numpy())
    x = tf.constant(values)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = network([x, like], training=training)
        loss = _loss(y)
    weights = [[w.value for w in unpool.weights] for unpool in unpools]
    dx, dunpools, dkernel = tape.gradient(loss, [x, weights, kernel.value])
    dliterals = [interleaved_to_literal([g.numpy() for g in four]) for four in dunpools]
    actual = y, dx, *dliterals, dkernel
    for one, other in zip(expected, actual, strict=True):
        # Float32 rounding of sums of a few hundred products.
        atol = 1e-4 * np.abs(one).max()
        np.testing.assert_allclose(other, one, rtol=0, atol=atol)


def test_unpool_by_hand():
    x = tf.reshape(tf.constant([1.0, 2.0, 3.0, 4.0]), [1, 2, 2, 1])
    expected = [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]
    assert np.array_equal(_unpool(x)[0, ..., 0], expected)


def test_conversions_by_hand():
    kernel = np.arange(25.0).reshape(5, 5, 1, 1)
    assert np.array_equal(literal_to_transposed(kernel).ravel(), np.arange(25)[::-1])
    a, b, c, d = (k[..., 0, 0] for k in literal_to_interleaved(kernel))
    assert np.array_equal(a, [[0, 2, 4], [10, 12, 14], [20, 22, 24]])
    assert np.array_equal(b, [[5, 7, 9], [15, 17, 19]])
    assert np.array_equal(c, [[1, 3], [11, 13], [21, 23]])
    assert np.array_equal(d, [[6, 8], [16, 18]])


def test_unpool_conv2d_padded_at_the_top_left_by_hand():
    # A single 1 and kernels of ones: each output counts the ones under its kernel.
    layer = UnpoolConv2D(1, padding="top_left", kernel_initializer="ones")
    x = tf.reshape(tf.constant([1.0, 0.0, 0.0, 0.0]), [1, 2, 2, 1])
    # B uses its row and the one above, C its column and the one to the left, D both.
    assert layer(x)[0, ..., 0].numpy().tolist() == [[1] * 4] * 4
    last = tf.reverse(x, [1, 2])
    expected = [[1, 0, 1, 1], [0, 0, 0, 0], [1, 0, 1, 1], [1, 0, 1, 1]]
    assert layer(last)[0, ..., 0].numpy().tolist() == expected


def test_unpool_conv2d_has_a_bias_for_each_pixel_of_a_block():
    layer = UnpoolConv2D(1, use_bias=True, kernel_initializer="zeros")
    layer.build((None, None, None, 1))
    names = [weight.name for weight in layer.weights]
    biases = {"bias_a": 1.0, "bias_b": 2.0, "bias_c": 3.0, "bias_d": 4.0}
    layer.set_weights(
        [
            np.full(w.shape, biases.get(name, 0.0))
            for name, w in zip(names, layer.weights, strict=True)
        ]
    )
    # A top left, B bottom left, C top right, D bottom right.
    expected = np.tile([[1, 3], [2, 4]], (2, 3))
    assert np.array_equal(layer(tf.zeros([1, 2, 3, 1]))[0, ..., 0], expected)


def test_unpool_conv2d_initialises_each_kernel_differently():
    layer = UnpoolConv2D(2, kernel_initializer=keras.initializers.RandomNormal())
    layer.build((None, 4, 5, 3))
    a, b, *_ = (weight.ravel()[:12] for weight in layer.get_weights())
    assert not np.any(a == b)


def test_unpool_conv2d_rejects_another_padding():
    with pytest.raises(ValueError, match=r"`padding` must be .*Received: 'left'"):
        UnpoolConv2D(1, padding="left")


def test_unpool_conv2d_is_restored_from_its_config():
    layer = UnpoolConv2D(
        6, padding="top_left", use_bias=True, kernel_initializer="zeros"
    )
    copy = UnpoolConv2D.from_config(layer.get_config())
    assert (copy.filters, copy.padding, copy.use_bias) == (6, "top_left", True)
    assert isinstance(copy.kernel_initializer, keras.initializers.Zeros)
    assert copy.compute_output_shape((None, None, 4, 3)) == (None, None, 8, 6)
