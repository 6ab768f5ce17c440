import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from dpde_tf.reporting.report import curves

SVG = "{http://www.w3.org/2000/svg}"


def polylines(svg):
    """Points of each line, in pixels."""
    lines = ET.fromstring(svg).iter(f"{SVG}polyline")
    return [
        np.array([[float(c) for c in point.split(",")] for point in points.split()])
        for points in (line.get("points") for line in lines)
    ]


def texts(svg):
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.5, 1.0]),  # A step of 0.25 is rounded up to 0.5,
        (0.31, 0.52, [0.4, 0.5]),  # of 0.0525 to 0.1,
        (1, 30, [10, 20, 30]),  # of 7.25 to 10,
        (-0.2, 0.6, [-0.2, 0.0, 0.2, 0.4, 0.6]),  # and 0.2 stays, ends included.
    ],
)
def test_nice_ticks_are_round_and_inside(low, high, expected):
    np.testing.assert_allclose(curves.nice_ticks(low, high, 4), expected, atol=1e-12)


def test_line_chart_is_linear_in_both_axes():
    svg = curves.line_chart("rms", {"a": [(1, 2.0), (2, 3.0), (4, 5.0)]}, x_title="x")
    (line,) = polylines(svg)
    # y = x + 1 is a straight line, rising on the page (smaller y).
    slopes = np.diff(line[:, 1]) / np.diff(line[:, 0])
    np.testing.assert_allclose(slopes, slopes[0], rtol=0.01)  # Rounded to 0.1 pixels.
    assert slopes[0] < 0
    assert line[:, 0].min() >= 0
    assert line[:, 0].max() <= curves.WIDTH
    assert line[:, 1].min() >= 0
    assert line[:, 1].max() <= curves.HEIGHT


def test_line_chart_of_a_wide_range_is_logarithmic():
    svg = curves.line_chart(
        "loss", {"a": [(1, 100.0), (2, 10.0), (3, 1.0)]}, x_title=""
    )
    (line,) = polylines(svg)
    steps = np.diff(line[:, 1])
    assert steps[0] == pytest.approx(steps[1], abs=0.2)
    assert {"1", "10", "100"} <= set(texts(svg))


def test_line_chart_names_series_with_their_last_values():
    series = {"training": [(1, 0.5), (2, 0.25)], "validation": [(2, 0.75)]}
    found = texts(curves.line_chart("loss", series, x_title="epoch"))
    assert found[0] == "loss"
    assert {"training 0.25", "validation 0.75", "epoch"} <= set(found)


def test_line_chart_wraps_the_legend_of_many_series():
    series = {name: [(1, 1.0), (2, 0.5)] for name in "abcde"}
    svg = curves.line_chart("loss", series, x_title="epoch")
    all_texts = ET.fromstring(svg).iter(f"{SVG}text")
    names = [text for text in all_texts if text.text.endswith(" 0.5")]
    places = [(float(name.get("x")), float(name.get("y"))) for name in names]
    assert len(set(places)) == 5
    # The lines begin below the lowest name.
    top = min(line[:, 1].min() for line in polylines(svg))
    assert max(y for _, y in places) < top


@pytest.mark.parametrize("value", [0.0, 0.9, -3.0])
def test_line_chart_of_a_single_point_stays_on_the_page(value):
    svg = curves.line_chart("a", {"b": [(1, value)]}, x_title="epoch")
    (point,) = ET.fromstring(svg).iter(f"{SVG}circle")
    assert 0 < float(point.get("cx")) < curves.WIDTH
    assert 0 < float(point.get("cy")) < curves.HEIGHT


def test_line_chart_counts_values_that_are_not_finite():
    series = {"a": [(1, 1.0), (2, math.nan), (3, math.inf)]}
    svg = curves.line_chart("loss", series, x_title="epoch")
    assert texts(svg)[0] == "loss (2 non-finite values)"
    assert not re.search(r"\b(nan|inf)\b", svg)
    nothing = curves.line_chart("loss", {"a": [(1, math.nan)]}, x_title="epoch")
    assert polylines(nothing) == []


def test_line_chart_escapes_names():
    svg = curves.line_chart("a < b", {'"c" & d': [(1, 1.0)]}, x_title="<x>")
    assert "a < b" in texts(svg)
    assert '"c" & d 1' in texts(svg)
