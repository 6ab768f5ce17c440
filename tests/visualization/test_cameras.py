"""Tests of dpde_tf.visualization.reconstruction.cameras."""

import functools

import numpy as np
import pytest

from dpde_tf.visualization.reconstruction.cameras import (
    CAMERAS,
    Camera,
    find_camera,
    photograph_camera,
)


def test_rays_of_a_camera_by_hand():
    # Axis at column 1, row 0; focal lengths 2 and 4.
    rays = Camera((2, 3), 2.0, 4.0, 1.0, 0.0).rays()
    assert rays.shape == (2, 3, 3)
    np.testing.assert_allclose(rays[0, 1], [0, 0, 1])
    np.testing.assert_allclose(rays[1, 2], [0.5, 0.25, 1])
    np.testing.assert_allclose(rays[0, 0], [-0.5, 0, 1])


def test_rays_of_distances_have_length_one():
    # 3-4-5: the pixel 3 to the right of the axis at focal length 4.
    rays = Camera((1, 4), 4.0, 4.0, 0.0, 0.0, depth_along_ray=True).rays()
    np.testing.assert_allclose(rays[0, 3], [0.6, 0, 0.8])
    np.testing.assert_allclose(np.linalg.norm(rays, axis=-1), 1)


def test_resized_camera_has_the_same_rays():
    camera = CAMERAS["nyu_depth_v2"]
    half = camera.resized((240, 320))
    assert half.focal_x == pytest.approx(518.85790 / 2)
    # A pixel of half the size looks between the four that it replaces.
    whole = camera.rays().reshape(240, 2, 320, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(half.rays(), whole, atol=1e-12)
    stretched = camera.resized((480, 320))
    assert (stretched.focal_x, stretched.focal_y) == (half.focal_x, camera.focal_y)


def test_camera_of_make3d_is_upright_and_measures_distances():
    camera = find_camera("make3d", (460, 345))
    assert camera.depth_along_ray
    # 2400 px over 1704 columns: 39 degrees wide; 51 high.
    width, height = (
        2 * np.degrees(np.arctan(n / 2 / focal))
        for n, focal in ((345, camera.focal_x), (460, camera.focal_y))
    )
    assert (width, height) == (pytest.approx(39.1, abs=0.1), pytest.approx(50.5, abs=1))


def test_given_focal_length_overrides_the_known_one():
    camera = find_camera("nyu_depth_v2", (3, 5), focal=10.0)
    assert camera == Camera((3, 5), 10.0, 10.0, 2.0, 1.0)


def test_photograph_camera_has_the_angle_of_nyu():
    for size in ((640, 480), (480, 640)):
        assert photograph_camera(size).focal_x == pytest.approx(518.85790)


def test_unknown_camera_and_wrong_focal_lengths_are_refused():
    with pytest.raises(ValueError, match=r"'mine' is not known.*make3d.*`focal`"):
        find_camera("mine", (2, 2))
    for focal in (0.0, -1.0, float("nan"), float("inf"), 0.001, 127.9, 64000.1):
        for make in (photograph_camera, functools.partial(find_camera, "make3d")):
            with pytest.raises(
                ValueError,
                match=r"`focal` must be in pixels, between 128 and 64000 for an "
                rf"image of 480x640\. Received: {focal:g}\. To convert mill",
            ):
                make((480, 640), focal=focal)
    # The longer side counts.
    assert photograph_camera((640, 480), focal=128.0).focal_y == 128.0
    assert photograph_camera((480, 640), focal=64000.0).focal_y == 64000.0
