"""Tests of SSIM and GSM on maps with holes."""

import numpy as np
import pytest

from dpde_tf.metrics.similarity import Similarity, similarity_range
from tests.fixtures.gradient_similarity import gsm
from tests.fixtures.structural_similarity import ssim


def scores(truth, predicted, mask=None, depth_range=10.0):
    mask = np.ones(truth.shape, bool) if mask is None else mask
    one = Similarity(truth, mask, depth_range=depth_range)
    return Similarity.values(one.sums(predicted))


def pair(rng, size):
    truth = rng.uniform(1, 9, size)
    return truth, truth + rng.normal(0, 1, size)


@pytest.mark.parametrize("size", [(11, 11), (24, 31)])
def test_similarity_equals_the_tensorflow_functions(rng, size):
    truth, predicted = pair(rng, size)
    maps = [depth[None, ..., None] for depth in (truth, predicted)]
    maps = [np.clip(depth, 0, 10) for depth in maps]  # Images end at 255.
    expected = [float(index(*maps, max_value=10.0)[0]) for index in (ssim, gsm)]
    # Both float64; only the order of summation differs.
    np.testing.assert_allclose(scores(truth, predicted), expected, rtol=1e-9)


def test_similarity_of_constant_maps_by_hand():
    # 2.55 m = 255: images of 100 and 50. SSIM: (2 * 5000 + C1) / (12500 + C1) with
    # C1 = 2.55^2. Flat blocks: g = 1, e = 1 - (50 / 255)^2, q = 0.9 + 0.1 e.
    flat = np.ones((13, 13))
    computed = scores(flat, 0.5 * flat, depth_range=2.55)
    assert computed[0] == pytest.approx((10000 + 2.55**2) / (12500 + 2.55**2))
    assert computed[1] == pytest.approx(0.9 + 0.1 * (1 - (50 / 255) ** 2))


def test_similarity_of_equal_maps_is_1(rng):
    truth, _ = pair(rng, (15, 17))
    np.testing.assert_allclose(scores(truth, truth), [1, 1], rtol=1e-12)


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
