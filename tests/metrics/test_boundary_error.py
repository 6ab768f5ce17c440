"""Tests of depth boundary errors and of errors by distance from edges."""

import numpy as np
import pytest
import scipy.ndimage

from dpde_tf.metrics.boundary_error import BoundaryError
from dpde_tf.metrics.edge_detection import canny_edges


def scores(truth, predicted, mask=None):
    mask = np.ones(truth.shape, bool) if mask is None else mask
    values = BoundaryError.values(BoundaryError(truth, mask).sums(predicted))
    return dict(zip(BoundaryError.NAMES, values.tolist(), strict=True))


def step(column, height=2.0):
    depth = np.full((30, 60), 2.0)
    depth[:, column:] += height
    return depth


def test_boundary_error_of_a_moved_step_is_its_displacement():
    computed = scores(step(20), step(23))
    assert computed["dbe_acc"] == computed["dbe_comp"] == 3.0


def test_boundary_error_of_an_extra_edge_by_hand():
    # 30 edge pixels are at distance 0, and 30 at 25 pixels, beyond 10. The accuracy
    # counts the near ones only; completeness: (30 * 0 + 30 * 10 + 30 * 0) / 90.
    predicted = step(20) + step(45)
    computed = scores(step(20), predicted)
    assert computed["dbe_acc"] == 0.0
    assert computed["dbe_comp"] == pytest.approx(10 / 3)


def test_boundary_error_of_a_prediction_without_edges_is_10():
    for predicted in (np.full((30, 60), 2.0), step(45)):
        computed = scores(step(20), predicted)
        assert computed["dbe_acc"] == computed["dbe_comp"] == 10.0


def test_boundary_error_without_true_edges_is_nan():
    assert np.all(np.isnan(list(scores(step(20, 0.0), step(20)).values())))


def test_boundary_error_agrees_with_scipy(rng):
    truth, predicted = (
        scipy.ndimage.gaussian_filter(m, 1.5) for m in rng.uniform(1, 9, (2, 40, 50))
    )
    true, found = canny_edges(truth), canny_edges(predicted)
    to_true, to_found = (
        scipy.ndimage.distance_transform_edt(~edges) for edges in (true, found)
    )
    near = found & (to_true < 10)
    ways = np.minimum(np.concatenate([to_true[found], to_found[true]]), 10)
    computed = scores(truth, predicted)
    # The distances of OpenCV are float32.
    assert computed["dbe_acc"] == pytest.approx(to_true[near].mean(), rel=1e-6)
    assert computed["dbe_comp"] == pytest.approx(ways.mean(), rel=1e-6)
    assert 0.5 < computed["dbe_comp"] < 10
    within = (to_true > 2) & (to_true <= 4)
    rms = np.sqrt(np.mean((predicted - truth)[within] ** 2))
    assert computed["rms_edge_4"] == pytest.approx(rms, rel=1e-12)


def test_errors_by_distance_are_assigned_to_their_band():
    truth = step(20)
    column = int(np.flatnonzero(canny_edges(truth)[15])[0])
    distance = np.abs(np.arange(60) - column)
    # An error of one metre times the number of the band.
    bands = np.digitize(distance, [2, 4, 8, 16], right=True)
    computed = scores(truth, truth + np.tile(bands.astype(float), (30, 1)))
    rms = [computed[f"rms_edge_{name}"] for name in (2, 4, 8, 16, "far")]
    assert rms == [0, 1, 2, 3, 4]


def test_boundary_error_ignores_edges_beside_a_hole():
    mask = np.ones((30, 60), bool)
    mask[:, 19:22] = False
    assert np.isnan(scores(step(20), step(20), mask)["dbe_acc"])
    assert scores(step(20) + step(45), step(45), mask)["dbe_acc"] == 0.0


def test_canny_edges_smooth_with_the_published_sigma():
    # The Sobel response to a step, smoothed by a Gaussian of weights k, is 4 (k0 + k1)
    # times its height: 2.007 for sigma = sqrt(2), so 0.3 is reached at 0.1495 of the
    # range. For sigma = 1.3, it would be reached at 0.139, for 1.5 at 0.157.
    positions = np.arange(-20, 21)
    weights = np.exp(-(positions**2) / 4)
    weights /= weights.sum()
    least = 0.3 / (4 * (weights[20] + weights[21]))
    assert least == pytest.approx(0.1495, abs=1e-4)
    for height, is_edge in ((least - 0.005, False), (least + 0.005, True)):
        depth = np.zeros((30, 60))
        depth[:, 20:] = height
        depth[:, 45:] = 1.0  # The range.
        assert np.any(canny_edges(depth)[:, 15:25]) == is_edge
