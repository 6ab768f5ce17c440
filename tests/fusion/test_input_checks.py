import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.fusion import fuse_depth_and_gradients
from dpde_tf.fusion.input_checks import (
    checked_confidence,
    checked_depth,
    checked_map,
    checked_scalar,
)

DEPTH = tf.ones([3, 2, 4, 1])


def _with(value, image):
    values = np.ones(DEPTH.shape, np.float32)
    values[image, 1, 2] = value
    return values


def test_checked_depth_returns_a_tensor_of_the_same_values():
    values = _with(5.0, 1).astype(np.float64)
    depth = checked_depth(values)
    assert depth.dtype == tf.float64
    np.testing.assert_array_equal(depth, values)


@pytest.mark.parametrize("shape", [(2, 4), (1, 2, 4), (1, 2, 4, 2)])
def test_checked_depth_rejects_other_shapes(shape):
    with pytest.raises(
        ValueError, match=r"`depth` must be \[B, H, W, 1\], .* Received"
    ):
        checked_depth(np.ones(shape, np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.int32])
def test_checked_depth_rejects_other_types(dtype):
    with pytest.raises(ValueError, match=f"float32 or float64.*{dtype.__name__}"):
        checked_depth(np.ones((1, 2, 4, 1), dtype))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_checked_map_names_images_that_are_not_finite(value):
    with pytest.raises(ValueError, match=r"`gradient_x` must be finite.*: \[2\]"):
        checked_map(_with(value, 2), "gradient_x", DEPTH)
    with pytest.raises(ValueError, match=r"`depth` must be finite.*: \[0, 2\]"):
        checked_depth(np.where(np.isnan(_with(np.nan, [0, 2])), value, 1.0))


def test_checked_map_rejects_another_shape_or_type():
    rule = "`gradient_y` must have the shape and the type of `depth`"
    with pytest.raises(ValueError, match=rf"{rule}.*\(3, 4, 2, 1\) and float32 \(3, 2"):
        checked_map(tf.ones([3, 4, 2, 1]), "gradient_y", DEPTH)
    with pytest.raises(ValueError, match=rf"{rule}.*float64 .* and float32"):
        checked_map(tf.cast(DEPTH, tf.float64), "gradient_y", DEPTH)


def test_checked_confidence_is_one_by_default():
    confidence = checked_confidence(None, "confidence", DEPTH)
    np.testing.assert_array_equal(confidence, [[[[1]]]])
    with pytest.raises(ValueError, match=r"`confidence` must be >= 0 .*: \[1\]"):
        checked_confidence(_with(-0.5, 1), "confidence", DEPTH)
    zeros = tf.zeros_like(DEPTH)
    np.testing.assert_array_equal(checked_confidence(zeros, "confidence", DEPTH), zeros)


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf])
def test_checked_scalar_rejects_values_that_are_not_positive(value):
    with pytest.raises(ValueError, match=r"`omega` must be finite and > 0. Received: "):
        checked_scalar(value, "omega", tf.float32)


def test_checked_scalar_rejects_values_above_the_limit():
    assert checked_scalar(1.99, "relaxation", tf.float64, below=2.0) == 1.99
    with pytest.raises(ValueError, match=r"`relaxation` .* > 0 and < 2. Received: 2.0"):
        checked_scalar(2.0, "relaxation", tf.float32, below=2.0)


def test_checked_scalar_accepts_zero_if_allowed_and_tensors():
    assert checked_scalar(0.0, "tolerance", tf.float64, zero=True) == 0
    with pytest.raises(ValueError, match=r"`tolerance` must be finite and >= 0"):
        checked_scalar(-1e-9, "tolerance", tf.float64, zero=True)
    assert checked_scalar(1e-4, "epsilon", tf.float64).numpy() == 1e-4
    scalar = checked_scalar(tf.constant(3), "omega", tf.float64)
    assert scalar.dtype == tf.float64
    assert scalar == 3


def test_checks_in_a_graph_are_made_when_it_runs():
    signature = [tf.TensorSpec([None, None, None, 1]), tf.TensorSpec([])]

    @tf.function(input_signature=signature)
    def check(depth, omega):
        return checked_depth(depth) * checked_scalar(omega, "omega", tf.float32)

    np.testing.assert_array_equal(check(DEPTH, 2.0), 2 * DEPTH)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?s)`depth`.*\[1\]"):
        check(_with(np.nan, 1), 2.0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`omega` must be"):
        check(DEPTH, -2.0)


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [(np.uint16, "Divide whole"), (np.float16, r"by tf\.cast\(depth")],
)
def test_remedy_of_another_type_fits_it(kind, remedy):
    depth = np.ones((4, 5), kind)
    with pytest.raises(ValueError, match=remedy):
        fuse_depth_and_gradients(depth, depth, depth)


def test_map_that_is_none_is_named():
    ones = np.ones((4, 5), np.float32)
    with pytest.raises(ValueError, match=r"`gradient_y` must be a map.*None"):
        fuse_depth_and_gradients(ones, ones, None)
