"""Tests of dpde_tf.files.resizing."""

import fractions

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.files.resizing import resize_depth


def _resize(depth, size):
    depth = np.asarray(depth, np.float32)
    return resize_depth(depth[..., np.newaxis], size).numpy()[..., 0]


def _weights(num_in, num_out):
    """Bilinear weights [num_out, num_in] with half-pixel centres, in fractions."""
    rows = []
    for index in range(num_out):
        position = fractions.Fraction(2 * index + 1, 2) * fractions.Fraction(
            num_in, num_out
        ) - fractions.Fraction(1, 2)
        low = position.__floor__()
        row = [fractions.Fraction(0)] * num_in
        row[min(max(low, 0), num_in - 1)] += 1 - (position - low)
        row[min(max(low + 1, 0), num_in - 1)] += position - low
        rows.append(row)
    return np.array(rows)


def test_resize_depth_is_the_identity_at_the_same_size(rng):
    depth = rng.uniform(0.5, 80, (5, 7)).astype(np.float32)
    depth[2, 3] = 0
    np.testing.assert_array_equal(_resize(depth, (5, 7)), depth)


def test_resize_depth_to_half_is_the_mean_of_four():
    depth = [[1, 2, 5, 5], [3, 4, 5, 9]]  # means: 10 / 4 and 24 / 4
    np.testing.assert_array_equal(_resize(depth, (1, 2)), [[2.5, 6.0]])


def test_resize_depth_doubles_with_half_pixel_centres():
    # The centres of the four pixels are at -0.25, 0.25, 0.75 and 1.25 of the two.
    np.testing.assert_array_equal(_resize([[1, 3]], (1, 4)), [[1, 1.5, 2.5, 3]])


def test_resize_depth_takes_the_mean_of_the_measured_pixels():
    depth = [[1, 0, 5, 5, 0, 0, 0, 0], [3, 5, 5, 9, 0, 7, 0, 0]]
    np.testing.assert_array_equal(_resize(depth, (1, 4)), [[3.0, 6.0, 7.0, 0.0]])
    # Three for one: weights of the hole 0, 1/3, 2/3, 1, 2/3, 1/3, 0 from the left.
    np.testing.assert_array_equal(
        _resize([[2, 0, 4]], (1, 9)), [[2] * 4 + [0] + [4] * 4]
    )


def test_resize_depth_keeps_sparse_depth(rng):
    depth = rng.uniform(1, 5, (240, 320)) * (rng.random((240, 320)) < 0.05)
    half = _resize(depth, (120, 160))
    blocks = depth.reshape(120, 2, 160, 2)
    count = (blocks > 0).sum(axis=(1, 3))
    expected = blocks.sum(axis=(1, 3)) / np.maximum(count, 1)
    np.testing.assert_allclose(half, expected, rtol=1e-5)


@pytest.mark.parametrize("size", [(3, 5), (7, 9), (14, 18), (20, 13), (1, 1), (6, 40)])
def test_resize_depth_matches_exact_weights(rng, size):
    depth = rng.uniform(1, 10, (7, 9)).astype(np.float32)
    depth[rng.random((7, 9)) < 0.1] = 0
    rows, columns = _weights(7, size[0]), _weights(9, size[1])
    weight = rows.dot((depth > 0).astype(int)).dot(columns.T)
    total = rows.astype(float) @ depth.astype(float) @ columns.T.astype(float)
    result = _resize(depth, size)
    measured = weight >= fractions.Fraction(1, 4)
    np.testing.assert_array_equal(result > 0, measured)
    exact = np.where(measured, total / np.maximum(weight.astype(float), 0.25), 0)
    # 1e-5: rounding in float32 for positions up to 9 and depths up to 10.
    np.testing.assert_allclose(result, exact, rtol=1e-5)


def test_resize_depth_treats_non_finite_and_negative_as_holes():
    depth = [[np.nan, 1, np.inf, 1, -2, 1, 3, 5]]
    np.testing.assert_array_equal(_resize(depth, (1, 4)), [[1, 1, 1, 4]])
    np.testing.assert_array_equal(_resize(depth, (1, 8)), [[0, 1, 0, 1, 0, 1, 3, 5]])


def test_resize_depth_without_measurements_is_zero():
    assert not _resize(np.zeros((4, 4)), (3, 9)).any()


def test_resize_depth_spreads_a_single_pixel():
    np.testing.assert_array_equal(_resize([[2.5]], (2, 3)), np.full((2, 3), 2.5))


def test_resize_depth_of_a_batch_equals_its_images(rng):
    depth = rng.uniform(1, 5, (3, 6, 4, 1)).astype(np.float32)
    depth[1, 2, 2] = 0
    batch = resize_depth(depth, (4, 7))
    assert batch.shape == (3, 4, 7, 1)
    singles = tf.stack([resize_depth(image, (4, 7)) for image in depth])
    np.testing.assert_array_equal(batch, singles)


def test_resize_depth_is_the_same_in_a_dataset_of_unknown_size(rng):
    depth = rng.uniform(1, 5, (6, 4, 1)).astype(np.float32)
    depth[2, 2] = 0
    signature = tf.TensorSpec([None, None, 1], tf.float32)
    dataset = tf.data.Dataset.from_generator(
        lambda: [depth], output_signature=signature
    )
    for size in ((3, 2), (6, 4), (11, 5)):
        (result,) = dataset.map(lambda d, size=size: resize_depth(d, size))
        np.testing.assert_array_equal(result, resize_depth(depth, size))


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 3), (1, 1, 4, 4, 1)])
def test_resize_depth_rejects_other_shapes(shape):
    with pytest.raises(ValueError, match=r"must be \[B, H, W, 1\]"):
        resize_depth(tf.zeros(shape), (2, 2))
