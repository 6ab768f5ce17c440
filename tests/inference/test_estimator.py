"""Tests of `DepthEstimator` with networks that need no weights."""

import numpy as np
import pytest

from dpde_tf.inference.estimator import DepthEstimator
from tests.fixtures.prediction_program import BrightnessPredictor


@pytest.fixture
def estimator():
    return DepthEstimator(BrightnessPredictor(), (60, 60), "")


def test_estimator_predicts_at_the_size_of_each_image(estimator):
    dark, white = (80, 180, 3), (80, 50, 3)
    images = [np.full(dark, 51, np.uint8), np.full(white, 1.0, np.float32)]
    for image, depth in zip(images, (2.0, 10.0), strict=True):
        found = estimator.predict(image)
        assert found.depth.shape == image.shape[:2]
        np.testing.assert_allclose(found.depth, depth, rtol=1e-6)
    # 180x80 has four times the pixels of the training.
    assert estimator._predictor.shapes[0] == (1, 40, 90, 3)
    several = estimator.predict(images)
    assert [one.depth.shape for one in several] == [(80, 180), (80, 50)]


@pytest.mark.parametrize("shape", [(0, 10, 3), (3, 40, 90), (40, 90, 4)])
def test_image_is_checked_before_its_camera(estimator, shape):
    with pytest.raises(ValueError, match=r"`image` must be RGB images, \[B, H, W, 3\]"):
        estimator.predict(np.zeros(shape, np.uint8), focal=5.0)
