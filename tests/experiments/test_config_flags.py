"""Tests of the flags made from configurations."""

import dataclasses
import pathlib
import re

import pytest

from dpde_tf import config
from dpde_tf.cli.config_flags import (
    _field_descriptions,
    config_from_flags,
    parse_counts,
    parse_size,
)
from dpde_tf.config import AugmentationConfig, DepthNetworkConfig

CLASSES = [
    value
    for value in vars(config).values()
    if isinstance(value, type) and dataclasses.is_dataclass(value)
]


@pytest.mark.parametrize("config_class", CLASSES)
def test_every_field_has_a_description(config_class):
    names = {field.name for field in dataclasses.fields(config_class)}
    descriptions = _field_descriptions(config_class)
    assert set(descriptions) == names
    assert all(len(text) > 10 for text in descriptions.values())


def test_field_descriptions_join_lines():
    text = _field_descriptions(DepthNetworkConfig)["output_scale"]
    assert text.startswith("Scale in depth = offset + scale * last convolution. Ours:")
    assert ". The network can represent the same functions, " in text
    assert "\n" not in text


def test_config_from_flags_changes_only_what_was_given():
    values = {"output_scale": 1.0, "encoder_weights": None, "unknown": 3}
    changed = config_from_flags(DepthNetworkConfig(output_relu=True), values)
    assert changed == DepthNetworkConfig(output_relu=True, output_scale=1.0)


def test_config_from_flags_reads_sizes():
    changed = config_from_flags(AugmentationConfig(), {"crop_size": ["64", "96"]})
    assert changed.crop_size == (64, 96)


def test_config_from_flags_refuses_invalid_sizes():
    for values in (["64"], ["64", "b"], ["1", "2", "3"]):
        with pytest.raises(ValueError, match=r"--crop_size must be height and width"):
            config_from_flags(AugmentationConfig(), {"crop_size": values})
    whole = AugmentationConfig(crop_size=(8, 8))
    assert config_from_flags(whole, {"crop_size": []}).crop_size is None


def test_parse_counts_reads_numbers():
    assert parse_counts(["1", " 8"], flag="sizes") == [1, 8]


@pytest.mark.parametrize("values", [[], ["0"], ["two"], ["-1"], ["1", "x"]])
def test_parse_counts_names_the_flag(values):
    with pytest.raises(ValueError, match="--sizes must be whole numbers from 1"):
        parse_counts(values, flag="sizes")


def test_parse_size_reads_height_and_width():
    assert parse_size(["240", "320"], flag="size", least=8) == (240, 320)
    assert parse_size(["240", "320"], flag="image_size") == (240, 320)


@pytest.mark.parametrize("values", [["240"], ["240", "x"], ["4", "320"], []])
def test_parse_size_refuses_other_texts(values):
    with pytest.raises(ValueError, match="--size must be height and width"):
        parse_size(values, flag="size", least=8)


@pytest.mark.parametrize(
    "values", [["240"], ["240", "0"], ["240", "3.2"], ["1", "2", "3"], ["-1", "2"]]
)
def test_parse_size_names_the_flag(values):
    with pytest.raises(ValueError, match="--image_size must be height and width"):
        parse_size(values, flag="image_size")


def test_no_two_configurations_share_a_field():
    # All of a program's configurations become flags of one name space.
    names = [field.name for c in CLASSES for field in dataclasses.fields(c)]
    shared = {name for name in names if names.count(name) > 1}
    # The two networks are trained by two programs.
    assert shared == {"kernel_stddev"}


def test_makefile_lists_the_flags_of_the_depth_network_alone():
    makefile = pathlib.Path(__file__).parents[2] / "Makefile"
    listed = re.search(r"^DEPTH_ONLY = (.*)$", makefile.read_text(), re.M).group(1)
    depth = (DepthNetworkConfig, config.DepthLossConfig)
    gradient = (config.GradientNetworkConfig, config.GradientLossConfig)
    depth, gradient = (
        {field.name for c in classes for field in dataclasses.fields(c)}
        for classes in (depth, gradient)
    )
    assert set(listed.split(",")) == depth - gradient
