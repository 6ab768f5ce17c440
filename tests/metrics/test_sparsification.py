"""Tests of dpde_tf.metrics.sparsification."""

import numpy as np
import pytest

from dpde_tf.metrics.sparsification import SHARES, sparsification


def test_curve_of_ten_pixels_by_hand():
    error = np.float32([0, 0, 0, 0, 0, 0, 0, 0, 3, 4])
    doubt = np.float32([1, 1, 1, 1, 1, 1, 1, 1, 5, 4])
    found = sparsification(error, doubt)
    # All; without the pixel of 3 m; without both. The oracle takes 4 m out first.
    at = [np.argmin(np.abs(SHARES - share)) for share in (0.0, 0.1, 0.2)]
    np.testing.assert_allclose(found.curve[at], [np.sqrt(2.5), np.sqrt(16 / 9), 0])
    np.testing.assert_allclose(found.oracle[at], [np.sqrt(2.5), 1.0, 0])
    assert found.ause > 0


def test_areas_by_hand():
    # One of 100 pixels is wrong by 10 m: RMS 1 m, and 0 without it.
    error, doubt = np.zeros((2, 100))
    error[3] = doubt[3] = 10.0
    assert sparsification(error, doubt).aurg == pytest.approx(0.985)  # 0.01 / 2 + 0.98
    doubt[5] = 20.0  # Removed before it: sqrt(100 / 99) m at a share of 1 %.
    expected = 0.01 * np.sqrt(100 / 99)
    assert sparsification(error, doubt).ause == pytest.approx(expected)


def test_uncertainty_that_is_the_error_is_perfect(rng):
    error = rng.normal(size=1000)
    found = sparsification(error, np.abs(error))
    assert found.ause == 0.0 and found.aurg > 0.3


def test_order_by_chance_gains_nothing(rng):
    error = rng.normal(size=200_000)
    assert sparsification(error, rng.uniform(size=error.size)).aurg == (
        pytest.approx(0.0, abs=0.01)
    )


def test_wrong_order_loses(rng):
    error = rng.normal(size=1000)
    assert sparsification(error, -np.abs(error)).aurg < -0.1


def test_no_pixels_are_refused():
    with pytest.raises(ValueError, match=r"same pixels, one at least. Received: \(0,"):
        sparsification(np.zeros(0), np.zeros(0))
