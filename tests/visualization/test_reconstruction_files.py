"""Tests of the files of a reconstruction; its page is in test_viewer_page."""

import sys

import numpy as np
import pytest

from dpde_tf.visualization.reconstruction.cameras import Camera
from dpde_tf.visualization.reconstruction.files import (
    check_formats,
    write_reconstruction,
)
from dpde_tf.visualization.reconstruction.geometry import back_project

SIZE = (5, 6)
CAMERA = Camera(SIZE, 6.0, 6.0, 2.5, 2.0)


@pytest.fixture
def trimesh():
    return pytest.importorskip("trimesh")


@pytest.fixture
def scene():
    """Two walls, the right one farther, and a hole; each pixel has its own colour."""
    depth = np.full(SIZE, 1.0, np.float32)
    depth[:, 3:] = 2.0
    depth[0, 0] = 0.0
    image = np.arange(90, dtype=np.uint8).reshape(*SIZE, 3)
    return image, depth


def test_point_cloud_can_be_read_back(scene, trimesh, tmp_path):
    image, depth = scene
    paths = write_reconstruction(
        tmp_path, "a", image, {"fused": depth}, CAMERA, formats=["ply"]
    )
    assert [path.name for path in paths] == ["a_fused_points.ply", "a_fused.ply"]
    cloud = trimesh.load(paths[0])
    measured = depth > 0
    assert len(cloud.vertices) == 29
    np.testing.assert_array_equal(cloud.vertices, back_project(depth, CAMERA)[measured])
    np.testing.assert_array_equal(cloud.colors[:, :3], image[measured])


@pytest.mark.parametrize("suffix", ["ply", "glb"])
def test_mesh_can_be_read_back_and_is_cut_at_the_edge(scene, trimesh, tmp_path, suffix):
    image, depth = scene
    write_reconstruction(
        tmp_path, "a", image, {"fused": depth}, CAMERA, formats=[suffix]
    )
    mesh = trimesh.load(tmp_path / f"a_fused.{suffix}", process=False)
    if suffix == "glb":
        (mesh,) = mesh.geometry.values()
    # 4 x 5 squares without the 4 across the edge and the one at the hole.
    assert len(mesh.faces) == 2 * (20 - 4 - 1)
    corners = mesh.vertices[mesh.faces][..., 2]
    assert np.all(corners == corners[:, :1])  # No triangle from wall to wall.
    assert set(corners.ravel()) == {-1.0, -2.0}
    # The pixel in row 4, column 5.
    corner = back_project(depth, CAMERA)[4, 5]
    (index,) = np.flatnonzero(np.all(np.isclose(mesh.vertices, corner), axis=1))
    if suffix == "ply":
        color = mesh.visual.vertex_colors[index, :3]
        np.testing.assert_array_equal(color, image[4, 5])
    else:  # Linear, with 16 bits; the pixel's are all above 10.
        color = mesh.visual.vertex_attributes["color"][index, :3] / 65535
        linear = ((image[4, 5] / 255 + 0.055) / 1.055) ** 2.4
        np.testing.assert_allclose(color, linear, atol=1e-5)


def test_depth_of_separate_points_has_no_mesh(trimesh, tmp_path):
    depth = np.zeros(SIZE)
    depth[2, 3] = 1.0
    image = np.zeros((*SIZE, 3), np.uint8)
    paths = write_reconstruction(tmp_path, "a", image, {"depth": depth}, CAMERA)
    assert [path.name for path in paths] == ["a_depth_points.ply", "a.html"]


def test_page_has_all_depth_maps_and_needs_no_library(scene, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    image, depth = scene
    depths = {"depth": depth, "fused": depth + 1}
    (path,) = write_reconstruction(
        tmp_path, "a", image, depths, CAMERA, formats=["html"]
    )
    assert path.read_text().count('"connected": ') == 2
    with pytest.raises(ValueError, match=r"pip install 'dpde_tf\[figures\]'"):
        check_formats(["html", "glb"])


def test_unknown_formats_and_empty_depth_are_refused(scene, tmp_path):
    image, depth = scene
    with pytest.raises(
        ValueError, match=r"`export` must be among ply, glb, html\. .*: obj"
    ):
        check_formats(["html", "obj"])
    with pytest.raises(ValueError, match="'fused' of a has no measured pixel"):
        write_reconstruction(
            tmp_path, "a", image, {"fused": 0 * depth}, CAMERA, formats=["html"]
        )
    assert not list(tmp_path.iterdir())
