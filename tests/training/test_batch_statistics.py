"""Tests of the statistics of batch normalisation without augmentation."""

import keras
import numpy as np
import pytest

from dpde_tf.models.batch_normalization import FusedBatchNormalization
from dpde_tf.training.batch_statistics import recompute_batch_statistics


@pytest.fixture(params=[keras.layers.BatchNormalization, FusedBatchNormalization])
def network(request):
    image = keras.Input((None, None, 3))
    x = request.param(momentum=0.9, name="first")(image)
    return keras.Model(image, request.param(momentum=0.8, name="second")(x))


def test_statistics_are_the_means_over_the_batches(network, rng):
    batches = [rng.uniform(size=(2, 4, 5, 3)).astype(np.float32) for _ in range(3)]
    recompute_batch_statistics(network, batches)
    first, second = network.get_layer("first"), network.get_layer("second")
    means = np.mean([batch.mean((0, 1, 2)) for batch in batches], axis=0)
    variances = np.mean([batch.var((0, 1, 2)) for batch in batches], axis=0)
    np.testing.assert_allclose(first.moving_mean, means, rtol=1e-5)
    np.testing.assert_allclose(first.moving_variance, variances, rtol=1e-5)
    # What the first layer has normalised.
    np.testing.assert_allclose(second.moving_mean, np.zeros(3), atol=1e-5)
    np.testing.assert_allclose(second.moving_variance, np.ones(3), rtol=0.02)
    assert (first.momentum, second.momentum) == (0.9, 0.8)
    for weights in network.trainable_weights:
        assert set(np.unique(weights)) <= {0.0, 1.0}


def test_no_batch_is_refused_and_changes_nothing(network):
    with pytest.raises(ValueError, match=r"`batches` must hold at least one"):
        recompute_batch_statistics(network, [])
    assert network.get_layer("first").momentum == 0.9
    np.testing.assert_array_equal(network.get_layer("first").moving_mean, np.zeros(3))
