import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.fusion.image_gradients import (
    image_gradients,
    image_gradients_adjoint,
    image_gradients_mask,
    resize_gradients,
)
from tests.fixtures import references

SIZES = [(5, 7), (4, 6), (1, 9), (9, 1), (1, 1)]


def _random(rng, size):
    return rng.normal(size=(2, *size, 1))


def test_image_gradients_hand_computed():
    depth = np.array([[1.0, 3.0, 6.0], [2.0, 2.0, 10.0]])[None, :, :, None]
    gradient_x, gradient_y = image_gradients(depth)
    np.testing.assert_array_equal(gradient_x[0, :, :, 0], [[2, 3, 0], [0, 8, 0]])
    np.testing.assert_array_equal(gradient_y[0, :, :, 0], [[1, -1, 4], [0, 0, 0]])


@pytest.mark.parametrize("size", SIZES)
def test_image_gradients_adjoint_is_the_adjoint(rng, size):
    depth, dual_x, dual_y = (_random(rng, size) for _ in range(3))
    gradient_x, gradient_y = image_gradients(depth)
    left = np.sum(gradient_x * dual_x) + np.sum(gradient_y * dual_y)
    right = np.sum(depth * image_gradients_adjoint(dual_x, dual_y))
    # Sums of fewer than 100 products of order 1 in float64.
    np.testing.assert_allclose(left, right, rtol=0, atol=1e-12)


def test_image_gradients_and_adjoint_equal_the_explicit_matrix(rng):
    height, width = 4, 5
    matrix = references.difference_matrix(height, width)
    depth, dual_x, dual_y = (rng.normal(size=(height, width)) for _ in range(3))
    gradient_x, gradient_y = (
        g[0, ..., 0] for g in image_gradients(depth[None, ..., None])
    )
    differences = np.concatenate(
        [gradient_x[:, :-1].numpy().ravel(), gradient_y[:-1].numpy().ravel()]
    )
    np.testing.assert_allclose(differences, matrix @ depth.ravel(), rtol=1e-14)
    dual = np.concatenate([dual_x[:, :-1].ravel(), dual_y[:-1].ravel()])
    adjoint = image_gradients_adjoint(dual_x[None, ..., None], dual_y[None, ..., None])
    expected = (matrix.T @ dual).reshape(height, width)
    np.testing.assert_allclose(adjoint[0, ..., 0], expected, atol=1e-14)


def test_image_gradients_adjoint_ignores_the_last_column_and_row(rng):
    dual_x, dual_y = _random(rng, (4, 5)), _random(rng, (4, 5))
    expected = image_gradients_adjoint(dual_x, dual_y)
    dual_x[:, :, -1], dual_y[:, -1] = 1e9, np.nan
    np.testing.assert_array_equal(image_gradients_adjoint(dual_x, dual_y), expected)


@pytest.mark.parametrize("size", SIZES)
def test_image_gradients_of_a_constant_are_zero(size):
    for gradient in image_gradients(np.full((1, *size, 1), 3.7)):
        assert gradient.shape == (1, *size, 1)
        np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_image_gradients_keep_the_type(dtype):
    depth = tf.cast(np.arange(6.0).reshape(1, 2, 3, 1), dtype)
    gradient_x, gradient_y = image_gradients(depth)
    adjoint = image_gradients_adjoint(gradient_x, gradient_y)
    assert gradient_x.dtype == gradient_y.dtype == adjoint.dtype == dtype
    np.testing.assert_array_equal(gradient_y[0, 0, :, 0], [3, 3, 3])


def test_image_gradients_derivative_is_the_adjoint(rng):
    depth = tf.constant(_random(rng, (4, 5)))
    dual_x, dual_y = _random(rng, (4, 5)), _random(rng, (4, 5))
    with tf.GradientTape() as tape:
        tape.watch(depth)
        gradients = image_gradients(depth)
    derivative = tape.gradient(gradients, depth, output_gradients=[dual_x, dual_y])
    adjoint = image_gradients_adjoint(dual_x, dual_y)
    np.testing.assert_allclose(derivative, adjoint, atol=1e-14)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_image_gradients_in_a_graph_equal_eager(rng, jit_compile):
    depth = tf.constant(_random(rng, (4, 5)))
    signature = [tf.TensorSpec([None, None, None, 1], tf.float64)]
    graph = tf.function(
        lambda depth: (*image_gradients(depth), image_gradients_adjoint(depth, depth)),
        input_signature=signature,
        jit_compile=jit_compile,
    )
    eager = (*image_gradients(depth), image_gradients_adjoint(depth, depth))
    for value, expected in zip(graph(depth), eager, strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-14)


def test_image_gradients_mask_hand_computed():
    valid = np.array([[1, 1, 0], [0, 1, 1]], bool)[None, :, :, None]
    mask_x, mask_y = image_gradients_mask(valid)
    np.testing.assert_array_equal(mask_x[0, :, :, 0], [[1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(mask_y[0, :, :, 0], [[0, 1, 0], [0, 0, 0]])


def test_image_gradients_mask_excludes_unmeasured_pixels(rng):
    depth = _random(rng, (6, 7))
    valid = rng.random(depth.shape) < 0.7
    depth[~valid] = np.nan
    pairs = zip(image_gradients(depth), image_gradients_mask(valid), strict=True)
    for axis, (gradient, mask) in zip((2, 1), pairs, strict=True):
        assert np.all(np.isfinite(gradient.numpy()[mask.numpy()]))
        # No other pixel is excluded: all other inner differences are NaN.
        inner = np.delete(np.where(mask, 0, gradient), -1, axis=axis)
        others = np.delete(~mask.numpy(), -1, axis=axis)
        assert np.all(np.isnan(inner[others]))


def test_image_gradients_mask_of_one_pixel_or_none_is_empty():
    for valid in (np.ones((1, 1, 1, 1), bool), np.zeros((2, 3, 4, 1), bool)):
        assert not np.any(image_gradients_mask(valid))


def test_image_gradients_reject_other_shapes_and_types():
    flat = np.zeros((3, 4), np.float32)
    with pytest.raises(ValueError, match=r"`depth` must be \[B, H, W, 1\].*\(3, 4\)"):
        image_gradients(flat)
    with pytest.raises(ValueError, match=r"`gradient_x` must be \[B, H, W, 1\]"):
        image_gradients_adjoint(flat, flat)
    with pytest.raises(ValueError, match="must have the same shape"):
        image_gradients_adjoint(tf.zeros([1, 3, 4, 1]), tf.zeros([1, 4, 3, 1]))
    with pytest.raises(ValueError, match=r"must be boolean.*float32"):
        image_gradients_mask(tf.zeros([1, 3, 4, 1]))
    with pytest.raises(ValueError, match=r"`valid_mask` must be \[B, H, W, 1\]"):
        image_gradients_mask(flat > 0)


def test_resize_gradients_hand_computed():
    gradient_x = tf.constant([[[[2.0], [4.0], [99.0]]]])
    gradient_y = tf.constant([[[[6.0], [6.0], [6.0]]]])
    # The depth 0, 2, 6 at twice as many columns is 0, 0.5, 1.5, 3, 5, 6.
    expected = [0.5, 1.0, 1.5, 2.0, 1.0, 0.0]
    found = resize_gradients(gradient_x, gradient_y, (1, 6))
    np.testing.assert_allclose(found[0][0, 0, :, 0], expected, rtol=1e-6)
    # A single row has no neighbour below.
    np.testing.assert_array_equal(found[1], 0.0)


@pytest.mark.parametrize("size", [(12, 16), (9, 20), (3, 4), (2, 3), (24, 32)])
def test_resize_gradients_are_those_of_the_resized_depth(rng, size):
    """Edges stay in their places, whatever the factor."""
    depth = rng.normal(size=(2, 6, 8, 1)).astype(np.float32)
    depth[:, :, 5:] += 3.0
    expected = image_gradients(tf.image.resize(depth, size, antialias=True))
    found = resize_gradients(*image_gradients(depth), size)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def test_resize_gradients_rejects_other_ranks():
    with pytest.raises(ValueError, match="gradient_y"):
        resize_gradients(tf.zeros([1, 2, 3, 1]), tf.zeros([2, 3]), (4, 6))
