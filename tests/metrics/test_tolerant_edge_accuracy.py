"""Tests of edge precision, recall and F1 with a tolerance."""

import numpy as np
import pytest

from dpde_tf.metrics.edge_accuracy import EdgeAccuracy
from dpde_tf.metrics.tolerant_edge_accuracy import TolerantEdgeAccuracy


def scores(truth, predicted, mask=None):
    mask = np.ones(truth.shape, bool) if mask is None else mask
    measure = TolerantEdgeAccuracy(truth, mask)
    values = TolerantEdgeAccuracy.values(measure.sums(predicted))
    return dict(zip(TolerantEdgeAccuracy.NAMES, values.tolist(), strict=True))


def step(column, size=(12, 24)):
    depth = np.full(size, 2.0)
    depth[:, column:] += 0.5
    return depth


@pytest.mark.parametrize(
    ("shift", "expected"),
    # An edge has two columns: with a shift of 3, one of them has a counterpart within
    # 2 pixels; without a tolerance, none has.
    [(0, 1.0), (1, 1.0), (2, 1.0), (3, 0.5), (4, 0.0)],
)
def test_a_displaced_step_is_a_hit_within_two_pixels(shift, expected):
    computed = scores(step(10), step(10 + shift))
    assert computed["near_edge_precision"] == expected
    assert computed["near_edge_recall"] == expected
    assert computed["near_edge_f1"] == pytest.approx(expected)


def test_the_tolerance_is_a_disc():
    truth, predicted = np.full((2, 15, 15), 2.0)
    truth[7, 7] = predicted[9, 9] = 3.0
    edges = [
        (int(row), int(column))
        for row, column in zip(
            *np.nonzero(TolerantEdgeAccuracy(truth, truth > 0)._edges), strict=True
        )
    ]
    found = [(row + 2, column + 2) for row, column in edges]
    near = [any(np.hypot(a - c, b - d) <= 2 for c, d in edges) for a, b in found]
    assert scores(truth, predicted)["near_edge_precision"] == np.mean(near)
    assert 0 < np.mean(near) < 1


def test_without_tolerance_the_hits_are_fewer(rng):
    truth = np.cumsum(rng.normal(0, 0.05, (40, 50)), axis=1) + 4.0
    predicted = np.roll(truth, 1, axis=1)
    exact = EdgeAccuracy(truth, truth > 0)
    values = dict(
        zip(EdgeAccuracy.NAMES, EdgeAccuracy.values(exact.sums(predicted)), strict=True)
    )
    near = scores(truth, predicted)
    for name in ("precision", "recall", "f1"):
        assert near[f"near_edge_{name}"] > values[f"edge_{name}_0.5"]


def test_f1_is_the_harmonic_mean(rng):
    truth, predicted = rng.uniform(2, 2.4, (2, 30, 40))
    computed = scores(truth, predicted)
    precision, recall = computed["near_edge_precision"], computed["near_edge_recall"]
    f1 = 2 * precision * recall / (precision + recall)
    assert computed["near_edge_f1"] == pytest.approx(f1)


def test_border_and_holes_are_ignored():
    truth = step(10)
    mask = np.ones(truth.shape, bool)
    mask[5, 10] = False
    sums = TolerantEdgeAccuracy(truth, mask).sums(truth)
    # Ten rows within the border, two columns, without the 3 x 2 pixels at the hole.
    assert sums.tolist() == [14.0] * 4


def test_maps_without_edges_have_no_values():
    flat = np.full((8, 9), 2.0)
    assert all(np.isnan(value) for value in scores(flat, flat).values())
    computed = scores(step(10), np.full((12, 24), 2.0))
    assert np.isnan(computed["near_edge_precision"])
    assert computed["near_edge_recall"] == 0.0
    assert computed["near_edge_f1"] == 0.0
