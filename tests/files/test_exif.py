"""Tests of the focal length that cameras note in image files."""

import cv2
import numpy as np
import pytest

from dpde_tf.files.exif import ExifCamera, read_exif_camera
from tests.fixtures.exif import exif_block, write_exif_photograph


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_camera_of_a_file(tmp_path, order, suffix):
    block = exif_block(26, (3024, 4032), order=order)
    path = write_exif_photograph(tmp_path / f"photo{suffix}", (30, 40), block)
    assert read_exif_camera(path) == ExifCamera(26.0, (3024, 4032))


def test_upright_camera_has_its_size_turned(tmp_path):
    block = exif_block(26, (3024, 4032), orientation=6)
    path = write_exif_photograph(tmp_path / "photo.jpg", (30, 40), block)
    assert read_exif_camera(path).size == (4032, 3024)


def test_no_camera_without_a_focal_length(tmp_path):
    path = write_exif_photograph(tmp_path / "photo.jpg", (30, 40), exif_block(0))
    assert read_exif_camera(path) is None
    cv2.imwrite(str(path), np.zeros([30, 40, 3], np.uint8))
    assert read_exif_camera(path) is None


def test_damaged_exif_is_no_camera(tmp_path):
    block = exif_block(26, (3024, 4032))
    for length in range(0, len(block), 7):
        path = write_exif_photograph(tmp_path / "photo.jpg", (30, 40), block[:length])
        found = read_exif_camera(path)
        assert found is None or found.focal_35mm == 26


def test_focal_length_follows_from_the_diagonal():
    # 43.27 mm of film are the diagonal: at 43.27 mm it is the diagonal in pixels.
    camera = ExifCamera(np.hypot(36, 24), (3000, 4000))
    assert camera.focal((3000, 4000)) == pytest.approx(5000)
    # Resized to a tenth.
    assert camera.focal((300, 400)) == pytest.approx(500)
    # Cut out: the pixels are those of the camera.
    assert camera.focal((2000, 2000)) == pytest.approx(5000)
    assert ExifCamera(camera.focal_35mm).focal((300, 400)) == pytest.approx(500)


def test_turned_picture_whose_program_left_the_size_has_no_focal_length():
    # Taken upright, turned, shrunk to a quarter; the tag of the orientation is gone.
    camera = ExifCamera(26, (3000, 4000))
    assert camera.focal((1000, 750)) is None
    assert camera.focal((750, 1000)) is not None


@pytest.mark.parametrize(
    ("size", "is_crop"), [((2000, 3000), False), ((1687, 3000), 1)]
)
def test_crop_to_16_by_9_keeps_the_pixels_of_the_camera(size, is_crop):
    # A 3:2 picture of 2000x3000: its diagonal, or that of the picture that was cut.
    camera = ExifCamera(np.hypot(36, 24), (2000, 3000))
    assert camera.focal(size) == pytest.approx(np.hypot(2000, 3000))
    assert camera.focal((size[0] // 2, size[1] // 2)) == pytest.approx(
        np.hypot(2000, 3000) / (1 if is_crop else 2), rel=1e-3
    )


def test_image_that_cannot_be_a_part_has_no_focal_length():
    assert ExifCamera(26, (3000, 4000)).focal((4000, 4000)) is None
