"""Tests of the uncertainty of depth."""

import dataclasses

import keras
import numpy as np
import pytest
import scipy.optimize

from dpde_tf.config import UncertaintyConfig
from dpde_tf.inference.photographs import prediction_picture
from dpde_tf.inference.predictor import DepthPredictor
from dpde_tf.inference.uncertainty import expected_error, fit_uncertainty

CONFIG = UncertaintyConfig(0.1, 0.5, 0.02)


def test_expected_error_by_hand():
    found = expected_error(np.float32([2.0, 3.0]), np.float32([3.0, 3.0]), CONFIG)
    # 0.1 + 0.5 * 1 + 0.02 * 2.5, and 0.1 + 0.02 * 3.
    np.testing.assert_allclose(found, [0.65, 0.16], rtol=1e-6)


def test_fit_finds_the_coefficients_of_a_mean_error(rng):
    images = []
    for _ in range(4):
        depth, other = rng.uniform(1, 6, (2, 20_000)).astype(np.float32)
        mean = expected_error(depth, other, CONFIG).numpy()
        images.append((depth, other, mean * rng.uniform(0, 2, mean.shape)))
    found = fit_uncertainty(*zip(*images, strict=True))
    assert found.uncertainty_constant == pytest.approx(0.1, abs=0.05)
    assert found.uncertainty_per_difference == pytest.approx(0.5, abs=0.01)
    assert found.uncertainty_per_depth == pytest.approx(0.02, abs=0.01)


def test_fit_has_no_negative_coefficient(rng):
    depth, other = rng.uniform(1, 6, (2, 1000)).astype(np.float32)
    error = 3.0 - 0.4 * (depth + other) / 2  # Falls with the depth.
    found = fit_uncertainty([depth], [other], [error])
    assert found.uncertainty_per_depth == 0.0 and found.uncertainty_constant > 0
    terms = np.stack([np.ones(1000), abs(depth - other), (depth + other) / 2], axis=1)
    expected, _ = scipy.optimize.nnls(terms.astype(float), error.astype(float))
    np.testing.assert_allclose(dataclasses.astuple(found), expected, atol=1e-4)


def test_fit_needs_pixels():
    empty = np.zeros(0, np.float32)
    with pytest.raises(ValueError, match="needs pixels with true depth"):
        fit_uncertainty([empty], [empty], [empty])


def test_predictor_with_a_context_network_gives_uncertainty(rng):
    image = keras.Input((None, None, 3))
    depth = keras.Model(image, keras.layers.Conv2D(1, 1)(image))
    context = keras.Model(image, keras.layers.Conv2D(1, 3, padding="same")(image))
    batch = rng.uniform(0, 1, [1, 6, 8, 3]).astype(np.float32)
    assert "uncertainty" not in DepthPredictor(depth).predict(batch)
    predictor = DepthPredictor(depth, context_network=context, uncertainty=CONFIG)
    maps = predictor.predict(batch)
    expected = expected_error(maps["depth"], maps["context_depth"], CONFIG)
    np.testing.assert_allclose(maps["uncertainty"], expected, rtol=1e-5)
    maps = {key: values[0] for key, values in maps.items()}
    picture = prediction_picture(np.zeros([6, 8, 3], np.uint8), maps)
    del maps["uncertainty"]
    smaller = prediction_picture(np.zeros([6, 8, 3], np.uint8), maps)
    assert picture.shape[1] > smaller.shape[1]
