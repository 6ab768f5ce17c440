"""Tests of the losses."""

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.losses import (
    berhu_loss,
    feature_similarity_loss,
    gradient_loss,
    masked_mean,
)


def _image(values):
    """A batch of one image of one row."""
    return tf.constant(values, tf.float32)[None, None, :, None]


def test_masked_mean_ignores_what_stands_at_invalid_pixels():
    values = _image([1.0, np.nan, 3.0])
    mask = _image([1, 0, 1]) > 0
    assert masked_mean(values, mask).numpy() == [2.0]


def test_masked_mean_of_no_pixel_is_zero():
    assert masked_mean(_image([5.0]), _image([0]) > 0).numpy() == [0.0]


def test_berhu_loss_worked_value():
    # |e| = 0.5, 1, 10: c = 2, so 0.5 + 1 + (100 + 4) / 4 = 27.5, over 3 pixels.
    truth = _image([1.0, 2.0, 3.0])
    predicted = _image([1.5, 1.0, 13.0])
    assert berhu_loss(truth, predicted).numpy() == pytest.approx([27.5 / 3])


def test_berhu_loss_is_continuous_at_c():
    # At |e| = c both branches are c; just above it the quadratic one decides.
    truth = _image([1.0, 1.0, 1.0])
    for error in (1.0, 1.0 + 1e-6):
        loss = berhu_loss(truth, truth + _image([5.0, error, 0.0])).numpy()[0]
        assert loss == pytest.approx((13.0 + 1.0) / 3, rel=1e-5)


def test_berhu_loss_c_of_image_and_of_batch():
    truth = tf.ones([2, 1, 1, 1])
    predicted = truth + tf.constant([1.0, 10.0])[:, None, None, None]
    # Per image |e| = 5 c everywhere: (25 + 1) c / 2 = 13 c with c = 0.2 and 2.
    assert berhu_loss(truth, predicted).numpy() == pytest.approx([2.6, 26.0])
    # c = 2 for both: the first image is in the linear part.
    batch = berhu_loss(truth, predicted, c_over="batch").numpy()
    assert batch == pytest.approx([1.0, 26.0])


def test_berhu_loss_perfect_prediction_has_no_gradient():
    truth = tf.constant([1.0, 2.0])[None, None, :, None]
    with tf.GradientTape() as tape:
        tape.watch(truth)
        predicted = tf.identity(truth)
        tape.watch(predicted)
        loss = berhu_loss(truth, predicted)
    assert loss.numpy() == [0.0]
    assert not tape.gradient(loss, predicted).numpy().any()


def test_berhu_loss_unmeasured_pixel_has_no_influence():
    truth = _image([1.0, 0.0, 3.0])
    results = []
    for at_hole in (0.0, 1e6, np.nan):
        predicted = _image([1.5, at_hole, 1.0])
        with tf.GradientTape() as tape:
            tape.watch(predicted)
            loss = berhu_loss(truth, predicted)
        results.append((loss.numpy()[0], tape.gradient(loss, predicted).numpy()[0, 0]))
    for loss, gradient in results:
        assert loss == results[0][0]
        assert np.array_equal(gradient, results[0][1])
        assert gradient[1] == 0


def test_berhu_loss_gradient_numerically(rng):
    # c is constant in the gradient, so the pixel that sets it stays as it is.
    truth = rng.uniform(1, 5, [1, 3, 4, 1])
    predicted = truth + rng.uniform(-1, 1, truth.shape)
    predicted[0, 0, 0] = truth[0, 0, 0] + 4.0
    direction = rng.normal(size=truth.shape)
    direction[0, 0, 0] = 0.0
    variable = tf.constant(predicted)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        loss = berhu_loss(tf.constant(truth), variable)
    slope = np.sum(tape.gradient(loss, variable).numpy() * direction)
    step = 1e-6
    ends = [
        berhu_loss(tf.constant(truth), tf.constant(predicted + s * direction)).numpy()
        for s in (step, -step)
    ]
    assert slope == pytest.approx((ends[0] - ends[1])[0] / (2 * step), rel=1e-6)


def test_berhu_loss_refuses_other_words_and_shapes():
    one = tf.ones([1, 1, 1, 1])
    with pytest.raises(ValueError, match=r"'image' or 'batch'. Received: 'pixel'"):
        berhu_loss(one, one, c_over="pixel")
    with pytest.raises(ValueError, match=r"same shape"):
        berhu_loss(one, tf.ones([1, 1, 2, 1]))


def test_feature_similarity_loss_of_equal_maps_is_zero(rng):
    depth = tf.constant(rng.uniform(1, 9, [2, 32, 40, 1]), tf.float32)
    loss = feature_similarity_loss(depth, depth, max_depth=10.0)
    # FSIM of identical maps is 1 to 1e-6 in float32.
    assert np.abs(loss.numpy()).max() < 2e-6


def test_feature_similarity_loss_unmeasured_pixel_has_no_influence(rng):
    truth = rng.uniform(1, 9, [1, 32, 32, 1]).astype(np.float32)
    truth[0, 10:14, 10:14] = 0.0
    predicted = truth + rng.normal(0, 0.5, truth.shape).astype(np.float32)
    truth = tf.constant(truth)
    other = predicted.copy()
    other[0, 10:14, 10:14] = 7.0
    values = []
    for one in (predicted, other):
        variable = tf.constant(one)
        with tf.GradientTape() as tape:
            tape.watch(variable)
            loss = feature_similarity_loss(truth, variable, max_depth=10.0)
        gradient = tape.gradient(loss, variable).numpy()
        assert np.isfinite(gradient).all()
        assert not gradient[0, 10:14, 10:14].any()
        values.append(loss.numpy()[0])
    assert values[0] == values[1]
    assert values[0] > 0.001


def test_gradient_loss_worked_value():
    # |e| = 0, 0.5 and 1.5 with alpha = 0.5: ln 1, ln 2, ln 4; their mean is ln 2.
    truth = tf.zeros([1, 1, 3, 1])
    predicted = _image([0.0, 0.5, -1.5])
    assert gradient_loss(truth, predicted).numpy() == pytest.approx([np.log(2.0)])


def test_gradient_loss_is_eq_4_up_to_its_constant(rng):
    truth, predicted = rng.normal(size=[2, 2, 3, 4, 2])
    alpha = 0.3
    plain = np.log(np.abs(predicted - truth) + alpha).mean(axis=(1, 2, 3))
    loss = gradient_loss(tf.constant(truth), tf.constant(predicted), alpha=alpha)
    assert loss.numpy() == pytest.approx(plain - np.log(alpha), rel=1e-12)


def test_gradient_loss_masks_and_perfect_prediction():
    truth = tf.constant([[[[0.5, 1.0]]]])
    predicted = tf.constant([[[[0.5, np.nan]]]])
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        loss = gradient_loss(
            truth, predicted, valid_mask=tf.constant([[[[True, False]]]])
        )
    assert loss.numpy() == [0.0]
    assert not tape.gradient(loss, predicted).numpy().any()


def test_gradient_loss_refuses_alpha():
    with pytest.raises(ValueError, match=r"`alpha` must be positive. Received: 0"):
        gradient_loss(tf.zeros([1, 1, 1, 2]), tf.zeros([1, 1, 1, 2]), alpha=0)
