"""Tests of data augmentation."""

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.config import AugmentationConfig
from dpde_tf.data.augmentation import augment

SEEDS = [tf.constant([7, index]) for index in range(20)]


@pytest.fixture
def pair(rng):
    image = rng.uniform(0.2, 0.7, [24, 32, 3]).astype(np.float32)
    depth = rng.uniform(1, 9, [24, 32, 1]).astype(np.float32)
    return tf.constant(image), tf.constant(depth)


def _results(pair, **options):
    config = AugmentationConfig(**options)
    return [[x.numpy() for x in augment(*pair, seed, config)] for seed in SEEDS]


def test_augment_without_changes_is_the_identity(pair):
    image, depth = augment(*pair, SEEDS[0], AugmentationConfig())
    assert np.array_equal(image, pair[0])
    assert np.array_equal(depth, pair[1])


def test_augment_is_a_function_of_the_seed(pair):
    options = {"flip": True, "max_zoom": 1.5, "max_rotation": 5.0, "colour": 0.2}
    first, second = _results(pair, **options), _results(pair, **options)
    for one, other in zip(first, second, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert len({image.tobytes() for image, _ in first}) == len(SEEDS)


def test_augment_flips_both_half_of_the_time(pair):
    flipped = 0
    for image, depth in _results(pair, flip=True):
        mirrored = not np.array_equal(image, pair[0])
        flipped += mirrored
        step = -1 if mirrored else 1
        assert np.array_equal(image, pair[0][:, ::step])
        assert np.array_equal(depth, pair[1][:, ::step])
    # 20 fair coins give fewer than 4 or more than 16 heads in 3 of 1000 cases.
    assert 4 <= flipped <= 16


def test_augment_zoom_divides_depth(pair):
    constant = tf.fill([24, 32, 1], 6.0)
    zooms = []
    for _, depth in _results((pair[0], constant), max_zoom=1.5):
        # A zoomed-in window is inside the image, up to rounding at its border.
        inner = depth[1:-1, 1:-1]
        assert np.ptp(inner) < 1e-5
        zooms.append(6.0 / inner[0, 0, 0])
    assert 1.0 <= min(zooms) < 1.2
    assert 1.3 < max(zooms) <= 1.5


def test_zoomed_window_may_be_anywhere():
    rows, columns = np.mgrid[:24, :32].astype(np.float32)
    image = np.stack([rows / 24, columns / 32, 0 * rows], axis=-1)
    found = _results((image, np.ones([24, 32, 1], np.float32)), max_zoom=1.5)
    middles = np.array([i[11:13, 15:17, :2].mean(axis=(0, 1)) for i, _ in found])
    assert np.ptp(middles, axis=0).min() > 0.1
    assert abs(np.corrcoef(middles.T)[0, 1]) < 0.8


def test_zoom_and_rotation_keep_image_and_depth_aligned():
    # A ramp in the image and the same ramp in depth stay equal up to interpolation.
    rows, columns = np.mgrid[:64, :64].astype(np.float32)
    ramp = (rows + 2 * columns) / 200 + 0.01
    pair = (np.repeat(ramp[..., None], 3, -1), ramp[..., None])
    for image, depth in _results(pair, max_zoom=1.5, max_rotation=5.0):
        inner = (slice(8, -8), slice(8, -8))
        image, depth = image[inner][..., 0], depth[inner][..., 0]
        measured = depth > 0
        assert measured.mean() > 0.9
        zoom = np.median(image[measured] / depth[measured])
        assert 1.0 <= zoom <= 1.5 + 1e-3
        # Both are interpolated in the same way, up to float32 rounding.
        assert np.abs(image - depth * zoom)[measured].max() < 1e-4
        # A plane remains a plane: its second differences are 0.
        assert np.abs(np.diff(depth, n=2, axis=1)).max() < 1e-4


def test_rotation_turns_by_up_to_the_given_angle():
    columns = np.mgrid[:64, :64][1].astype(np.float32)[..., None] / 100 + 1
    angles = []
    pair = (np.repeat(columns / 2, 3, -1), columns)
    for _, depth in _results(pair, max_rotation=5.0):
        inner = depth[16:-16, 16:-16, 0]
        dy, dx = np.diff(inner, axis=0).mean(), np.diff(inner, axis=1).mean()
        assert np.hypot(dx, dy) == pytest.approx(0.01, rel=1e-3)
        angles.append(np.degrees(np.arctan2(dy, dx)))
    assert -5.01 <= min(angles) < -2.5 and 2.5 < max(angles) <= 5.01


def test_rotation_adds_no_depth_outside_or_in_holes(pair):
    depth = pair[1].numpy()
    depth[10:13, 10:13] = 0.0
    for _, turned in _results((pair[0], depth), max_rotation=5.0):
        # Between the smallest and the largest measurement, or nothing at all.
        assert turned[turned > 0].min() >= depth[depth > 0].min() - 1e-4
        assert turned.max() <= depth.max() + 1e-4
        assert not turned[11, 11]
        assert (turned == 0).sum() >= 9


def test_augment_colour_multiplies_channels(pair):
    factors = []
    for image, depth in _results(pair, colour=0.1):
        ratio = image / pair[0].numpy()
        factors.append(ratio.mean(axis=(0, 1)))
        assert np.ptp(ratio, axis=(0, 1)).max() < 1e-5
        assert 0.9**2 - 1e-5 <= ratio.min() <= ratio.max() <= 1.1**2 + 1e-5
        assert np.array_equal(depth, pair[1])
    assert np.ptp(factors) > 1.05**2 - 0.95**2  # More than half of the change.
    assert np.ptp(factors, axis=1).max() > 0.05  # The channels differ,
    assert np.ptp(factors, axis=0).min() > 0.1  # and so do the images.


def test_random_crop_is_the_same_for_image_and_depth(pair):
    index = tf.cast(tf.reshape(tf.range(24 * 32), [24, 32, 1]), tf.float32)
    wide = tf.repeat(index, 3, axis=-1)
    crops = _results((wide, index), crop_size=(10, 12))
    image, depth = crops[0]
    assert np.array_equal(image[..., :1], depth)
    assert depth.shape == (10, 12, 1)
    assert depth[1, 0, 0] - depth[0, 0, 0] == 32
    corners = [depth[0, 0, 0] for _, depth in crops]
    rows, columns = np.divmod(np.int64(corners), 32)
    assert rows.max() <= 14 and columns.max() <= 20
    assert min(np.ptp(rows), np.ptp(columns)) > 7
