"""Tests of the losses."""

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf import losses
from dpde_tf.losses import (
    berhu_loss,
    feature_similarity_loss,
    gradient_loss,
    log_depth_loss,
    masked_mean,
)


def _image(values):
    """A batch of one image of one row."""
    return tf.constant(values, tf.float32)[None, None, :, None]


def _value_and_gradient(loss, truth, predicted, **options):
    """Losses of the images, and the gradient of their sum."""
    predicted = tf.convert_to_tensor(predicted)
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        value = loss(tf.convert_to_tensor(truth), predicted, **options)
    return value.numpy(), tape.gradient(value, predicted).numpy()


def _check_gradient_numerically(loss, truth, predicted, pixels, **options):
    """Central differences in float64 at each of the given pixels."""
    _, gradient = _value_and_gradient(loss, truth, predicted, **options)
    step = 1e-6
    for pixel in pixels:
        change = np.zeros_like(predicted)
        change[pixel] = step
        ends = [
            loss(tf.constant(truth), tf.constant(predicted + c), **options).numpy()
            for c in (change, -change)
        ]
        slope = np.sum(ends[0] - ends[1]) / (2 * step)
        # The quotient is exact to 1e-16 * 10 / 1e-6.
        assert gradient[pixel] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_masked_mean_ignores_invalid_pixels():
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


def test_berhu_loss_worked_gradient():
    # The sign of e below c = 2, and e / c = 5 at the maximum, which sets c; 3 pixels.
    _, gradient = _value_and_gradient(
        berhu_loss, _image([1.0, 2.0, 3.0]), _image([1.5, 1.0, 13.0])
    )
    assert gradient.ravel() == pytest.approx([1 / 3, -1 / 3, 5 / 3])


def test_berhu_loss_is_continuous_at_c():
    # At |e| = c, both branches are c; just above, the quadratic branch applies.
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


@pytest.mark.parametrize("c_over", ["image", "batch"])
@pytest.mark.parametrize(
    ("truth", "predicted"),
    [
        ([[1.0, 2.0]], [[1.0, 2.0]]),  # perfect
        ([[0.0, 0.0]], [[1.0, -2.0]]),  # nothing is measured
        ([[0.0, 0.0]], [[0.0, 0.0]]),
        ([[0.0, 0.0]], [[np.nan, np.inf]]),
    ],
)
def test_berhu_loss_and_gradient_are_0_without_an_error(c_over, truth, predicted):
    maps = (tf.constant(m)[..., None, None] for m in (truth, predicted))
    loss, gradient = _value_and_gradient(berhu_loss, *maps, c_over=c_over)
    assert loss.tolist() == [0.0]
    assert not gradient.any()


@pytest.mark.parametrize("c_over", ["image", "batch"])
def test_berhu_loss_of_perfect_and_unmeasured_images(c_over):
    truth = tf.constant([[2.0, 2.0], [0.0, 0.0], [3.0, 3.0]])[..., None, None]
    predicted = tf.constant([[2.0, 2.0], [7.0, 9.0], [4.0, 8.0]])[..., None, None]
    loss, gradient = _value_and_gradient(berhu_loss, truth, predicted, c_over=c_over)
    # |e| = 1 and 5, c = 1: (1 + (25 + 1) / 2) / 2 = 7, gradients 1 / 2 and 5 / 2.
    assert loss == pytest.approx([0.0, 0.0, 7.0])
    expected = np.array([[0, 0], [0, 0], [0.5, 2.5]])
    assert gradient[..., 0, 0] == pytest.approx(expected)


@pytest.mark.parametrize("c_over", ["image", "batch"])
@pytest.mark.parametrize("explicit", [False, True])
def test_berhu_loss_ignores_unmeasured_pixels(c_over, explicit):
    # Second image: one pixel of 20 m of error, which sets c of the batch.
    truth = np.array([[[1.0, 0.0, 3.0]], [[9.0, 9.0, 9.0]]], np.float32)[..., None]
    predicted = np.array([[[1.5, 0, 1.0]], [[9.5, 8.0, 29.0]]], np.float32)[..., None]
    mask = tf.constant(truth > 0) if explicit else None
    results = []
    for at_hole in (0.0, 2.0, -1e6, np.inf, np.nan):
        predicted[0, 0, 1] = at_hole
        if explicit:  # The truth may then have any value at these pixels, too.
            truth[0, 0, 1] = at_hole
        results.append(
            _value_and_gradient(
                berhu_loss, truth, predicted, valid_mask=mask, c_over=c_over
            )
        )
    for loss, gradient in results:
        assert np.array_equal(loss, results[0][0])
        assert np.array_equal(gradient, results[0][1])
        assert gradient[0, 0, 1] == 0
        assert np.count_nonzero(gradient) == 5
    # c = 0.4 in the first image alone: (0.5^2 + 0.4^2) / 0.8 and (2^2 + 0.4^2) / 0.8;
    # c = 4 in the batch: 0.5 and 2.
    expected = (0.5125 + 5.2) / 2 if c_over == "image" else 1.25
    assert results[0][0][0] == pytest.approx(expected)


@pytest.mark.parametrize("c_over", ["image", "batch"])
def test_berhu_loss_gradient_numerically(rng, c_over):
    # c is constant in the gradient, so the pixels that set it are not changed.
    truth = rng.uniform(1, 5, [2, 3, 4, 1])
    predicted = truth + rng.uniform(-1, 1, truth.shape)
    predicted[:, 0, 0] = truth[:, 0, 0] + [[4.0], [3.0]]
    truth[0, 2, 1] = 0.0
    pixels = [p for p in np.ndindex(truth.shape) if p[1:3] != (0, 0)]
    _check_gradient_numerically(berhu_loss, truth, predicted, pixels, c_over=c_over)
    error = np.abs(predicted - truth)[truth > 0]
    assert np.sum(error > 0.8) > 2  # of both branches
    assert np.sum(error < 0.6) > 2


def test_berhu_loss_rejects_other_values_and_shapes():
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


def test_feature_similarity_loss_ignores_unmeasured_pixels(rng):
    truth = rng.uniform(1, 9, [1, 32, 32, 1]).astype(np.float32)
    truth[0, 10:14, 10:14] = 0.0
    predicted = truth + rng.normal(0, 0.5, truth.shape).astype(np.float32)
    truth = tf.constant(truth)
    other = predicted.copy()
    other[0, 10:14, 10:14] = np.nan
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


def test_feature_similarity_loss_without_measurement_is_zero(rng):
    nothing = tf.zeros([1, 32, 33, 1])
    predicted = rng.uniform(1, 9, nothing.shape).astype(np.float32)
    loss, gradient = _value_and_gradient(
        feature_similarity_loss, nothing, predicted, max_depth=10.0
    )
    assert loss == pytest.approx([0.0], abs=1e-6)
    assert not gradient.any()


def test_log_depth_loss_worked_value():
    # d = log 2, 0, log 4, that is 0, 1 and 2 times log 2: a mean of squares of 5 / 3
    # and a square of the mean of 1.
    truth, predicted = _image([1.0, 2.0, 3.0]), _image([2.0, 2.0, 12.0])
    for scale_invariance, square in ((0.0, 5 / 3), (0.5, 7 / 6), (1.0, 2 / 3)):
        loss = log_depth_loss(truth, predicted, scale_invariance=scale_invariance)
        assert loss.numpy() == pytest.approx([np.log(2.0) * np.sqrt(square)])


def test_log_depth_loss_without_invariance_is_the_rms_of_the_logarithm(rng):
    truth, predicted = rng.uniform(1, 9, [2, 3, 6, 7, 1])
    mask = rng.uniform(size=truth.shape) < 0.7
    loss = log_depth_loss(
        *map(tf.constant, (truth, predicted)), valid_mask=mask, scale_invariance=0.0
    )
    for image, value in enumerate(loss.numpy()):
        d = (np.log(predicted) - np.log(truth))[image][mask[image]]
        assert value == pytest.approx(np.sqrt(np.mean(d**2)))


def test_log_depth_loss_of_a_common_factor(rng):
    truth = tf.constant(rng.uniform(1, 9, [1, 6, 7, 1]))
    for scale_invariance, share in ((0.0, 1.0), (0.75, 0.5), (1.0, 0.0)):
        loss = log_depth_loss(truth, 3.0 * truth, scale_invariance=scale_invariance)
        assert loss.numpy() == pytest.approx([share * np.log(3.0)], abs=1e-9)


def test_log_depth_loss_gradient_numerically(rng):
    truth, predicted = rng.uniform(1, 9, [2, 2, 4, 5, 1])
    truth[0, 0, 0] = 0.0
    pixels = [(0, 1, 2, 0), (1, 0, 0, 0), (0, 0, 0, 0)]
    _check_gradient_numerically(log_depth_loss, truth, predicted, pixels)


@pytest.mark.parametrize("truth", [[1.0, 2.0], [0.0, 0.0]])
def test_log_depth_loss_and_gradient_are_0_without_an_error(truth):
    predicted = _image([1.0, 2.0] if truth[0] else [np.nan, -1.0])
    loss, gradient = _value_and_gradient(log_depth_loss, _image(truth), predicted)
    np.testing.assert_array_equal(loss, [0.0])
    np.testing.assert_array_equal(gradient, np.zeros([1, 1, 2, 1]))


def test_log_depth_loss_of_depth_that_has_no_logarithm():
    truth, predicted = _image([1.0, 1.0]), _image([-2.0, 0.0])
    loss, gradient = _value_and_gradient(
        log_depth_loss, truth, predicted, scale_invariance=0.0
    )
    assert loss == pytest.approx([np.log(1000.0)])
    assert np.isfinite(gradient).all()


def test_log_depth_loss_rejects_a_share_outside_0_and_1():
    one = tf.ones([1, 2, 2, 1])
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]. Received: 1.5"):
        log_depth_loss(one, one, scale_invariance=1.5)


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


def test_gradient_loss_worked_gradient():
    # d ln(1 + |e| / alpha) = sign(e) / (|e| + alpha): 1 / 1, -1 / 2, and 0 at 0.
    predicted = _image([0.5, -1.5, 0.0])
    _, gradient = _value_and_gradient(gradient_loss, tf.zeros([1, 1, 3, 1]), predicted)
    assert gradient.ravel() == pytest.approx([1 / 3, -1 / 6, 0])


def test_gradient_loss_gradient_numerically(rng):
    truth, predicted = rng.normal(size=[2, 2, 3, 4, 2])
    mask = tf.constant(rng.random(truth.shape) < 0.7)
    _check_gradient_numerically(
        gradient_loss, truth, predicted, np.ndindex(truth.shape), valid_mask=mask
    )


def test_gradient_loss_ignores_unmeasured_pixels():
    mask = tf.constant([[[[True, False]]]])
    results = []
    for at_hole in (0.0, -1e6, np.inf, np.nan):
        truth, predicted = [[[[0.5, at_hole]]]], [[[[0.75, at_hole]]]]
        results.append(
            _value_and_gradient(gradient_loss, truth, predicted, valid_mask=mask)
        )
    for loss, gradient in results:
        assert loss == pytest.approx([np.log(1.5)])  # ln(1 + 0.25 / 0.5)
        assert gradient.ravel() == pytest.approx([1 / 0.75, 0.0])


@pytest.mark.parametrize("measured", [True, False])
def test_gradient_loss_and_gradient_are_0_without_an_error(measured):
    truth = tf.zeros([1, 2, 2, 2])
    predicted = truth if measured else truth + np.nan
    mask = tf.fill([1, 2, 2, 2], measured)
    loss, gradient = _value_and_gradient(
        gradient_loss, truth, predicted, valid_mask=mask
    )
    assert loss.tolist() == [0.0]
    assert not gradient.any()


def test_gradient_loss_rejects_alpha():
    with pytest.raises(
        ValueError, match=r"`alpha` must be finite and > 0. Received: 0"
    ):
        gradient_loss(tf.zeros([1, 1, 1, 2]), tf.zeros([1, 1, 1, 2]), alpha=0)


def test_loss_classes_use_their_c():
    truth = tf.ones([2, 1, 1, 1])
    predicted = truth + tf.constant([1.0, 10.0])[:, None, None, None]
    # c is a fifth of the largest error: 0.2 and 2, or 2 for both images. Above c the
    # loss is (e^2 + c^2) / 2 c.
    for c_over, values in (("image", [2.6, 26.0]), ("batch", [1.0, 26.0])):
        loss = losses.DepthLoss(lambda_fsim=0.0, berhu_c=c_over)
        terms = loss.terms(truth, predicted)
        assert terms["berhu"].numpy() == pytest.approx(values)
        mean = losses.BerHu(c_over)(truth, predicted)
        assert float(mean) == pytest.approx(np.mean(values))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: losses.LogGradient(alpha=float("nan")),
            "`alpha` must be finite and > 0",
        ),
        (lambda: losses.FeatureSimilarity(max_depth=0.0), "`max_depth` must be finite"),
        (lambda: losses.DepthLoss(max_depth=-1.0), "`max_depth` must be finite"),
        (lambda: losses.DepthLoss(berhu_c="foo"), "`berhu_c` must be 'image' or 'b"),
        (lambda: losses.DepthLoss(max_depth=None), "`max_depth` must be finite"),
        (lambda: losses.DepthLoss(max_depth=float("inf")), "`max_depth` must be fini"),
        (lambda: losses.DepthLoss(lambda_fsim=-1.0), "`lambda_fsim` must be finite"),
        (lambda: losses.DepthLoss(0, 0), "`lambda_log` must be > 0. Received: 0 for"),
        (lambda: losses.BerHu("foo"), "`c_over` must be 'image' or 'batch'"),
    ],
)
def test_losses_refuse_wrong_constants_when_they_are_made(make, message):
    with pytest.raises(ValueError) as caught:
        make()
    assert message in str(caught.value)


def test_holes_that_are_nan_change_no_loss_and_no_gradient(rng):
    truth = rng.uniform(1, 4, (1, 40, 40, 1)).astype(np.float32)
    predicted = truth + rng.normal(0, 0.2, truth.shape).astype(np.float32)
    holes = rng.uniform(size=truth.shape) < 0.1
    options = {"feature_similarity_loss": {"max_depth": 10.0}}
    for name in (
        *("berhu_loss", "feature_similarity_loss", "log_depth_loss"),
        *("absolute_loss", "difference_loss"),
    ):
        loss = getattr(losses, name)
        results = [
            _value_and_gradient(
                loss, np.where(holes, hole, truth), predicted, **options.get(name, {})
            )
            for hole in (0.0, np.nan)
        ]
        for expected, found in zip(*results, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=name)
