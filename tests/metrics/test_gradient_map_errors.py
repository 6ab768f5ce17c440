"""Tests of the errors of predicted gradient maps."""

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf import losses
from dpde_tf.metrics.gradient_map_errors import GradientMapErrors


def scores(truth, predicted, mask=None, alpha=0.5):
    mask = np.ones(truth.shape, bool) if mask is None else mask
    sums = GradientMapErrors(truth, mask, alpha=alpha).sums(predicted)
    return dict(
        zip(GradientMapErrors.NAMES, GradientMapErrors.values(sums), strict=True)
    )


def test_gradient_map_errors_worked_by_hand():
    # Three pixels: a right angle for length 1, opposite for 2, and equal for 5.
    truth = np.array([[[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]]])
    predicted = np.array([[[0.0, 1.0], [0.0, -1.0], [3.0, 4.0]]])
    computed = scores(truth, predicted)
    assert computed["mean_absolute_error"] == pytest.approx(5 / 6)
    # Errors 1, 1, 0, 3, 0, 0; ln(1 + 1 / 0.5) = ln 3, ln(1 + 3 / 0.5) = ln 7.
    assert computed["log_l1"] == pytest.approx((2 * np.log(3) + np.log(7)) / 6)
    assert computed["direction_error"] == pytest.approx((90 + 2 * 180) / 8)
    assert computed["size_ratio"] == pytest.approx((1 + 1 + 5) / 8)


def test_gradient_map_errors_have_the_loss_of_eq_4(rng):
    truth, predicted = rng.normal(0, 0.3, (2, 6, 7, 2))
    mask = rng.random((6, 7, 2)) < 0.7
    expected = losses.gradient_loss(
        tf.constant(truth[None]),
        tf.constant(predicted[None]),
        alpha=0.2,
        valid_mask=tf.constant(mask[None]),
    )
    computed = scores(truth, predicted, mask, alpha=0.2)["log_l1"]
    assert computed == pytest.approx(float(expected[0]), rel=1e-12)


def test_direction_error_does_not_depend_on_length(rng):
    truth, predicted = rng.normal(0, 1, (2, 5, 6, 2))
    first, second = scores(truth, predicted), scores(truth, 3 * predicted)
    assert first["direction_error"] == pytest.approx(second["direction_error"])
    assert second["size_ratio"] == pytest.approx(3 * first["size_ratio"])


def test_direction_error_of_a_guess_equals_that_of_zero(rng):
    truth, guess = rng.normal(0, 1, (2, 300, 300, 2))
    assert scores(truth, 0 * truth)["direction_error"] == pytest.approx(90)
    assert scores(truth, guess)["direction_error"] == pytest.approx(90, abs=1)


def test_gradient_map_errors_ignore_unmeasured_pixels(rng):
    truth = rng.normal(0, 1, (4, 5, 2))
    predicted = truth.copy()
    mask = np.ones(truth.shape, bool)
    mask[1, 2, 0] = False
    predicted[1, 2] += [7.0, 1.0]
    computed = scores(truth, predicted, mask)
    # The other component is measured, so the direction is not known.
    assert computed["mean_absolute_error"] == pytest.approx(1 / 39)
    assert computed["direction_error"] == pytest.approx(0, abs=1e-6)
    assert computed["size_ratio"] == pytest.approx(1)


def test_gradient_map_errors_of_no_pixels_are_nan():
    empty = np.zeros((2, 2, 2), bool)
    assert np.isnan(
        list(scores(np.ones((2, 2, 2)), np.ones((2, 2, 2)), empty).values())
    ).all()
