"""Tests of substitutes for the gradients of the network."""

import numpy as np
import pytest

from dpde_tf.fusion import substitute_gradients as substitutes


def grey_image(luminance):
    """An RGB image of this luminance, 0 to 255."""
    return np.repeat(np.asarray(luminance, np.uint8)[..., np.newaxis], 3, axis=2)


def test_zero_gradients_are_those_of_a_constant():
    gradient_x, gradient_y = substitutes.zero_gradients(np.ones((3, 5), np.float32))
    assert gradient_x.shape == gradient_y.shape == (3, 5)
    assert not gradient_x.any()
    assert not gradient_y.any()


def test_true_gradients_need_two_measured_pixels():
    truth = np.array([[1.0, 1.5, 0.0], [2.0, 4.0, 8.0]], np.float32)
    gradient_x, gradient_y = substitutes.true_gradients(truth)
    nan = np.nan
    np.testing.assert_array_equal(gradient_x, [[0.5, nan, nan], [2.0, 4.0, nan]])
    np.testing.assert_array_equal(gradient_y, [[1.0, 2.5, nan], [nan, nan, nan]])
    assert gradient_x.dtype == np.float32


def test_luminance_gradients_have_the_variation_of_the_depth():
    # Luminance 51 / 255 = 0.2, 0.4, 0.8: variation 0.6; depth 1, 1, 4: variation 3.
    depth = np.array([[1.0, 1.0, 4.0]], np.float32)
    image = grey_image([[51, 102, 204]])
    gradient_x, gradient_y = substitutes.luminance_gradients(image, depth)
    # 3 / 0.6 = 5 metres per unit: 0.2 * 5 and 0.4 * 5, up to float32 rounding.
    np.testing.assert_allclose(gradient_x, [[1.0, 2.0, 0.0]], atol=1e-6)
    assert not gradient_y.any()


def test_luminance_gradients_have_the_sign_of_the_depth(rng):
    depth = rng.uniform(1, 5, (6, 7)).astype(np.float32)
    image = grey_image(rng.integers(0, 256, (6, 7)))
    given = substitutes.luminance_gradients(image, depth)
    inverted = substitutes.luminance_gradients(255 - image, depth)
    # The luminance of the negative is 1 - Y, up to float32 rounding.
    np.testing.assert_allclose(given, inverted, atol=1e-5)
    agreement = np.sum(given[0][:, :-1] * np.diff(depth, axis=1))
    agreement += np.sum(given[1][:-1] * np.diff(depth, axis=0))
    assert agreement > 0


def test_luminance_gradients_of_a_flat_image_are_zero():
    depth = np.array([[1.0, 2.0]], np.float32)
    found = substitutes.luminance_gradients(grey_image([[9, 9]]), depth)
    assert not np.any(found)


def test_luminance_gradients_reject_another_size():
    with pytest.raises(ValueError, match=r"same size.*\(1, 2\) and \(3, 2\)"):
        substitutes.luminance_gradients(
            grey_image([[1, 2]]), np.ones((3, 2), np.float32)
        )
