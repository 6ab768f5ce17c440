"""Tests of data_prep.conversion.converter_flags."""

import pytest

from data_prep.conversion.converter_flags import parse_size


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
