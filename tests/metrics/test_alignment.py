import numpy as np
import pytest

from dpde_tf.metrics.alignment import align_depth


def test_align_depth_by_the_median_undoes_a_scale(rng):
    truth = rng.uniform(1, 9, (5, 5))
    valid_mask = rng.random((5, 5)) < 0.7
    aligned = align_depth(truth, truth * 0.037, valid_mask, alignment="median")
    np.testing.assert_allclose(aligned, truth, rtol=1e-12)


def test_align_depth_by_the_median_worked_by_hand():
    # The medians are 3 and 2, so the factor is 1.5; the unmeasured 100 is ignored.
    truth = np.array([[2.0, 3.0, 7.0, 0.0]])
    predicted = np.array([[2.0, 1.0, 4.0, 100.0]])
    aligned = align_depth(truth, predicted, truth > 0, alignment="median")
    np.testing.assert_allclose(aligned, [[3.0, 1.5, 6.0, 150.0]], rtol=1e-15)


def test_align_depth_by_least_squares_agrees_with_lstsq(rng):
    truth = rng.uniform(1, 9, (6, 7))
    predicted = rng.uniform(1, 9, (6, 7))
    valid_mask = rng.random((6, 7)) < 0.7
    aligned = align_depth(truth, predicted, valid_mask, alignment="least_squares")
    columns = np.stack([predicted[valid_mask], np.ones(valid_mask.sum())], axis=1)
    scale, shift = np.linalg.lstsq(columns, truth[valid_mask])[0]
    np.testing.assert_allclose(aligned, scale * predicted + shift, rtol=1e-10)


def test_align_depth_by_least_squares_of_a_constant_is_the_mean():
    truth = np.array([[1.0, 2.0, 6.0]])
    aligned = align_depth(
        truth, np.full((1, 3), 4.0), truth > 0, alignment="least_squares"
    )
    np.testing.assert_allclose(aligned, 3.0, rtol=1e-15)


def test_align_depth_by_the_median_rejects_negative_depth():
    with pytest.raises(ValueError, match=r"positive median.*-1\.0"):
        align_depth(
            np.ones((1, 3)), -np.ones((1, 3)), np.ones((1, 3), bool), alignment="median"
        )


def test_align_depth_in_disparity_undoes_an_affine_change(rng):
    truth = rng.uniform(1, 9, (6, 7))
    valid_mask = rng.random((6, 7)) < 0.7
    truth[0, 0], valid_mask[0, 0] = 9.0, True
    predicted = 1 / (0.3 / truth + 0.05)
    aligned = align_depth(
        truth, predicted, valid_mask, alignment="least_squares_disparity"
    )
    np.testing.assert_allclose(aligned, truth, rtol=1e-10)


def test_align_depth_in_disparity_worked_by_hand():
    # 1 / depth is 1, 0.5, 0.25 for the truth and 1, 0.5, 0 for the prediction. Scale
    # 10.5 / 14 and shift 5 / 24 give 0.9583, 0.5833, 0.2083; the last is beyond the
    # largest true depth, 4 m.
    truth = np.array([[1.0, 2.0, 4.0]])
    predicted = np.array([[1.0, 2.0, 1e30]])
    aligned = align_depth(
        truth, predicted, truth > 0, alignment="least_squares_disparity"
    )
    np.testing.assert_allclose(aligned, [[24 / 23, 24 / 14, 4.0]], rtol=1e-12)


def test_align_depth_in_disparity_rejects_negative_depth():
    with pytest.raises(ValueError, match=r"positive predictions.*-1\.0"):
        align_depth(
            np.ones((1, 3)),
            -np.ones((1, 3)),
            np.ones((1, 3), bool),
            alignment="least_squares_disparity",
        )


@pytest.mark.parametrize("metres", [0.7, 1.3, 2.7, 3.1])
def test_align_depth_in_disparity_of_a_constant_is_the_mean_disparity(rng, metres):
    truth = rng.uniform(1, 5, (240, 320)).astype(np.float32)
    constant = np.full_like(truth, metres)
    aligned = align_depth(
        truth, constant, truth > 0, alignment="least_squares_disparity"
    )
    expected = 1 / np.mean(1 / truth.astype(np.float64))
    np.testing.assert_allclose(aligned, expected, rtol=1e-6)
