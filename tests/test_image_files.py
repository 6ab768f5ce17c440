"""Tests of dpde_tf.data.image_files."""

import cv2
import numpy as np
import pytest

from dpde_tf.data.image_files import IMAGE_SUFFIXES, read_image, resize_image


def test_resize_image_halves_to_the_rounded_mean_of_four(rng):
    image = rng.integers(0, 256, (6, 8, 3), np.uint8)
    mean = image.reshape(3, 2, 4, 2, 3).mean((1, 3))
    resized = resize_image(image, (3, 4))
    assert resized.dtype == np.uint8
    # Both are exact up to how a half is rounded.
    assert np.abs(resized - mean).max() <= 0.5
    linear = cv2.resize(image, (4, 3), interpolation=cv2.INTER_LINEAR)
    assert np.abs(linear - mean).max() <= 0.5


def test_resize_image_shrinks_by_area_and_enlarges_bilinearly():
    stripes = np.tile(np.uint8([0, 255, 0]), 4)[np.newaxis, :, np.newaxis]
    stripes = np.repeat(stripes, 3, axis=2)
    np.testing.assert_array_equal(resize_image(stripes, (1, 4)), np.full((1, 4, 3), 85))
    pixels = np.uint8([[[0] * 3, [100] * 3]])
    enlarged = resize_image(pixels, (1, 4))[0, :, 0]
    np.testing.assert_array_equal(enlarged, [0, 25, 75, 100])
    assert resize_image(pixels, (1, 2)) is pixels


def test_read_image_is_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.uint8([[[0, 0, 255]]]))  # BGR
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), [[[255, 0, 0]]])


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_read_image_reads_every_suffix(tmp_path, suffix):
    cv2.imwrite(str(tmp_path / f"a{suffix}"), np.full((8, 8, 3), 90, np.uint8))
    image = read_image(tmp_path / f"a{suffix}")
    # Lossy formats may round a constant by a level or two.
    assert np.abs(image.astype(int) - 90).max() <= 2


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".ppm"])
@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_read_image_refuses_a_cut_file(tmp_path, rng, suffix, keep):
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), rng.integers(0, 256, (40, 50, 3), np.uint8))
    assert read_image(path).shape == (40, 50, 3)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(ValueError, match=f"a{suffix} must be a whole image"):
        read_image(path)


def test_read_image_names_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.png"):
        read_image(tmp_path / "none.png")
