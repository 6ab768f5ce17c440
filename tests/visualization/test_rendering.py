"""Tests of dpde_tf.visualization.reconstruction.rendering."""

import cv2
import numpy as np
import pytest

from dpde_tf.visualization.reconstruction.geometry import relief, square_triangles
from dpde_tf.visualization.reconstruction.rendering import render_view, rotation

needs_opencv_5 = pytest.mark.skipif(
    not hasattr(cv2, "triangleRasterize"), reason="OpenCV 5 is not installed"
)
WHITE = 255


def _view(depth, image, *, azimuth=0.0, elevation=0.0, **options):
    connected = np.ones([n - 1 for n in depth.shape], bool)
    return render_view(
        relief(depth, **options).reshape(-1, 3),
        image.reshape(-1, 3),
        square_triangles(connected),
        azimuth=azimuth,
        elevation=elevation,
        size=(60, 80),
        visible_height=60.0,
    )


def test_rotation_moves_points_against_the_viewer():
    near = np.array([0.0, 0.0, 1.0])
    # The viewer goes to the right, what is near goes to the left; goes up: down.
    np.testing.assert_allclose(rotation(90, 0) @ near, [-1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotation(0, 90) @ near, [0, -1, 0], atol=1e-12)
    turned = rotation(20, 30)
    np.testing.assert_allclose(turned @ turned.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turned) == pytest.approx(1)


@needs_opencv_5
def test_render_view_from_the_front_is_the_picture():
    image = np.zeros((41, 61, 3), np.uint8)
    image[:20, :30] = [200, 10, 10]
    image[:20, 30:] = [10, 200, 10]
    image[20:, :30] = [10, 10, 200]
    depth = np.full((41, 61), 2.0)
    view = _view(depth, image, depth_range=(1.0, 3.0))
    assert view.shape == (60, 80, 3)
    # 40 x 60 units in the middle of 60 x 80 pixels, one pixel each.
    for row, column in ((20, 20), (20, 60), (40, 20), (40, 60)):
        expected = image[row - 10, column - 10].astype(int)
        # Half a level of rounding on the way to float and back.
        np.testing.assert_allclose(view[row, column], expected, atol=1)
    assert np.all(view[:9] == WHITE)
    assert np.all(view[:, :9] == WHITE)


@needs_opencv_5
def test_render_view_from_the_side_shifts_near_points():
    image = np.full((41, 61, 3), 40, np.uint8)
    depth = np.full((41, 61), 3.0)
    depth[15:26, 25:36], image[15:26, 25:36] = 2.0, 200
    columns = []
    for azimuth in (-20, 0, 20):
        view = _view(depth, image, azimuth=azimuth, depth_range=(0.0, 6.0))
        row = view[30, :, 0]
        columns.append(np.flatnonzero((row > 195) & (row < 205)).mean())
    # 1 m of 6 m is 42.5 of 255 levels, seen from 600 away.
    turn = np.radians(20)
    shift = 42.5 * np.sin(turn) * 600 / (600 - 42.5 * np.cos(turn))
    # To the pixel; the edges are mixed with what is behind.
    np.testing.assert_allclose(np.diff(columns), [-shift, -shift], atol=1)


@needs_opencv_5
def test_render_view_of_no_triangle_is_white():
    view = render_view(
        np.full((4, 3), np.nan),
        np.zeros((4, 3), np.uint8),
        np.zeros((0, 3), int),
        azimuth=0,
        elevation=0,
        size=(5, 7),
        visible_height=1.0,
    )
    assert np.all(view == WHITE)
    assert view.shape == (5, 7, 3)


def test_render_view_names_the_library_that_is_missing(monkeypatch):
    monkeypatch.delattr(cv2, "triangleRasterize", raising=False)
    with pytest.raises(ValueError, match=r"need OpenCV 5.*pip install"):
        _view(np.ones((2, 2)), np.zeros((2, 2, 3), np.uint8))
