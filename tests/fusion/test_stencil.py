import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.fusion.stencil import (
    ROW_BLOCKS,
    Neighbours,
    fill_rows,
    inner_product,
    pad_rows,
)


def test_fill_rows_adds_zeros_up_to_a_multiple():
    for height, filled in ((1, 8), (16, 16), (17, 24)):
        image = tf.ones([height, 3])
        result = fill_rows(image).numpy()
        assert result.shape == (filled, 3)
        assert filled % ROW_BLOCKS == 0
        np.testing.assert_array_equal(result[:height], image)
        assert not result[height:].any()


@pytest.mark.parametrize("size", [(3, 4), (1, 5), (5, 1), (1, 1)])
def test_neighbours_equal_those_of_a_zero_padded_image(rng, size):
    image = rng.normal(size=size)
    pixels = Neighbours(pad_rows(image))
    framed = np.pad(image, 1)
    np.testing.assert_array_equal(pixels.here, image)
    np.testing.assert_array_equal(pixels.below, framed[2:, 1:-1])
    np.testing.assert_array_equal(pixels.above, framed[:-2, 1:-1])
    np.testing.assert_array_equal(pixels.right[:, :-1], image[:, 1:])
    np.testing.assert_array_equal(pixels.left[:, 1:], image[:, :-1])


def test_neighbours_of_the_last_column_are_in_the_next_row():
    image = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    pixels = Neighbours(pad_rows(image))
    np.testing.assert_array_equal(pixels.right, [[2, 3], [4, 0]])
    np.testing.assert_array_equal(pixels.left, [[0, 1], [2, 3]])


def test_inner_product_equals_that_of_numpy(rng):
    a, b = rng.normal(size=(2, 32, 7))
    np.testing.assert_allclose(inner_product(a, b), np.vdot(a, b), rtol=1e-12)
