"""Tests of the scale-invariant boundary F1."""

import numpy as np
import pytest

from dpde_tf.metrics.boundary_f1 import THRESHOLDS, BoundaryF1


def score(truth, predicted, mask=None):
    mask = np.ones(truth.shape, bool) if mask is None else mask
    return BoundaryF1.values(BoundaryF1(truth, mask).sums(predicted))[0]


def square(near=2.0, far=4.0, rows=slice(3, 7), columns=slice(4, 9)):
    depth = np.full((10, 14), far)
    depth[rows, columns] = near
    return depth


def f1_by_definition(truth, predicted):
    """The measure with plain loops over pairs, directions and thresholds."""
    total = 0.0
    for threshold in THRESHOLDS:
        precisions, recalls = [], []
        for row, column in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            hits = found = true = 0
            for i, j in np.ndindex(truth.shape):
                k, m = i + row, j + column
                if not (0 <= k < truth.shape[0] and 0 <= m < truth.shape[1]):
                    continue
                a = predicted[k, m] / predicted[i, j] > threshold
                b = truth[k, m] / truth[i, j] > threshold
                hits, found, true = hits + (a and b), found + a, true + b
            precisions.append(hits / max(found, 1))
            recalls.append(hits / max(true, 1))
        p, r = np.mean(precisions), np.mean(recalls)
        total += threshold * (2 * p * r / (p + r) if p + r else 0)
    return total / sum(THRESHOLDS)


def test_boundary_f1_of_a_shifted_square_by_hand():
    # Depths 2 and 4: an occlusion at every threshold. Moved by one column, the left and
    # right contours miss, above and below 4 of 5 pixels hit: P = R = (0.8 + 0.8) / 4.
    moved = square(columns=slice(5, 10))
    assert score(square(), moved) == pytest.approx(0.4, rel=1e-12)


def test_boundary_f1_weighs_thresholds():
    # A predicted ratio of 1.1 is a contour below 1.1 only: F1 is 1 there, else 0.
    found = THRESHOLDS[THRESHOLDS < 1.1].sum() / THRESHOLDS.sum()
    assert score(square(), square(near=2.0, far=2.2)) == pytest.approx(found, rel=1e-12)


def test_boundary_f1_needs_a_ratio_above_the_threshold():
    # A ratio equal to the threshold is not a contour.
    at = THRESHOLDS[4]
    found = THRESHOLDS[:4].sum() / THRESHOLDS.sum()
    predicted = square(near=1.0, far=at)
    assert score(square(), predicted) == pytest.approx(found, rel=1e-12)


def test_boundary_f1_agrees_with_plain_loops(rng):
    truth = rng.uniform(2.0, 2.6, (8, 9))
    predicted = truth * rng.uniform(0.95, 1.05, (8, 9))
    expected = f1_by_definition(truth, predicted)
    assert 0.1 < expected < 0.9
    assert score(truth, predicted) == pytest.approx(expected, rel=1e-12)


def test_boundary_f1_does_not_change_with_the_scale(rng):
    truth = square()
    assert score(truth, 0.3 * truth) == pytest.approx(1.0, rel=1e-12)
    noisy = truth * rng.uniform(0.8, 1.2, truth.shape)
    assert score(truth, 5 * noisy) == pytest.approx(score(truth, noisy), rel=1e-12)


def test_boundary_f1_without_contours_is_0():
    assert score(np.ones((4, 4)), np.ones((4, 4))) == 0.0
    assert score(np.ones((1, 1)), np.ones((1, 1))) == 0.0


def test_boundary_f1_ignores_pairs_with_a_hole():
    mask = np.ones((10, 14), bool)
    mask[:, 3:5] = False
    expected = square()
    expected[:, 3:5] = 100.0
    # The contour on the left is unknown, so its direction gives 0: P = R = 3 / 4.
    assert score(square(), expected, mask) == pytest.approx(0.75, rel=1e-12)
