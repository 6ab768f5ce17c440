"""Tests of edge precision, recall and F1, also with a tolerance."""

import numpy as np
import pytest

from dpde_tf.metrics.edge_accuracy import EdgeAccuracy, TolerantEdgeAccuracy
from dpde_tf.metrics.edge_detection import canny_edges, sobel_magnitude


def scores(truth, predicted, kind=EdgeAccuracy):
    values = kind.values(kind(truth, truth > 0).sums(predicted))
    return dict(zip(kind.NAMES, values.tolist(), strict=True))


def near_scores(truth, predicted):
    return scores(truth, predicted, TolerantEdgeAccuracy)


def step(column, height=0.3, size=(10, 12)):
    depth = np.full(size, 2.0)
    depth[:, column:] += height
    return depth


def wide_step(column):
    return step(column, height=0.5, size=(10, 24))


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


@pytest.mark.parametrize(
    ("shift", "expected"),
    # An edge has two columns: with a shift of 3, one of them has a counterpart within
    # 2 pixels; without a tolerance, none has.
    [(0, 1.0), (1, 1.0), (2, 1.0), (3, 0.5), (4, 0.0)],
)
def test_a_displaced_step_is_a_hit_within_two_pixels(shift, expected):
    computed = near_scores(wide_step(10), wide_step(10 + shift))
    assert computed["near_edge_precision"] == expected
    assert computed["near_edge_recall"] == expected
    assert computed["near_edge_f1"] == pytest.approx(expected)


def test_the_tolerance_is_a_disc():
    truth, predicted = np.full((2, 15, 15), 2.0)
    truth[7, 7] = predicted[9, 9] = 3.0
    edges = [
        (int(row), int(column))
        for row, column in zip(
            *np.nonzero(TolerantEdgeAccuracy(truth, truth > 0)._edges[0]), strict=True
        )
    ]
    found = [(row + 2, column + 2) for row, column in edges]
    near = [any(np.hypot(a - c, b - d) <= 2 for c, d in edges) for a, b in found]
    assert near_scores(truth, predicted)["near_edge_precision"] == np.mean(near)
    assert 0 < np.mean(near) < 1


def test_without_tolerance_there_are_fewer_hits(rng):
    truth = np.cumsum(rng.normal(0, 0.05, (40, 50)), axis=1) + 4.0
    predicted = np.roll(truth, 1, axis=1)
    exact, near = scores(truth, predicted), near_scores(truth, predicted)
    for name in ("precision", "recall", "f1"):
        assert near[f"near_edge_{name}"] > exact[f"edge_{name}_0.5"]


def test_near_f1_is_the_harmonic_mean(rng):
    truth, predicted = rng.uniform(2, 2.4, (2, 30, 40))
    computed = near_scores(truth, predicted)
    precision, recall = computed["near_edge_precision"], computed["near_edge_recall"]
    f1 = 2 * precision * recall / (precision + recall)
    assert computed["near_edge_f1"] == pytest.approx(f1)


def test_near_edges_ignore_the_border_and_holes():
    truth = wide_step(10)
    mask = np.ones(truth.shape, bool)
    mask[5, 10] = False
    sums = TolerantEdgeAccuracy(truth, mask).sums(truth)
    # Eight rows within the border, two columns, without the 3 x 2 pixels at the hole.
    assert sums.tolist() == [10.0] * 4


def test_maps_without_edges_have_no_near_values():
    flat = np.full((8, 9), 2.0)
    assert all(np.isnan(value) for value in near_scores(flat, flat).values())
    computed = near_scores(wide_step(10), np.full((10, 24), 2.0))
    assert np.isnan(computed["near_edge_precision"])
    assert computed["near_edge_recall"] == 0.0
    assert computed["near_edge_f1"] == 0.0


def test_sobel_magnitude_of_a_ramp_is_eight_times_its_slope():
    rows, columns = np.mgrid[:7, :8]
    ramp = 0.03 * columns + 0.04 * rows
    np.testing.assert_allclose(sobel_magnitude(ramp)[1:-1, 1:-1], 0.4, rtol=1e-12)


def test_canny_edges_of_a_step_are_one_line():
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
