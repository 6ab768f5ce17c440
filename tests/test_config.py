"""Tests of the ranges of numbers in configurations."""

import dataclasses
import math

import pytest

from dpde_tf import config

CHECKED = config._Checked.__subclasses__()
# Numbers that Keras or other parts check: whole numbers of channels, and an exponent.
ELSEWHERE = {"width", "guided_width", "sharpening"}


def _numbers(kind):
    """Names of the numbers in a configuration."""
    return {
        field.name
        for field in dataclasses.fields(kind)
        if field.type in (float, int, float | None)
    }


def test_every_number_has_a_range():
    kinds = [k for k in vars(config).values() if dataclasses.is_dataclass(k)]
    numbers = set.union(*map(_numbers, kinds))
    assert numbers == set(config._RANGES) | ELSEWHERE
    assert set(config._RANGES.values()) == set(config._HOLDS)


@pytest.mark.parametrize("kind", CHECKED)
def test_default_numbers_are_in_range_and_nan_is_not(kind):
    kind()
    for name in _numbers(kind) - ELSEWHERE:
        with pytest.raises(ValueError, match=rf"`{name}` must be .* Received: nan\."):
            kind(**{name: math.nan})


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("FusionConfig", {"tolerance": 0.0}, {"tolerance": -1e-9}),
        ("FusionConfig", {"omega": 1e-6}, {"omega": 0.0}),
        ("FusionConfig", {"num_irls_iterations": 1}, {"num_irls_iterations": 0}),
        ("PredictionConfig", {"context_share": 1.0}, {"context_share": 1.5}),
        ("CoarseDepthConfig", {"max_shrink": 1.0}, {"max_shrink": 0.5}),
        ("CoarseDepthConfig", {"hole_share": 1.0}, {"hole_share": 20.0}),
        ("DepthNetworkConfig", {"output_scale": -1.0}, {"output_scale": math.inf}),
        (
            *("DepthNetworkConfig", {"batch_norm_momentum": 0.0}),
            {"batch_norm_momentum": 1.0},
        ),
        ("GradientNetworkConfig", {"kernel_stddev": None}, {"kernel_stddev": 0.0}),
        ("DepthLossConfig", {"lambda_fsim": 0.0}, {"lambda_fsim": -1.0}),
        ("AugmentationConfig", {"max_rotation": 180.0}, {"max_rotation": 181.0}),
        ("TrainingConfig", {"max_loss_growth": 0.0}, {"max_loss_growth": 1.0}),
        ("TrainingConfig", {"seed": 2**31 - 1}, {"seed": 2**31}),
    ],
)
def test_edges_of_the_ranges(kind, good, bad):
    kind = getattr(config, kind)
    kind(**good)
    with pytest.raises(ValueError, match=f"`{next(iter(bad))}` must be"):
        kind(**bad)


def test_a_loss_has_a_positive_weight():
    config.DepthLossConfig(lambda_berhu=0.0)
    match = "One of `lambda_level`, `lambda_steps` must be > 0. Received: 0 for all"
    with pytest.raises(ValueError, match=match):
        config.GuidedLossConfig(lambda_level=0.0, lambda_steps=0.0)
