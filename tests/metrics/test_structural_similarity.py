"""Tests of SSIM."""

import cv2
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from tests.fixtures.structural_similarity import ssim


def ssim_by_formula(first, second):
    """SSIM of two [H, W] images in 0..255, window by window."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = 6.5025, 58.5225  # (0.01 * 255)^2, (0.03 * 255)^2
    values = []
    for row in range(5, first.shape[0] - 5):
        for column in range(5, first.shape[1] - 5):
            block = np.s_[row - 5 : row + 6, column - 5 : column + 6]
            x, y = first[block], second[block]
            mean_x, mean_y = np.sum(window * x), np.sum(window * y)
            x, y = x - mean_x, y - mean_y
            covariance = np.sum(window * x * y)
            variances = np.sum(window * x**2) + np.sum(window * y**2)
            values.append(
                (2 * mean_x * mean_y + c1)
                / (mean_x**2 + mean_y**2 + c1)
                * (2 * covariance + c2)
                / (variances + c2)
            )
    return np.mean(values)


def pair(rng, size):
    """A smooth image and a noisy, brighter one, [B, H, W, 1]."""
    first = 40 * scipy.ndimage.gaussian_filter(rng.normal(size=size), 1) + 100
    second = 10 + first + rng.normal(0, 5, size)
    return first[None, ..., None], second[None, ..., None]


@pytest.mark.parametrize("size", [(11, 11), (12, 17), (24, 31)])
def test_ssim_equals_the_formula_in_numpy(rng, size):
    first, second = pair(rng, size)
    expected = ssim_by_formula(first[0, ..., 0], second[0, ..., 0])
    assert ssim(first, second).numpy() == pytest.approx([expected], rel=1e-9)
    assert 0.1 < expected < 0.95


def test_ssim_equals_that_of_tensorflow(rng):
    first, second = pair(rng, (64, 45))
    expected = tf.image.ssim(first, second, 255.0).numpy()
    # The variance is a difference of squares, with an error of 1e-7 * 1e4 in float32.
    assert ssim(first, second).numpy() == pytest.approx(expected, rel=1e-4)


def test_ssim_of_constant_images_by_hand():
    # No variance: (2 m n + C1) / (m^2 + n^2 + C1), with m = 2 n = 100, C1 = 6.5025.
    shape = [1, 13, 15, 1]
    score = ssim(tf.fill(shape, 100.0), tf.fill(shape, 50.0))
    assert score.numpy() == pytest.approx([(10000 + 6.5025) / (12500 + 6.5025)])
    assert ssim(tf.zeros(shape), tf.zeros(shape)).numpy() == pytest.approx([1.0])


def test_ssim_of_an_image_with_itself_and_its_negative(rng):
    first, second = pair(rng, (32, 33))
    assert ssim(first, first).numpy() == pytest.approx([1.0], abs=1e-12)
    # The structure is reversed: far below 0 where the contrast is large.
    checks = 127.5 * (1 + (-1.0) ** np.add.outer(np.arange(32), np.arange(33)))
    checks = checks[None, ..., None]
    assert ssim(checks, 255 - checks).numpy()[0] < -0.99
    np.testing.assert_allclose(ssim(first, second), ssim(second, first), rtol=1e-12)


def test_ssim_max_value_is_the_unit_of_the_images(rng):
    first, second = pair(rng, (16, 20))
    in_metres = ssim(first / 25.5, second / 25.5, max_value=10.0)
    np.testing.assert_allclose(in_metres, ssim(first, second), rtol=1e-12)


def test_ssim_of_a_batch_equals_its_images_also_compiled(rng):
    pairs = [pair(rng, (20, 23)) for _ in range(3)]
    first, second = (np.concatenate(images) for images in zip(*pairs, strict=True))
    single = [ssim(*one).numpy()[0] for one in pairs]
    np.testing.assert_allclose(ssim(first, second), single, rtol=1e-12)
    compiled = tf.function(ssim, jit_compile=True)(first, second)
    np.testing.assert_allclose(compiled, single, rtol=1e-9)


def test_ssim_is_float64_for_every_type(rng):
    first, second = (np.rint(image).clip(0, 255) for image in pair(rng, (16, 16)))
    expected = ssim(first, second)
    for dtype in ("uint8", "float32"):
        score = ssim(tf.cast(first, dtype), tf.cast(second, dtype))
        assert score.dtype == tf.float64
        np.testing.assert_array_equal(score, expected)


@pytest.mark.data
def test_ssim_equals_the_published_value(real_data):
    names = ("goldhill.png", "goldhill_jpeg.png")
    images = []
    for name in names:
        image = cv2.imread(str(real_data / "iqa" / name), cv2.IMREAD_GRAYSCALE)
        # ssim.m first takes the means of 2x2 blocks of a 512x512 image.
        assert image.shape == (512, 512)
        blocks = image.reshape(256, 2, 256, 2).mean(axis=(1, 3))
        images.append(blocks[None, ..., None])
    # The value of the authors' ssim.m, as quoted in the tests of the library piq.
    assert f"{ssim(*images)[0]:.4f}" == "0.8202"


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ((1, 12, 12, 1), (1, 12, 13, 1), r"same shape.*12, 12.*12, 13"),
        ((12, 12, 1), (12, 12, 1), r"grey, \[B, H, W, 1\]"),
        ((1, 12, 12, 3), (1, 12, 12, 3), r"grey.*12, 12, 3"),
        ((1, 10, 12, 1), (1, 10, 12, 1), "at least 11x11 pixels.*10, 12"),
    ],
)
def test_ssim_rejects_other_shapes(first, second, message):
    with pytest.raises(ValueError, match=message):
        ssim(tf.zeros(first), tf.zeros(second))


@pytest.mark.parametrize("max_value", [0.0, -1.0, float("nan")])
def test_ssim_rejects_a_max_value_that_is_not_positive(max_value):
    image = tf.zeros([1, 12, 12, 1])
    with pytest.raises(ValueError, match=f"positive. Received: {max_value}"):
        ssim(image, image, max_value=max_value)
