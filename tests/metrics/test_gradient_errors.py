"""Tests of the errors of the depth gradients."""

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.fusion.image_gradients import image_gradients, image_gradients_mask
from dpde_tf.metrics.gradient_errors import GradientErrors


def scores(truth, predicted, mask=None):
    mask = np.ones(truth.shape, bool) if mask is None else mask
    return GradientErrors.values(GradientErrors(truth, mask).sums(predicted))


def test_gradient_errors_worked_by_hand():
    # Errors: 0 3 / 1 0. Differences along x: 3, -1; along y: 1, -3.
    truth = np.array([[1.0, 2.0], [3.0, 4.0]])
    predicted = truth + np.array([[0.0, 3.0], [1.0, 0.0]])
    computed = scores(truth, predicted)
    np.testing.assert_allclose(computed, [8 / 4, np.sqrt(20 / 4)], rtol=1e-15)


def test_gradient_errors_agree_with_image_gradients(rng):
    truth, predicted = rng.uniform(1, 9, (2, 7, 6))
    mask = rng.random((7, 6)) < 0.8
    maps = [tf.constant(m[None, ..., None]) for m in (truth, predicted)]
    known = image_gradients_mask(tf.constant(mask[None, ..., None]))
    errors = []
    for one, other, where in zip(*map(image_gradients, maps), known, strict=True):
        errors.append((other - one).numpy()[where.numpy()])
    errors = np.concatenate(errors)
    expected = [np.mean(abs(errors)), np.sqrt(np.mean(errors**2))]
    np.testing.assert_allclose(scores(truth, predicted, mask), expected, rtol=1e-12)


def test_gradient_errors_do_not_depend_on_a_shift(rng):
    truth = rng.uniform(1, 9, (5, 6))
    np.testing.assert_allclose(scores(truth, truth + 3), 0, atol=1e-14)


def test_gradient_errors_of_single_pixels_are_nan():
    assert np.all(np.isnan(scores(np.ones((1, 1)), np.ones((1, 1)))))
    checks = np.indices((4, 5)).sum(axis=0) % 2 == 0
    assert np.all(np.isnan(scores(np.ones((4, 5)), np.ones((4, 5)), checks)))


def test_gradient_errors_of_scaled_gradients_scale(rng):
    truth = rng.uniform(1, 9, (6, 6))
    ratio = scores(truth, 1.2 * truth) / scores(truth, 1.1 * truth)
    assert ratio == pytest.approx(2.0, rel=1e-12)
