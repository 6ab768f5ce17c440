"""Tests of dpde_tf.visualization.colours."""

import cv2
import numpy as np
import pytest

from dpde_tf.visualization import colours as visualization
from dpde_tf.visualization.layout import ColorBar

WHITE = [255, 255, 255]
# First and last colour of the Turbo colour map, as OpenCV has it.
FARTHEST, NEAREST = [48, 18, 59], [122, 4, 3]


def test_colorize_depth_is_red_near_and_blue_far():
    depth = np.array([[1.0, 3.0, 2.0]], np.float32)
    colours = visualization.colorize_depth(depth)
    assert colours.dtype == np.uint8 and colours.shape == (1, 3, 3)
    assert colours[0, 0].tolist() == NEAREST
    assert colours[0, 1].tolist() == FARTHEST
    red, green, blue = colours[0, 2].astype(int)
    assert green > red > blue - 100 and green > 200  # the middle is green


def test_colorize_depth_shows_unmeasured_pixels_in_black():
    depth = np.array([[0.0, -1.0, np.nan, np.inf, 2.0, 5.0]])
    colours = visualization.colorize_depth(depth)
    assert not colours[0, :4].any()
    assert colours[0, 4:].tolist() == [NEAREST, FARTHEST]  # the range is of the rest


def test_colorize_depth_clips_at_the_given_range():
    depth = np.array([[0.5, 1.0, 10.0, 80.0]])
    colours = visualization.colorize_depth(depth, min_depth=1.0, max_depth=10.0)
    assert colours[0].tolist() == [NEAREST, NEAREST, FARTHEST, FARTHEST]


def test_colorize_depth_of_nothing_and_of_one_depth():
    assert not visualization.colorize_depth(np.zeros((2, 3))).any()
    assert visualization.colorize_depth(np.full((1, 1), 2.0))[0, 0].tolist() == NEAREST
    # A range whose given end lies beyond all measurements is no error.
    beyond = visualization.colorize_depth(np.full((1, 1), 2.0), min_depth=3.0)
    assert beyond[0, 0].tolist() == NEAREST


def test_colorize_depth_refuses_bad_arguments():
    with pytest.raises(ValueError, match="`min_depth` must not be greater"):
        visualization.colorize_depth(np.ones((2, 2)), min_depth=3, max_depth=2)
    with pytest.raises(ValueError, match=r"`depth` must be \[H, W\]"):
        visualization.colorize_depth(np.ones((2, 2, 1)))


def test_colorize_gradients_shows_direction_as_hue():
    # Hues of 0, 180, 90 and 270 degrees at full saturation; a half is 127 or 128.
    gradient_x = np.array([[0.0, 0.2, -0.2, 0.0, 0.0]])
    gradient_y = np.array([[0.0, 0.0, 0.0, 0.2, -0.2]])
    colours = visualization.colorize_gradients(gradient_x, gradient_y, limit=0.2)
    expected = [WHITE, [255, 0, 0], [0, 255, 255], [127.5, 255, 0], [127.5, 0, 255]]
    np.testing.assert_allclose(colours[0], expected, atol=0.5)


def test_colorize_gradients_shows_magnitude_as_saturation():
    # Half of the limit: half the saturation, (255, 127.5, 127.5).
    gradient_x = np.array([[0.1, 5.0, np.nan]])
    colours = visualization.colorize_gradients(gradient_x, 0 * gradient_x, limit=0.2)
    expected = [[255, 127.5, 127.5], [255, 0, 0], WHITE]
    np.testing.assert_allclose(colours[0], expected, atol=0.5)


def test_colorize_gradients_refuses_bad_arguments():
    with pytest.raises(ValueError, match=r"`gradient_x` and `gradient_y` must be"):
        visualization.colorize_gradients(np.ones((2, 2)), np.ones((2, 3)), limit=1)
    with pytest.raises(ValueError, match=r"`limit` must be positive. Received: 0"):
        visualization.colorize_gradients(np.ones((2, 2)), np.ones((2, 2)), limit=0)


def test_colorize_error_is_red_too_far_and_blue_too_near():
    ground_truth = np.array([[2.0, 2.0, 2.0, 2.0, 0.0, 2.0]])
    predicted = np.array([[2.0, 2.5, 1.0, 9.0, 3.0, np.nan]])
    colours = visualization.colorize_error(ground_truth, predicted, limit=1.0)
    assert colours[0].tolist() == [
        WHITE,
        [255, 128, 128],
        [0, 0, 255],
        [255, 0, 0],
        [0, 0, 0],  # no ground truth
        [255, 0, 0],  # no prediction
    ]


def test_colorize_error_refuses_bad_arguments():
    with pytest.raises(ValueError, match=r"`ground_truth` and `predicted` must be"):
        visualization.colorize_error(np.ones((2, 2)), np.ones((2, 3)), limit=1)
    with pytest.raises(ValueError, match=r"`limit` must be positive. Received: nan"):
        visualization.colorize_error(np.ones((2, 2)), np.ones((2, 2)), limit=np.nan)


def _picture(value, size=(50, 60)):
    return np.full((*size, 3), value, np.uint8)


def test_montage_places_pictures_in_order():
    rows = [[_picture(10), _picture(20)], [_picture(30), _picture(40)]]
    result = visualization.montage(rows, ["input", "depth"], gap=3)
    assert result.shape == (20 + 50 + 3 + 50, 60 + 3 + 60, 3)
    assert result.dtype == np.uint8
    for (row, column), value in {
        (20, 0): 10,
        (20, 63): 20,
        (73, 0): 30,
        (73, 63): 40,
    }.items():
        assert np.all(result[row : row + 50, column : column + 60] == value)
    assert np.all(result[70:73] == 255) and np.all(result[:, 60:63] == 255)


def test_montage_writes_titles_into_the_strip_above():
    rows = [[_picture(0), _picture(0)]]
    result = visualization.montage(rows, ["an exceedingly long title of it", ""], gap=0)
    strip = result[:20]
    assert strip[:, :60].min() < 128  # ink
    assert np.all(strip[:, 60:] == 255)  # and none beside it, however long the text


def test_montage_draws_a_colour_bar():
    result = visualization.montage(
        [[_picture(0, (200, 60))]], ["depth"], gap=4, depth_range=(1.0, 9.0)
    )
    assert result.shape == (220, 60 + 4 + 60, 3)
    assert result[20, 64].tolist() == NEAREST
    assert result[-1, 64 + 11].tolist() == FARTHEST
    assert result[20:, 64 + 12 :].min() < 128  # labels


@pytest.mark.parametrize(
    ("rows", "titles", "message"),
    [
        ([], ["a"], "Every row must have a picture"),
        ([[]], [], "Every row must have a picture"),
        ([[_picture(0)]], ["a", "b"], r"the 2 titles.*rows of \[1\]"),
        ([[_picture(0), _picture(0, (9, 9))]], ["a", "b"], "of one size"),
        ([[np.zeros((9, 9, 3))]], ["a"], "must be uint8"),
        ([[np.zeros((9, 9), np.uint8)]], ["a"], "must be uint8"),
    ],
)
def test_montage_refuses_mismatched_rows_and_titles(rows, titles, message):
    with pytest.raises(ValueError, match=message):
        visualization.montage(rows, titles)


def test_encode_png_is_lossless_and_rgb(rng):
    rgb = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    png = np.frombuffer(visualization.encode_png(rgb), np.uint8)
    np.testing.assert_array_equal(cv2.imdecode(png, cv2.IMREAD_COLOR)[..., ::-1], rgb)


def test_encode_png_refuses_another_type():
    with pytest.raises(ValueError, match=r"uint8 \[H, W, 3\]. Received: float64"):
        visualization.encode_png(np.zeros((4, 4, 3)))


def test_write_image_leaves_only_the_complete_file(tmp_path, rng):
    rgb = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    path = tmp_path / "new" / "picture.png"
    visualization.write_image(path, rgb)
    assert path.read_bytes() == visualization.encode_png(rgb)
    assert list(path.parent.iterdir()) == [path]


def test_write_image_refuses_another_suffix(tmp_path):
    with pytest.raises(ValueError, match=r"must be a \.png file"):
        visualization.write_image(tmp_path / "picture.jpg", _picture(0))


def test_encode_jpeg_is_read_back_and_refuses_what_the_format_cannot_hold():
    picture = np.full((16, 24, 3), (200, 100, 50), np.uint8)
    data = np.frombuffer(visualization.encode_jpeg(picture), np.uint8)
    read = cv2.imdecode(data, cv2.IMREAD_COLOR)
    np.testing.assert_allclose(read[..., ::-1], picture, atol=3)
    with pytest.raises(ValueError, match=r"at most 65500 pixels a side; .* 1x65501"):
        visualization.encode_jpeg(np.zeros((1, 65_501, 3), np.uint8))


def test_depth_beyond_the_range_has_the_colour_of_the_nearer_end():
    far = visualization.colorize_depth(np.full((1, 1), 12.0), max_depth=10)
    near = visualization.colorize_depth(np.full((1, 1), 1.0), min_depth=2)
    # Blue and red are the ends of the range.
    ends = visualization.colorize_depth(np.float64([[1.0, 5.0]]))
    np.testing.assert_array_equal(far[0, 0], ends[0, 1])
    np.testing.assert_array_equal(near[0, 0], ends[0, 0])
    np.testing.assert_array_equal(
        visualization.colorize_depth(np.float64([[1.0, 12.0]]), max_depth=12.0)[0],
        ends[0],
    )


def test_labels_of_a_colour_bar_are_beside_their_colours(monkeypatch):
    labels = {}
    monkeypatch.setattr(
        "dpde_tf.visualization.layout.cv2.putText",
        lambda picture, text, corner, *rest: labels.update({text: corner[1]}),
    )
    ColorBar(np.zeros((2, 3), np.uint8), top=1.0, bottom=3.0).draw(90)
    assert list(labels) == ["1.00 m", "3.00 m"]
    assert labels["1.00 m"] < 20 < 80 < labels["3.00 m"]
