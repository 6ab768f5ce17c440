"""Tests of planarity."""

import numpy as np
import pytest

from dpde_tf.metrics.planarity import Planarity


def score(truth, predicted, mask=None):
    mask = np.ones(truth.shape, bool) if mask is None else mask
    return Planarity.values(Planarity(truth, mask).sums(predicted))[0]


def plane(size=(32, 48), slope=(0.004, -0.002)):
    """Depth of a plane seen by a pinhole camera: 1 / depth is affine."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return 1.0 / (0.4 + slope[0] * rows / 2 + slope[1] * columns)


def test_planarity_of_planes_is_0():
    assert score(plane(), plane(slope=(0.0, 0.003))) == pytest.approx(0, abs=1e-12)
    assert score(plane(), 3 * plane()) == pytest.approx(0, abs=1e-12)


def test_planarity_of_a_chequered_surface_by_hand():
    # Inverse depths 1 +- 0.1 in a chequerboard: the best plane is constant 1, since the
    # pattern is orthogonal to 1, rows and columns. Deviations 1 - 1 / (1 +- 0.1).
    signs = (-1.0) ** np.indices((16, 16)).sum(axis=0)
    expected = np.sqrt(((1 - 1 / 1.1) ** 2 + (1 - 1 / 0.9) ** 2) / 2)
    computed = score(np.full((16, 16), 2.0), 1 / (1 + 0.1 * signs))
    assert computed == pytest.approx(expected, rel=1e-12)


def test_planarity_agrees_with_lstsq(rng):
    predicted = plane() * rng.uniform(0.95, 1.05, (32, 48))
    rows, columns = np.mgrid[:16, :16].reshape(2, -1)
    matrix = np.stack([rows, columns, np.ones(256)], axis=1)
    squares = []
    for top, left in np.ndindex(2, 3):
        depth = predicted[16 * top :, 16 * left :][:16, :16].ravel()
        fit = matrix @ np.linalg.lstsq(matrix, 1 / depth)[0]
        squares.append((1 - depth * fit) ** 2)
    computed = score(plane(), predicted)
    assert computed == pytest.approx(np.sqrt(np.mean(squares)), rel=1e-9)
    assert score(plane(), 7 * predicted) == pytest.approx(computed, rel=1e-12)


def test_planarity_counts_flat_blocks_only(rng):
    truth = plane()
    truth[:16, :16] *= rng.uniform(0.9, 1.1, (16, 16))
    mask = np.ones(truth.shape, bool)
    mask[20, 20] = False
    sums = Planarity(truth, mask).sums(truth)
    assert sums[1] == 4 * 256  # Of six, one is rough and one has a hole.


def test_planarity_without_a_flat_block_is_nan(rng):
    assert np.isnan(score(np.ones((15, 40)), np.ones((15, 40))))
    rough = rng.uniform(1, 9, (16, 16))
    assert np.isnan(score(rough, np.ones((16, 16))))
