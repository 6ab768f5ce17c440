"""Tests of dpde_tf.visualization.reconstruction.geometry."""

import numpy as np
import pytest

from dpde_tf.visualization.reconstruction.cameras import CAMERAS, Camera
from dpde_tf.visualization.reconstruction.geometry import (
    back_project,
    connected_squares,
    relief,
    square_triangles,
)


def test_back_project_a_wall_by_hand():
    # A wall 2 m ahead; one pixel is 2 m / 4 = half a metre. Up is positive.
    camera = Camera((3, 3), 4.0, 4.0, 1.0, 1.0)
    points = back_project(np.full((3, 3), 2.0), camera)
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points[1, 1], [0, 0, -2])
    np.testing.assert_array_equal(points[0, 2], [0.5, 0.5, -2])
    np.testing.assert_array_equal(points[2, 0], [-0.5, -0.5, -2])


def test_back_project_a_slanted_plane_gives_a_plane():
    # Depth of the plane n.p = 1 along a ray r is 1 / n.r.
    camera = CAMERAS["nyu_depth_v2"].resized((12, 16))
    normal = np.array([0.1, 0.2, 0.4])  # right, down, ahead
    points = back_project(1 / (camera.rays() @ normal), camera)
    np.testing.assert_allclose(points @ (normal * [1, -1, -1]), 1, rtol=1e-6)


def test_back_project_distances_lie_on_a_sphere():
    camera = Camera((5, 7), 6.0, 6.0, 3.0, 2.0, depth_along_ray=True)
    points = back_project(np.full((5, 7), 3.0), camera)
    np.testing.assert_allclose(np.linalg.norm(points, axis=-1), 3, rtol=1e-6)


def test_back_project_marks_unmeasured_pixels():
    depth = np.array([[1.0, 0.0, -1.0, np.nan, np.inf]])
    points = back_project(depth, Camera((1, 5), 1.0, 1.0, 0.0, 0.0))
    assert np.isnan(points).all(axis=-1).tolist() == [[False, True, True, True, True]]


def test_back_project_refuses_a_camera_of_another_size():
    with pytest.raises(ValueError, match=r"\(2, 3\)\. Received: \(480, 640\)"):
        back_project(np.ones((2, 3)), CAMERAS["nyu_depth_v2"])


def test_relief_brings_depth_to_255():
    points = relief(np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 1.0]]))
    # Nearest in front; the middle of picture and range at the origin.
    np.testing.assert_allclose(points[0, 0], [-1, 0.5, 127.5])
    np.testing.assert_allclose(points[0, 1], [0, 0.5, 0])
    np.testing.assert_allclose(points[0, 2], [1, 0.5, -127.5])
    assert np.isnan(points[1, 0, 2])
    given = relief(np.array([[1.0, 2.0]]), depth_range=(0.0, 4.0))
    np.testing.assert_allclose(given[0, :, 2], [63.75, 0])
    assert relief(np.full((1, 1), 5.0)).shape == (1, 1, 3)


def test_connected_squares_end_at_depth_edges_and_holes():
    depth = np.array([[1.0, 1.0, 1.2, 1.2], [1.0, 1.04, 1.2, 0.0]])
    # 1.04 / 1 is within 5 %, 1.2 / 1 is an edge, and a hole belongs to nothing.
    assert connected_squares(depth).tolist() == [[True, False, False]]
    assert connected_squares(depth, edge_ratio=1.3).tolist() == [[True, True, False]]
    # The bound itself is still the same surface.
    assert connected_squares(np.array([[1.0, 1.0], [1.5, 1.5]]), edge_ratio=1.5).all()
    assert connected_squares(np.ones((1, 5))).shape == (0, 4)


def test_connected_squares_refuse_a_ratio_below_one():
    with pytest.raises(ValueError, match=r"at least 1\. Received: 0\.9"):
        connected_squares(np.ones((2, 2)), edge_ratio=0.9)


def test_square_triangles_by_hand():
    triangles = square_triangles(np.array([[False, True]]))
    # Pixels 0 1 2 / 3 4 5: the right square is 1 2 / 4 5.
    assert triangles.tolist() == [[1, 4, 2], [2, 4, 5]]
    assert square_triangles(np.zeros((3, 2), bool)).shape == (0, 3)


def test_square_triangles_face_the_camera():
    depth = np.random.default_rng(0).uniform(1.0, 1.02, (6, 5))
    points = back_project(depth, Camera((6, 5), 5.0, 5.0, 2.0, 2.5)).reshape(-1, 3)
    a, b, c = points[square_triangles(connected_squares(depth))].swapaxes(0, 1)
    normals = np.cross(b - a, c - a)
    assert len(normals) == 2 * 5 * 4
    # From every triangle the camera at the origin is in front.
    assert np.all(np.sum(normals * -a, axis=1) > 0)
