"""Tests of the camera of a photograph, with rooms seen by two cameras."""

import dataclasses
import math

import numpy as np
import pytest

from data_prep.synthetic.geometry import cast_rays
from data_prep.synthetic.rooms import make_room
from dpde_tf.files.exif import ExifCamera
from dpde_tf.inference.photograph_cameras import CameraOptions, find_photograph_camera
from dpde_tf.inference.predictor import working_size
from dpde_tf.visualization.reconstruction.cameras import CAMERAS
from dpde_tf.visualization.reconstruction.geometry import back_project

TRAINING = {"training_size": (240, 320), "dataset": "nyu_depth_v2"}
NYU = CAMERAS["nyu_depth_v2"]


def find(size, exif=None, **options):
    return find_photograph_camera(
        size, **TRAINING, options=CameraOptions(**options), exif=exif
    )


def seen_by(fov_x, size):
    """The input of the networks: depth of a room, and focal length in pixels."""
    room = make_room(np.random.default_rng(3))
    longer = max(size) / size[1] * math.tan(math.radians(fov_x) / 2)
    camera = dataclasses.replace(room.camera, field_of_view=2 * math.atan(longer))
    seen = working_size(size, (240, 320))
    return cast_rays(room.boxes, camera, seen).depth, camera.focal_length(seen)


@pytest.mark.parametrize("fov_x", [40.0, 63.0, 85.0])
@pytest.mark.parametrize("size", [(480, 640), (720, 1280), (640, 480)])
def test_room_seen_by_another_camera_gets_its_true_depth(fov_x, size):
    # A network that knows NYU's camera and judges by apparent size takes the room for
    # one whose things of s metres have as many pixels there: at z f_known / f metres.
    true, focal = seen_by(fov_x, size)
    known = math.sqrt(NYU.focal_x * NYU.focal_y) / 2  # Of 240x320.
    predicted = true * known / focal
    found = find(size, fov_x=fov_x)
    scaled = found.scale({"depth": predicted})["depth"]
    np.testing.assert_allclose(scaled, true, rtol=5e-3)
    # The width of what is seen, in metres, is that of the room, too.
    points = back_project(scaled, found.camera.resized(true.shape))
    width = true.shape[1]
    half = math.tan(math.radians(fov_x) / 2) * (width - 1) / width
    ends = (points[..., 0] / scaled)[true.shape[0] // 2, [0, -1]]
    np.testing.assert_allclose(ends, [-half, half], rtol=5e-3)


def test_factor_by_hand():
    # Twice the focal length of NYU: a thing of the same size is twice as far.
    focal = 2 * math.sqrt(NYU.focal_x * NYU.focal_y)
    assert find((480, 640), focal=focal).depth_factor == pytest.approx(2.0)
    # The same camera, photographs of twice the size.
    assert find((960, 1280), focal=2 * focal).depth_factor == pytest.approx(2.0)
    # Half of the picture cut off: twice the scale of what the networks see, by area.
    cut = find((480, 320), focal=focal / 2).depth_factor
    assert cut == pytest.approx(math.sqrt(2))
    names = ("depth", "fused", "gradient_x", "gradient_y", "uncertainty")
    maps = dict.fromkeys(names, np.ones((2, 2), np.float32))
    for name, scaled in find((480, 640), focal=focal).scale(maps).items():
        np.testing.assert_allclose(scaled, 2.0, rtol=1e-6, err_msg=name)


def test_angle_and_focal_length_are_the_same_camera():
    one, other = find((400, 600), fov_x=90.0), find((400, 600), focal=300.0)
    assert one.camera.focal_x == pytest.approx(300.0)
    assert one.depth_factor == pytest.approx(other.depth_factor)


@pytest.mark.parametrize("size", [(480, 640), (1080, 1920), (640, 480)])
def test_unknown_camera_is_that_of_the_networks(size):
    found = find(size)
    assert (found.origin, found.depth_factor) == ("assumed", 1.0)
    seen = found.camera.resized(working_size(size, (240, 320)))
    known = math.sqrt(NYU.focal_x * NYU.focal_y) / 2
    assert seen.focal_x == pytest.approx(known, rel=5e-3)


def test_exif_is_used_unless_overridden_or_disabled():
    exif = ExifCamera(math.hypot(36, 24), (3000, 4000))
    found = find((300, 400), exif)
    assert found.origin == "EXIF" and found.camera.focal_x == pytest.approx(500)
    assert find((300, 400), exif, fov_x=60.0).origin == "fov_x"
    assert find((300, 400), exif, read_exif=False).origin == "assumed"


def test_depth_is_not_scaled_if_the_training_camera_is_unknown():
    found = find_photograph_camera(
        (30, 40),
        training_size=(30, 40),
        dataset="own",
        options=CameraOptions(fov_x=90.0),
    )
    assert found.depth_factor is None and "not scaled" in str(found)
    depth = np.ones((2, 2), np.float32)
    np.testing.assert_array_equal(found.scale({"depth": depth})["depth"], depth)


def test_text_names_angle_source_and_factor():
    text = str(find((400, 600), fov_x=90.0))
    assert text.startswith("camera of 90.0 degrees across the width (fov_x), depth x 0")


@pytest.mark.parametrize("angle", [0.0, -10.0, 180.0, 400.0, math.nan])
def test_impossible_angle_is_refused(angle):
    with pytest.raises(ValueError, match=r"`fov_x` must be .* less than 180"):
        CameraOptions(fov_x=angle)


@pytest.mark.parametrize("angle", [179.0, 0.1])
def test_angle_that_no_lens_has_is_refused_with_the_possible_ones(angle):
    # 2 atan(1 / (2 * 0.2)) and 2 atan(1 / (2 * 100)): the width is the longer side.
    with pytest.raises(ValueError, match=r"`fov_x` .* between 0.573 and 136.4 degrees"):
        find((400, 600), fov_x=angle)


def test_angle_and_focal_length_together_are_refused():
    with pytest.raises(ValueError, match=r"either `fov_x` .* Received: 60 degrees and"):
        CameraOptions(fov_x=60.0, focal=500.0)


@pytest.mark.parametrize("size", [(31, 1000), (200, 5000)])
def test_panorama_without_a_focal_length_has_a_camera(size):
    found = find(size)
    assert (found.origin, found.depth_factor) == ("assumed", 1.0)
    assert found.camera.focal_x == pytest.approx(0.2 * size[1])  # The least of a lens.


def test_exif_that_no_lens_has_is_not_used():
    # A cut-out of 25x25 pixels: 26 mm are 3004 pixels, 120 times its width.
    exif = ExifCamera(26.0, (3000, 4000))
    assert find((3000, 4000), exif).origin == "EXIF"
    assert find((25, 25), exif).origin == "assumed"


def test_radians_are_warned_of(caplog):
    with caplog.at_level("WARNING", "absl"):
        CameraOptions(fov_x=60.0)
        assert not caplog.records
        CameraOptions(fov_x=1.05)
    assert "`fov_x` is in degrees: 1.05 is the view of a telescope" in caplog.text


@pytest.mark.parametrize("name", ["fov_x", "focal"])
def test_text_is_no_camera(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a number. Received: '70'"):
        CameraOptions(**{name: "70"})
