"""Tests of dpde_tf.reporting.report.curves."""

import math
import re
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from dpde_tf.reporting.report import curves

SVG = "{http://www.w3.org/2000/svg}"
COLOUR = re.compile(r"fill: none; stroke: (#[0-9a-f]{6})")


def lines(svg):
    """Points of the line of each series, in the units of the page."""
    root = ET.fromstring(svg)
    for legend in root.iterfind(f".//{SVG}g[@id='legend_1']"):
        legend.clear()
    drawn = [
        path.get("d")
        for path in root.iter(f"{SVG}path")
        if COLOUR.search(path.get("style", "")) and path.get("d").count("L") > 1
    ]
    numbers = (re.findall(r"[-\d.]+", text) for text in drawn)
    return [np.array(list(map(float, found))).reshape(-1, 2) for found in numbers]


def texts(svg):
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


def test_line_chart_is_linear_in_both_axes():
    svg = curves.line_chart("rms", {"a": [(1, 2.0), (2, 3.0), (4, 5.0)]}, x_title="x")
    (line,) = lines(svg)
    # y = x + 1 is a straight line, rising on the page (smaller y).
    slopes = np.diff(line[:, 1]) / np.diff(line[:, 0])
    np.testing.assert_allclose(slopes, slopes[0], rtol=1e-4)
    assert slopes[0] < 0
    width, height = (float(n) for n in ET.fromstring(svg).get("viewBox").split()[2:])
    assert np.all((line > 0) & (line < [width, height]))
    # Epochs are whole numbers.
    assert {"1", "2", "3", "4"} <= set(texts(svg))


def test_line_chart_of_a_wide_range_is_logarithmic():
    series = {"a": [(1, 100.0), (2, 10.0), (3, 1.0)]}
    svg = curves.line_chart("loss", series, x_title="")
    (line,) = lines(svg)
    steps = np.diff(line[:, 1])
    assert steps[0] == pytest.approx(steps[1], rel=1e-4)
    assert {"1", "10", "100"} <= set(texts(svg))


def test_line_chart_names_series_with_their_last_values():
    series = {"training": [(1, 0.5), (2, 0.25)], "validation": [(2, 0.75)]}
    found = texts(curves.line_chart("loss", series, x_title="epoch"))
    assert {"loss", "training 0.25", "validation 0.75", "epoch"} <= set(found)


def test_line_chart_has_a_colour_for_each_series():
    series = {name: [(1, 1.0), (2, k), (3, 2.0)] for k, name in enumerate("abcde")}
    svg = curves.line_chart("loss", series, x_title="epoch")
    assert len(lines(svg)) == 5
    assert len(set(COLOUR.findall(svg))) == 5


@pytest.mark.parametrize("value", [0.0, 0.9, -3.0])
def test_line_chart_of_a_single_point_shows_it(value):
    svg = curves.line_chart("a", {"b": [(1, value)]}, x_title="epoch")
    assert f"b {value:.4g}" in texts(svg)
    # Its mark in the legend and in the plot.
    marks = [
        use
        for use in ET.fromstring(svg).iter(f"{SVG}use")
        if "#2f81f7" in str(use.get("style"))
    ]
    assert len(marks) == 2


def test_line_chart_counts_values_that_are_not_finite():
    series = {"a": [(1, 1.0), (2, math.nan), (3, math.inf)]}
    svg = curves.line_chart("loss", series, x_title="epoch")
    assert "loss (2 non-finite values)" in texts(svg)
    assert not re.search(r"\b(nan|inf)\b", svg)
    nothing = curves.line_chart("loss", {"a": [(1, math.nan)]}, x_title="epoch")
    assert lines(nothing) == []


def test_line_chart_shows_names_as_plain_text():
    svg = curves.line_chart("a < $b$", {'"c" & $d$': [(1, 1.0)]}, x_title="<$x$>")
    assert {"a < $b$", '"c" & $d$ 1', "<$x$>"} <= set(texts(svg))


def test_line_chart_is_the_same_each_time_and_follows_the_page():
    series = {"a": [(1, 2.0), (2, 3.0)]}
    svg = curves.line_chart("rms", series, x_title="epoch")
    assert svg == curves.line_chart("rms", series, x_title="epoch")
    assert "<dc:date>" not in svg
    assert "fill: currentColor" in svg
    assert "prefers-color-scheme: dark" in svg


def test_line_chart_without_matplotlib_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ValueError, match=r'`pip install "dpde_tf\[report\]"`'):
        curves.line_chart("rms", {"a": [(1, 2.0)]}, x_title="epoch")
