"""Tests of the learning-rate schedules and the optimisers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.config import TrainingConfig
from dpde_tf.training.fused_optimizers import FusedAdamW, FusedSGD
from dpde_tf.training.optimization import (
    LearningRate,
    build_optimizer,
)


def _optimizer(**changes):
    config = TrainingConfig(**changes)
    return build_optimizer(config, LearningRate.of(config, 100))


def test_learning_rate_of_the_paper():
    # 30 epochs: 1e-2, "halved after 10 epochs", "in the last 10 epochs ... 1e-3".
    rate = LearningRate(1e-2, "paper", epochs=30, steps_per_epoch=7)
    epochs = {0: 1e-2, 9: 1e-2, 10: 5e-3, 19: 5e-3, 20: 1e-3, 29: 1e-3}
    for epoch, expected in epochs.items():
        for step in (7 * epoch, 7 * epoch + 6):
            assert float(rate(step)) == pytest.approx(expected)


def test_learning_rate_thirds_of_few_epochs():
    rate = LearningRate(1.0, "paper", epochs=4, steps_per_epoch=1)
    assert [round(float(rate(step)), 6) for step in range(4)] == [1, 1, 0.5, 0.1]
    assert float(LearningRate(1.0, "paper", epochs=1, steps_per_epoch=9)(8)) == 1.0


def test_learning_rate_cosine_and_warmup():
    rate = LearningRate(2.0, "cosine", epochs=2, steps_per_epoch=50, warmup_steps=10)
    assert float(rate(0)) == pytest.approx(0.2)
    assert float(rate(50)) == pytest.approx(1.0)
    assert float(rate(100)) == pytest.approx(0.0, abs=1e-6)


def test_learning_rate_is_restored_from_its_config():
    rate = LearningRate(2.0, "cosine", epochs=2, steps_per_epoch=50, warmup_steps=10)
    other = LearningRate.from_config(rate.get_config())
    for step in (0, 3, 33, 99):
        assert float(other(step)) == float(rate(step))


def test_learning_rate_rejects_other_values():
    with pytest.raises(ValueError, match=r"paper or cosine. Received: 'step'"):
        LearningRate(1.0, "step", 1, 1)


def test_build_optimizer_sgd_with_momentum_by_hand():
    optimizer = _optimizer(learning_rate=0.1)
    weight = keras.Variable([1.0])
    optimizer.build([weight])
    # v = 0.9 v - 0.1 g: -0.1, then -0.19.
    for expected in (0.9, 0.71):
        optimizer.apply([tf.constant([1.0])], [weight])
        assert weight.numpy() == pytest.approx([expected])


@pytest.mark.parametrize(
    ("kinds", "options"),
    [
        ((keras.optimizers.SGD, FusedSGD), {"momentum": 0.9}),
        ((keras.optimizers.SGD, FusedSGD), {"momentum": 0.9, "nesterov": True}),
        ((keras.optimizers.SGD, FusedSGD), {}),
        ((keras.optimizers.AdamW, FusedAdamW), {}),
        ((keras.optimizers.AdamW, FusedAdamW), {"amsgrad": True, "beta_1": 0.8}),
    ],
)
def test_fused_optimizers_equal_those_of_keras(kinds, options):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(7, 5)).astype(np.float32)
    gradients = rng.normal(size=(6, 7, 5)).astype(np.float32)
    results = []
    for kind in kinds:
        weight = keras.Variable(start)
        optimizer = kind(learning_rate=0.1, weight_decay=0.01, **options)
        optimizer.build([weight])
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient)], [weight])
        results.append(weight.numpy())
    # Six sums of a few float32 terms in another order: some units in the last place.
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)


def test_build_optimizer_clips_the_global_norm():
    optimizer = _optimizer(learning_rate=1.0, momentum=0.0, clip_norm=5.0)
    weight = keras.Variable([0.0, 0.0])
    optimizer.build([weight])
    optimizer.apply([tf.constant([30.0, 40.0])], [weight])
    np.testing.assert_allclose(weight, [-3.0, -4.0], rtol=1e-6)


def test_build_optimizer_adamw_with_and_without_decay():
    # The first step of Adam is the learning rate; decay adds rate * decay * weight.
    for decay, expected in ((0.0, 1.9), (0.5, 1.8)):
        optimizer = _optimizer(optimizer="adamw", learning_rate=0.1, weight_decay=decay)
        weight = keras.Variable([2.0])
        optimizer.build([weight])
        optimizer.apply([tf.constant([3.0])], [weight])
        assert weight.numpy() == pytest.approx([expected], abs=1e-5)


def test_build_optimizer_scales_the_loss_in_float16():
    keras.config.set_dtype_policy("mixed_float16")
    optimizer = _optimizer()
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


def test_build_optimizer_rejects_other_values():
    with pytest.raises(ValueError, match=r"sgd or adamw. Received: 'adam'"):
        _optimizer(optimizer="adam")
