"""Tests of edge precision, recall and F1."""

import numpy as np
import pytest

from dpde_tf.metrics.edge_accuracy import EdgeAccuracy
from dpde_tf.metrics.edge_detection import canny_edges, sobel_magnitude


def scores(truth, predicted, mask=None):
    mask = np.ones(truth.shape, bool) if mask is None else mask
    values = EdgeAccuracy.values(EdgeAccuracy(truth, mask).sums(predicted))
    return dict(zip(EdgeAccuracy.NAMES, values.tolist(), strict=True))


def step(column, height=0.3, size=(10, 12)):
    depth = np.full(size, 2.0)
    depth[:, column:] += height
    return depth


def test_edge_accuracy_of_a_blurred_step_by_hand():
    # A step of 0.3 m has a Sobel gradient of 4 * 0.3 = 1.2 in two columns. The mean
    # over three columns is 0.4, 0.8, 0.8, 0.4 in four columns.
    truth = step(6)
    blurred = truth.copy()
    blurred[:, 5:7] = 2.1, 2.2
    computed = scores(truth, blurred)
    assert computed["edge_precision_0.25"] == 2 / 4
    assert computed["edge_recall_0.25"] == 1.0
    assert computed["edge_f1_0.25"] == pytest.approx(2 / 3)
    assert computed["edge_precision_0.5"] == computed["edge_recall_0.5"] == 1.0
    assert np.isnan(computed["edge_precision_1"])  # No edge is predicted.
    assert computed["edge_recall_1"] == computed["edge_f1_1"] == 0.0


def test_edge_accuracy_agrees_with_plain_loops(rng):
    truth, predicted = rng.uniform(2, 2.4, (2, 9, 11))
    weights = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    hits = found = true = 0
    for row in range(1, 8):
        for column in range(1, 10):
            block = np.s_[row - 1 : row + 2, column - 1 : column + 2]
            edges = [
                np.hypot(np.sum(weights * m[block]), np.sum(weights.T * m[block])) > 0.5
                for m in (predicted, truth)
            ]
            hits, found, true = hits + all(edges), found + edges[0], true + edges[1]
    computed = scores(truth, predicted)
    precision, recall = hits / found, hits / true
    assert 0 < precision < 1
    assert computed["edge_precision_0.5"] == pytest.approx(precision)
    assert computed["edge_recall_0.5"] == pytest.approx(recall)
    f1 = 2 * precision * recall / (precision + recall)
    assert computed["edge_f1_0.5"] == pytest.approx(f1)


def test_edge_accuracy_ignores_the_border_and_holes():
    truth = step(6)
    mask = np.ones(truth.shape, bool)
    one = EdgeAccuracy(truth, mask)
    assert one.sums(truth)[:3].tolist() == [16, 16, 16]  # 8 of 10 rows, 2 columns.
    mask[5, 6] = False
    assert EdgeAccuracy(truth, mask).sums(truth)[0] == 16 - 6


def test_edge_accuracy_of_flat_maps_is_nan():
    flat = np.full((6, 6), 2.0)
    assert np.all(np.isnan(list(scores(flat, flat).values())))


def test_sobel_magnitude_of_a_ramp_is_eight_times_its_slope():
    rows, columns = np.mgrid[:7, :8]
    ramp = 0.03 * columns + 0.04 * rows
    np.testing.assert_allclose(sobel_magnitude(ramp)[1:-1, 1:-1], 0.4, rtol=1e-12)


def test_canny_edges_of_a_step_are_one_line_beside_it():
    edges = canny_edges(step(20, size=(24, 40)))
    columns = np.flatnonzero(edges.any(axis=0))
    assert set(columns) <= {19, 20}
    assert np.all(edges.sum(axis=1) == 1)


def test_canny_edges_do_not_change_with_scale_and_shift(rng):
    depth = step(20, size=(24, 40)) + step(9, height=0.2, size=(24, 40))
    np.testing.assert_array_equal(canny_edges(depth), canny_edges(7 * depth + 3))
    assert not np.any(canny_edges(np.full((9, 9), 2.0)))


def test_canny_edges_are_those_above_the_thresholds():
    # A ramp over the whole width has no edge: its slope is 8 / 40 = 0.2 < 0.3.
    ramp = np.tile(np.linspace(1, 5, 41), (30, 1))
    assert not np.any(canny_edges(ramp))
    # Over ten columns the Sobel gradient is 8 / 10 = 0.8.
    assert np.any(canny_edges(np.clip(ramp, 2.5, 3.5)))
