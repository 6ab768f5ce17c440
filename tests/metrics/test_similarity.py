"""Tests of SSIM and GSM, against their formulas, and on maps with holes."""

import cv2
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import tensorflow as tf

from dpde_tf.metrics.similarity import KERNELS, Similarity, similarity_range

# Differences of two weighted sides, in four directions; typed again, row by row.
SIDES = [
    "0 1 0 -1 0  0 3 0 -3 0  0 8 0 -8 0  0 3 0 -3 0  0 1 0 -1 0",
    "0 0 0 0 0  1 3 8 3 1  0 0 0 0 0  -1 -3 -8 -3 -1  0 0 0 0 0",
    "0 0 1 0 0  0 8 3 0 0  1 3 0 -3 -1  0 0 -3 -8 0  0 0 -1 0 0",
    "0 0 1 0 0  0 0 3 8 0  -1 -3 0 3 1  0 -8 -3 0 0  0 0 -1 0 0",
]


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


def gsm_by_formula(first, second):
    """GSM of two [H, W] images in 0..255, block by block, as in the article."""
    kernels = [np.array(s.split(), float).reshape(5, 5) for s in SIDES]
    g, h = (
        np.max([abs(scipy.signal.correlate2d(x, k, "valid")) for k in kernels], 0) / 25
        for x in (first, second)
    )
    values = []
    for row, column in np.ndindex(g.shape):
        a, b = g[row, column], h[row, column]
        similarity = 1.0
        if max(a, b) > 0:
            ratio = 1 - abs(a - b) / max(a, b)
            masking = 200 / max(a, b)
            similarity = (2 * ratio + masking) / (1 + ratio**2 + masking)
        difference = first[row + 2, column + 2] - second[row + 2, column + 2]
        weight = 0.1 * similarity
        luminance = 1 - (difference / 255) ** 2
        values.append((1 - weight) * similarity + weight * luminance)
    return np.mean(values)


def scores(truth, predicted, mask=None, depth_range=10.0):
    mask = np.ones(truth.shape, bool) if mask is None else mask
    one = Similarity(truth, mask, depth_range=depth_range)
    return Similarity.values(one.sums(predicted))


def pair(rng, size):
    truth = rng.uniform(1, 9, size)
    return truth, truth + rng.normal(0, 1, size)


def image_scores(first, second):
    """SSIM and GSM of two images in 0..255."""
    return scores(first, second, depth_range=255.0)


def smooth_pair(rng, size):
    """A smooth image and a noisy, brighter one."""
    first = 40 * scipy.ndimage.gaussian_filter(rng.normal(size=size), 1) + 100
    return first, np.clip(10 + first + rng.normal(0, 5, size), 0, 255)


def rough_pair(rng, size):
    """An image of noise, and one with more noise."""
    first = rng.uniform(0, 200, size)
    return first, np.clip(first + rng.normal(0, 30, size), 0, 255)


@pytest.mark.parametrize("size", [(11, 11), (12, 17), (24, 31)])
def test_similarity_equals_the_formulas(rng, size):
    images = smooth_pair(rng, size)
    expected = ssim_by_formula(*images), gsm_by_formula(*images)
    np.testing.assert_allclose(image_scores(*images), expected, rtol=1e-9)
    assert 0.1 < expected[0] < 0.95
    maps = pair(rng, size)  # 10 m are 255.
    images = [np.clip(25.5 * depth, 0, 255) for depth in maps]
    expected = ssim_by_formula(*images), gsm_by_formula(*images)
    np.testing.assert_allclose(scores(*maps), expected, rtol=1e-9)


@pytest.mark.parametrize("size", [(5, 5), (6, 9), (33, 20)])
def test_gsm_equals_the_formula_in_scipy(rng, size):
    first, second = rough_pair(rng, size)
    expected = gsm_by_formula(first, second)
    assert image_scores(first, second)[1] == pytest.approx(expected, rel=1e-12)
    assert expected < 0.995


def test_ssim_equals_that_of_tensorflow(rng):
    images = smooth_pair(rng, (64, 45))
    expected = tf.image.ssim(*(image[None, ..., None] for image in images), 255.0)
    # The variance is a difference of squares, with an error of 1e-7 * 1e4 in float32.
    assert image_scores(*images)[0] == pytest.approx(expected.numpy()[0], rel=1e-4)


def test_ssim_of_an_image_and_its_negative():
    # The structure is reversed: far below 0 where the contrast is large.
    checks = 127.5 * (1 + (-1.0) ** np.add.outer(np.arange(32), np.arange(33)))
    assert image_scores(checks, 255 - checks)[0] < -0.99


@pytest.mark.data
def test_ssim_equals_the_published_value(real_data):
    images = []
    for name in ("goldhill.png", "goldhill_jpeg.png"):
        image = cv2.imread(str(real_data / "iqa" / name), cv2.IMREAD_GRAYSCALE)
        # ssim.m first takes the means of 2x2 blocks of a 512x512 image.
        assert image.shape == (512, 512)
        images.append(image.reshape(256, 2, 256, 2).mean(axis=(1, 3)))
    # The value of the authors' ssim.m, as quoted in the tests of the library piq.
    assert f"{image_scores(*images)[0]:.4f}" == "0.8202"


def test_gsm_of_one_block_by_hand():
    # A step of 100 between the third and the fourth column. The vertical kernel sums
    # -100 * (1 + 3 + 8 + 3 + 1) = -1600, the diagonals 12 and the horizontal 0 times
    # 100, so the gradient is 1600 / 25 = 64; that of a constant image is 0. Hence
    # R = 1 and K = 200 / 64 = 3.125: g = 3.125 / 4.125. The centres are 0 and 51, a
    # fifth of 255: e = 0.96.
    step = np.zeros([5, 5])
    step[:, 3:] = 100.0
    g = 3.125 / 4.125
    expected = (1 - 0.1 * g) * g + 0.1 * g * 0.96
    assert image_scores(step, np.full_like(step, 51.0))[1] == pytest.approx(expected)


def test_kernels_are_differences_of_sides_of_weight_16():
    for kernel, typed in zip(KERNELS, SIDES, strict=True):
        assert kernel.sum() == 0
        assert kernel[kernel > 0].sum() == 16
        values = np.array(typed.split(), int).reshape(5, 5)
        assert np.array_equal(abs(kernel), abs(values))


@pytest.mark.parametrize("direction", [(0, 1), (1, 0), (1, 1), (1, -1)])
def test_gsm_detects_edges_in_all_directions(direction):
    rows, columns = np.mgrid[:21, :21] - 10
    edge = 255.0 * (direction[0] * rows + direction[1] * columns > 0)
    assert image_scores(edge, np.zeros_like(edge))[1] < 0.95


def test_gsm_falls_with_the_noise(rng):
    first, noise = rng.uniform(0, 200, [32, 32]), rng.normal(size=[32, 32])
    found = [image_scores(first, first + s * noise)[1] for s in (0, 5, 10, 20, 40)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 5


def test_similarity_is_symmetric_and_1_for_equal_images(rng):
    first, second = smooth_pair(rng, (32, 33))
    both = image_scores(first, second), image_scores(second, first)
    np.testing.assert_allclose(*both, rtol=1e-12)
    for image in (first, np.full_like(first, 77.0), np.zeros_like(first)):
        np.testing.assert_allclose(image_scores(image, image), [1, 1], rtol=1e-12)


def test_similarity_of_constant_maps_by_hand():
    # 2.55 m = 255: images of 100 and 50. SSIM: (2 * 5000 + C1) / (12500 + C1) with
    # C1 = 2.55^2. Flat blocks: g = 1, e = 1 - (50 / 255)^2, q = 0.9 + 0.1 e.
    flat = np.ones((13, 13))
    computed = scores(flat, 0.5 * flat, depth_range=2.55)
    assert computed[0] == pytest.approx((10000 + 2.55**2) / (12500 + 2.55**2))
    assert computed[1] == pytest.approx(0.9 + 0.1 * (1 - (50 / 255) ** 2))


def test_similarity_ignores_windows_with_a_hole(rng):
    truth, predicted = pair(rng, (40, 30))
    mask = np.ones(truth.shape, bool)
    mask[22, 11] = False
    broken = predicted.copy()
    broken[22, 11] = 1e6
    np.testing.assert_array_equal(
        scores(truth, predicted, mask), scores(truth, broken, mask)
    )
    one = Similarity(truth, mask, depth_range=10.0)
    # 30 x 20 windows of 11 less 11 x 11 around the hole; 36 x 26 blocks less 5 x 5.
    assert one.sums(predicted)[[0, 2]].tolist() == [600 - 121, 936 - 25]


def test_similarity_of_a_map_smaller_than_a_window_is_nan():
    computed = scores(np.ones((4, 6)), np.ones((4, 6)))
    assert np.all(np.isnan(computed))


@pytest.mark.parametrize(
    ("depth_range", "metres"), [(7, 7.0), ("image", 99.0), ("robust", 98.0)]
)
def test_similarity_range_of_depths_from_0_to_99_and_a_hole(depth_range, metres):
    # Without the hole of 500 m, the depths are 0 to 99 and 98 m twice.
    truth = np.array([*range(100), 500.0, 98.0]).reshape(6, 17)
    assert similarity_range(truth, truth < 200, depth_range) == pytest.approx(metres)


def test_similarity_range_must_be_known():
    with pytest.raises(ValueError, match=r"'image' or 'robust'\. Received: 'split'"):
        similarity_range(np.ones((2, 2)), np.ones((2, 2), bool), "split")


def test_one_far_pixel_moves_the_robust_scores_only_near_it(rng):
    truth, predicted = pair(rng, (60, 60))
    mask = np.ones(truth.shape, bool)

    def robust(depth):
        limit = similarity_range(depth, mask, "robust")
        return scores(depth, predicted, depth_range=limit)

    far = truth.copy()
    far[5, 5] = 200.0
    assert np.all(np.abs(robust(far) - robust(truth)) < 0.02)
    # With 255 = 200 m, all but the windows at the pixel look alike.
    assert scores(far, predicted, depth_range=200.0)[0] > robust(truth)[0] + 0.05
