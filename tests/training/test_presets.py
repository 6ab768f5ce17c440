"""Tests of the presets."""

import dataclasses

import pytest

from dpde_tf.config import AugmentationConfig
from dpde_tf.training.presets import depth_preset, gradient_preset, guided_preset


def test_paper_preset_follows_the_paper():
    # Sect. 4.2: SGD, momentum 0.9, 30 epochs, from 1e-2; no augmentation.
    preset = depth_preset("paper")
    training = preset.training
    assert (training.optimizer, training.momentum) == ("sgd", 0.9)
    assert (training.epochs, training.learning_rate) == (30, 1e-2)
    assert (training.schedule, training.warmup_steps) == ("paper", 0)
    assert (training.clip_norm, training.weight_decay) == (0.0, 0.0)
    assert preset.augmentation == AugmentationConfig()


def test_gradient_preset_differs_in_the_crop_only():
    for name in ("paper", "recommended"):
        depth, gradient = depth_preset(name), gradient_preset(name)
        assert gradient.training == depth.training
        assert gradient.augmentation.crop_size == (112, 144)
        assert depth.augmentation.crop_size is None


def test_recommended_preset_keeps_the_epochs_of_the_paper():
    assert depth_preset("recommended").training.epochs == 30


def test_depth_preset_rejects_other_names():
    with pytest.raises(ValueError, match=r"paper, recommended\. Received: 'best'"):
        depth_preset("best")


def test_guided_preset_is_the_recommended_one_on_crops():
    assert guided_preset("paper") == guided_preset("recommended")
    expected = depth_preset("recommended").augmentation
    expected = dataclasses.replace(expected, crop_size=(144, 192))
    assert guided_preset("paper").augmentation == expected
