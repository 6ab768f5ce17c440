"""Tests of dpde_tf.reporting.figures."""

import dataclasses

import cv2
import numpy as np
import pytest

from dpde_tf.reporting.examples import Example
from dpde_tf.reporting.figures import comparison, overview, views
from dpde_tf.reporting.figures.columns import (
    Column,
    ablation_columns,
    column_depth,
    method_columns,
    missing_note,
)
from dpde_tf.visualization import layout
from dpde_tf.visualization.colours import colorize_depth, colorize_error

SIZE = (40, 60)
# Of the layout: the strip of titles, the gap between pictures, the bar with its text.
TITLE, GAP, BAR = 20, 4, 70
DPDE = Column("DPDE", "dpde", "fused")


@pytest.fixture
def example():
    """A near box before a wall; `fused` is 0.2 m too far, `fcrn` was not run."""
    truth = np.full(SIZE, 4.0, np.float32)
    truth[22:30, 40:50] = 2.0
    truth[0, 0] = 0.0
    zero = np.zeros(SIZE, np.float32)
    arrays = {
        "depth": np.full(SIZE, 3.0, np.float32),
        "fused": truth + np.float32(0.2),
        "gradient_x": zero,
        "gradient_y": zero,
    }
    image = np.full((*SIZE, 3), 90, np.uint8)
    return Example("a1", image, truth, {"dpde": arrays})


def test_error_of_a_depth_map_leaves_out_its_holes(example):
    depth = example.ground_truth + np.float32(0.2)
    depth[5, 5] = np.nan
    assert example.rms(depth) == pytest.approx(0.2, rel=1e-5)


def _cell(figure, row, column):
    """A picture of a figure."""
    top = row * (TITLE + SIZE[0] + GAP) + TITLE
    left = column * (SIZE[1] + GAP)
    return figure[top : top + SIZE[0], left : left + SIZE[1]]


def test_example_has_a_range_and_refuses_other_sizes(example):
    assert example.depth_range == (2.0, 4.0)
    image, empty = example.image, np.zeros(SIZE)
    assert Example("e", image, empty, {}).depth_range == (0.0, 1.0)
    wrong = {"dpde": {"depth": np.ones((2, 3))}}
    with pytest.raises(ValueError, match=r"'depth' of dpde for a .*\(2, 3\)"):
        Example("a", image, empty, wrong)


def test_method_columns_take_the_best_depth_of_each(example):
    columns = method_columns([example], ["fcrn", "dpde"])
    assert columns == [DPDE]
    assert column_depth(example, DPDE) is example.predictions["dpde"]["fused"]
    assert missing_note(["fcrn", "dpde"], columns) == "Not run: FCRN."
    assert missing_note(["dpde"], columns) == ""
    assert missing_note(["dpde", "midas"], []) == "Not run: DPDE; midas."
    with pytest.raises(ValueError, match="of fcrn have neither for 'a1'"):
        method_columns([example], ["fcrn"])
    unfused = {"depth": example.ground_truth}
    other = Example(
        "a",
        example.image,
        example.ground_truth,
        {"dpde": unfused, "midas": unfused, "fcrn": unfused},
    )
    titles = [c.title for c in method_columns([other], ["fcrn", "dpde", "midas"])]
    assert titles == ["FCRN", "modified FCRN", "midas"]


def test_titles_say_that_a_network_is_ours(example):
    assert method_columns([example], ["dpde"])[0].title == "DPDE"
    ours = dataclasses.replace(example, gradient_sources={"dpde": "context"})
    assert method_columns([ours], ["dpde"])[0].title == "DPDE, context network (ours)"
    assert [column.title for column in ablation_columns([ours])] == [
        "modified FCRN",
        "gradients, context network (ours)",
        "DPDE, context network (ours)",
    ]


def test_comparison_figure_has_three_rows_in_one_scale(example):
    figure = comparison.comparison_figure([example, example], [DPDE])
    assert figure.shape == (6 * (TITLE + 40 + GAP), 3 * (60 + GAP) + BAR, 3)
    window = comparison.detail_window(example.ground_truth)
    limits = {"min_depth": 2.0, "max_depth": 4.0}
    truth = colorize_depth(example.ground_truth, **limits)
    fused = colorize_depth(example.predictions["dpde"]["fused"], **limits)
    # Away from the frame around the detail.
    np.testing.assert_array_equal(_cell(figure, 0, 1)[:10], truth[:10])
    np.testing.assert_array_equal(_cell(figure, 0, 2)[:10], fused[:10])
    for column, picture in ((1, truth), (2, fused)):
        enlarged = picture[window].repeat(4, axis=0).repeat(4, axis=1)
        np.testing.assert_array_equal(_cell(figure, 1, column), enlarged)
    # 0.2 m of the 0.8 m at which the colours of errors end.
    error = colorize_error(np.ones((1, 1)), np.full((1, 1), 1.2), limit=0.8)[0, 0]
    shown = _cell(figure, 2, 2)
    assert not shown[0, 0].any()  # not measured
    # To a level: 4.2 - 4 is not 0.2 in float32.
    np.testing.assert_allclose(shown[5:], np.broadcast_to(error, (35, 60, 3)), atol=1)
    np.testing.assert_array_equal(figure[: 3 * 64], figure[3 * 64 :])


def test_comparison_figure_omits_methods_that_were_not_run(example):
    columns = ablation_columns([example])
    figure = comparison.comparison_figure([example], columns, note="Not run: FCRN.")
    assert figure.shape[1] == 5 * (60 + GAP) + BAR
    assert figure.shape[0] == 3 * (TITLE + 40 + GAP) + TITLE
    assert np.any(figure[-TITLE:] < 128)
    # No gradients are white; the true ones below them show the box.
    assert np.all(_cell(figure, 0, 3)[:10] == 255)
    box = np.argwhere(np.any(_cell(figure, 2, 3) != 255, axis=-1))
    assert box.min(axis=0).tolist() == [21, 39]
    assert box.max(axis=0).tolist() == [29, 49]


def test_comparison_figure_explains_its_colours(example):
    figure = comparison.comparison_figure([example], ablation_columns([example]))
    legend = _cell(figure, 2, 0)
    assert np.any(legend < 128)
    # The wheel: cyan = deeper to the left, red = deeper to the right, white within.
    wheel = _cell(figure, 2, 1)
    left, middle, right = wheel[19, 30 - 15], wheel[19, 30], wheel[19, 30 + 15]
    assert left[0] < 80 < 200 < left[1]
    assert right[1] < 80 < 200 < right[0]
    assert middle.min() > 230
    # Without gradients there is none.
    figure = comparison.comparison_figure([example], [DPDE])
    assert np.all(_cell(figure, 2, 1) == 255)
    noted = dataclasses.replace(example, note="scaled")
    assert np.any(_cell(comparison.comparison_figure([noted], [DPDE]), 2, 0) != legend)


def test_error_bar_is_red_where_depth_is_too_far(example):
    bar = comparison._error_row(example, [DPDE]).bar
    assert (bar.top, bar.bottom) == (0.8, -0.8)  # A fifth of 4 m.
    assert bar.colors[0].tolist() == [255, 0, 0]
    assert bar.colors[-1].tolist() == [0, 0, 255]


def test_titles_of_gradients_give_their_98th_percentile(example):
    gradients = ablation_columns([example])[1]
    title = comparison._title(example, gradients)
    assert title == "gradients, 98 % below 0.000 m/pixel"
    slope = np.full(SIZE, 0.03, np.float32)
    arrays = {"gradient_x": slope, "gradient_y": -slope}
    other = dataclasses.replace(example, predictions={"dpde": arrays})
    # 0.03 sqrt(2) = 0.0424.
    title = comparison._title(other, gradients)
    assert title == "gradients, 98 % below 0.042 m/pixel"
    assert comparison._title(example, DPDE) == "DPDE"


def test_text_lines_fit_into_the_picture():
    picture = layout.text_lines(["one", "a line that is far too long for it"], (50, 80))
    assert picture.shape == (50, 80, 3)
    assert np.any(picture[5:25] < 128)
    assert np.any(picture[25:45] < 128)
    assert np.all(picture[:, [0, -1]] == 255)


def test_comparison_figure_of_no_image_is_refused():
    with pytest.raises(ValueError, match="at least one image"):
        comparison.comparison_figure([], [DPDE])


def test_comparison_figure_without_measurements(example):
    nothing = Example("n", example.image, np.zeros(SIZE), example.predictions)
    columns = ablation_columns([nothing])
    assert comparison.comparison_figure([nothing], columns).dtype == np.uint8


def test_detail_window_is_where_depth_varies_most(example):
    rows, columns = comparison.detail_window(example.ground_truth)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (10, 15)
    # The differences lie in rows 21-29 and columns 39-49: just all of them fit.
    assert rows.start in (20, 21)
    assert 35 <= columns.start <= 39
    # A hole is not an edge.
    holes = np.full(SIZE, 4.0)
    holes[5:9, 5:9] = 0.0
    holes[30:, 30] = 4.1
    assert comparison.detail_window(holes)[0].start >= 20
    assert comparison.detail_window(np.ones((1, 1))) == (slice(0, 1), slice(0, 1))


def test_stack_rows_adds_bars_and_fills_with_white():
    red = np.zeros((50, 30, 3), np.uint8)
    red[..., 0] = 200
    colors = np.linspace(0, 255, 11).astype(np.uint8)[:, None].repeat(3, axis=1)
    bar = layout.ColorBar(colors, 1.0, 2.0)
    rows = [layout.Row([red, None], ["a", ""], bar), layout.Row([red], ["b"])]
    picture = layout.stack_rows(rows)
    assert picture.shape == (2 * (TITLE + 50 + GAP), 2 * (30 + GAP) + BAR, 3)
    assert np.all(picture[TITLE : TITLE + 50, :30] == red)
    assert np.all(picture[TITLE : TITLE + 50, 34:64] == 255)
    strip = picture[TITLE : TITLE + 50, 68:80]
    assert np.all(strip[0] == 0)
    assert np.all(strip[-1] == 255)
    assert np.all(np.diff(strip[:, 0, 0].astype(int)) >= 0)
    assert np.any(picture[:TITLE, :30] < 128)  # the title
    assert np.all(picture[74:, 40:] == 255)  # the second row is shorter


@pytest.mark.skipif(
    not hasattr(cv2, "triangleRasterize"), reason="OpenCV 5 is not installed"
)
def test_views_show_each_method_and_each_direction(example):
    columns = method_columns([example], ["fcrn", "dpde"])
    figure = views.methods_figure([example], columns, note="Not run: FCRN.")
    assert figure.shape == (TITLE + 40 + GAP + TITLE, 3 * (60 + GAP), 3)
    # The same surface, 0.2 m farther back.
    truth, fused = (_cell(figure, 0, c) for c in (1, 2))
    assert np.any(truth < 200)
    assert np.any(truth != fused)
    directions = views.directions_figure([example], DPDE)
    assert directions.shape == (TITLE + 40 + GAP, 6 * (60 + GAP), 3)
    left, middle, right = (_cell(directions, 0, c) for c in (1, 3, 5))
    assert np.any(left != middle)
    assert np.any(right != middle)


@pytest.mark.skipif(
    not hasattr(cv2, "triangleRasterize"), reason="OpenCV 5 is not installed"
)
def test_no_view_is_cut_off(example):
    # A ridge, 102 of 255 levels deep: turned, it is wider than the picture.
    truth = example.ground_truth
    ridge = 2.6 + 0.8 * np.abs(np.linspace(-1, 1, SIZE[1], dtype=np.float32))
    ridge = np.tile(ridge, (SIZE[0], 1))
    wide = Example("w", example.image, truth, {"dpde": {"fused": ridge}})
    figure = views.directions_figure([wide], DPDE)
    for column in range(1, 6):
        view = _cell(figure, 0, column)
        assert np.any(view < 200)
        for edge in (view[0], view[-1], view[:, 0], view[:, -1]):
            assert np.all(edge > 250)


def test_overview_has_one_column_per_image_in_its_own_scale(example):
    far = dataclasses.replace(example, ground_truth=2 * example.ground_truth)
    figure = overview.overview_figure([example, far], [DPDE])
    assert figure.shape == (3 * (TITLE + 133 + GAP), 2 * (200 + GAP), 3)
    top = 2 * (TITLE + 133 + GAP) + TITLE + 20
    for column, scene in enumerate((example, far)):
        low, high = scene.depth_range
        fused = scene.predictions["dpde"]["fused"][:1, 5:6]
        colour = colorize_depth(fused, min_depth=low, max_depth=high)[0, 0]
        np.testing.assert_array_equal(figure[top, column * (200 + GAP) + 20], colour)


def test_overview_refuses_no_image():
    with pytest.raises(ValueError, match="at least one image"):
        overview.overview_figure([], [DPDE])
