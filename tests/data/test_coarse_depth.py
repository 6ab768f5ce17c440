"""Tests of the coarse depth maps for training the guided network."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.config import AugmentationConfig, CoarseDepthConfig
from dpde_tf.data import coarse_depth
from dpde_tf.data.coarse_depth import CoarseDepths, degraded_depth, fill_holes
from dpde_tf.data.input_pipeline import (
    RecordSet,
    make_evaluation_dataset,
    make_training_dataset,
)
from dpde_tf.files.predictions import read_predicted_depths, write_prediction
from tests.fixtures.record_sets import write_small_record_set

NOTHING = CoarseDepthConfig(
    max_shrink=1.0,
    max_blur=0.0,
    max_displacement=0.0,
    max_level_error=0.0,
    max_noise=0.0,
    max_quantisation=0.0,
    hole_share=0.0,
    predicted_share=0.0,
    predicted_max_shrink=1.0,
)
SEEDS = [tf.constant([5, index]) for index in range(12)]


@pytest.fixture
def step():
    """A step from 2 m to 4 m, in the middle."""
    depth = np.full([48, 64, 1], 2.0, np.float32)
    depth[:, 32:] = 4.0
    return tf.constant(depth)


def _degraded(depth, **amounts):
    config = dataclasses.replace(NOTHING, **amounts)
    return [degraded_depth(depth, seed, config).numpy() for seed in SEEDS]


def test_degraded_depth_without_degradation_is_the_truth(step):
    for depth in _degraded(step):
        np.testing.assert_allclose(depth, step, rtol=1e-6)


def test_degraded_depth_is_a_function_of_the_seed(step):
    config = CoarseDepthConfig()
    first, second = (
        [degraded_depth(step, seed, config).numpy() for seed in SEEDS] for _ in "ab"
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.shape == step.shape
        assert (one > 0).all()
    assert len({depth.tobytes() for depth in first}) == len(SEEDS)


@pytest.mark.parametrize(
    ("name", "amount", "reach"),
    [
        # The pixels of the small map have 16 columns.
        ("max_shrink", 16.0, 26),
        # Three deviations of the blur, and four of the displacement.
        ("max_blur", 6.0, 19),
        ("max_displacement", 3.0, 13),
    ],
)
def test_edge_is_changed_up_to_the_configured_distance(step, name, amount, reach):
    changed = [
        np.abs(depth - step).max(axis=(0, 2)) > 1e-3
        for depth in _degraded(step, **{name: amount})
    ]
    farthest = max(np.abs(np.flatnonzero(c) - 31.5).max(initial=0) for c in changed)
    assert reach / 4 < farthest <= reach


def test_level_error_has_the_configured_size(step):
    degraded = _degraded(step, max_level_error=0.12)
    logs = [np.abs(np.log(depth / step)).max() for depth in degraded]
    assert 0.08 < max(logs) < 0.36  # Up to three deviations.


def test_blur_is_a_normalised_gaussian(step):
    deviations = []
    for depth in _degraded(step, max_blur=6.0):
        profile = np.diff(depth[24, :, 0].astype(float))
        assert profile.sum() == pytest.approx(2.0, abs=1e-3)
        places = np.arange(63) - 31.0
        assert (profile * places).sum() == pytest.approx(0.0, abs=0.02)
        # The derivative of the blurred step is the kernel, of this deviation.
        deviation = np.sqrt((profile * places**2).sum() / 2.0)
        deviations.append(deviation)
        assert (profile > -1e-5).all()
    assert 4.0 < max(deviations) < 6.2


def test_quantisation_step_is_a_fraction_of_the_mean(step):
    errors = []
    for depth in _degraded(step, max_quantisation=0.2):
        assert len(np.unique(depth)) == 2
        errors.append(np.abs(depth - step.numpy()).max())
    assert 0.05 < max(errors) <= 0.5 * 0.2 * 3.0 + 1e-5


def test_noise_has_the_configured_deviation():
    flat = tf.fill([48, 64, 1], 2.0)
    deviations = [np.std(depth) / 2.0 for depth in _degraded(flat, max_noise=0.02)]
    assert 0.012 < max(deviations) < 0.021
    assert min(deviations) < 0.01


def test_holes_are_filled_from_their_surroundings(step):
    shares = []
    for depth in _degraded(step, hole_share=1.0):
        changed = np.abs(depth - step.numpy()) > 1e-6
        shares.append(changed.mean())
        assert (depth >= 2.0 - 1e-5).all()
        assert (depth <= 4.0 + 1e-5).all()
    assert max(shares) > 0


def test_holes_are_a_small_part_of_the_map(rng):
    rough = tf.constant(rng.uniform(2, 4, [48, 64, 1]), tf.float32)
    changed = [
        np.mean(np.abs(depth - rough.numpy()) > 1e-4)
        for depth in _degraded(rough, hole_share=1.0)
    ]
    assert 0.01 < np.mean(changed) < 0.25  # A unit Gaussian exceeds 1.2 in 11 %.


@pytest.mark.parametrize("size", [(1, 7), (7, 1), (2, 2)])
def test_degraded_depth_of_a_map_one_pixel_wide(size):
    depth = degraded_depth(tf.fill([*size, 1], 2.0), SEEDS[0], CoarseDepthConfig())
    assert depth.shape == (*size, 1)
    assert np.isfinite(depth).all()


def test_fill_holes_worked_values():
    depth = np.zeros([4, 4, 1], np.float32)
    depth[0, 0], depth[0, 1], depth[3, 3] = 1.0, 3.0, 6.0
    filled = fill_holes(tf.constant(depth)).numpy()
    # At half resolution: 2 at the top left, 6 at the bottom right, and their mean, 4.
    assert filled[depth > 0].tolist() == [1.0, 3.0, 6.0]
    # Pixel (1, 1) is a quarter of the way: 9/16 of 2, 3/16 of 4 twice, 1/16 of 6.
    assert filled[1, 1, 0] == pytest.approx((9 * 2 + 6 * 4 + 6) / 16)
    assert filled[3, 0, 0] == pytest.approx(4.0)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3), (48, 64)])
def test_fill_holes_without_measurements_is_one(size):
    np.testing.assert_array_equal(fill_holes(tf.zeros([*size, 1])), np.ones([*size, 1]))


def test_predicted_maps_follow_the_augmentation_of_their_images(
    tmp_path, rng, monkeypatch
):
    # The other way to a coarse map, whose graph takes seconds.
    monkeypatch.setattr(coarse_depth, "degraded_depth", lambda truth, *_: truth)
    folder = write_small_record_set(tmp_path / "records", rng, size=(48, 64))
    records = RecordSet.open(folder, "train")
    depths = np.stack([b["depth"] for b in _evaluation(records)])[:, 0]
    config = dataclasses.replace(NOTHING, predicted_share=1.0)
    coarse = CoarseDepths(config, (2.0 * depths).astype(np.float32))
    (batch,) = make_training_dataset(
        records,
        batch_size=12,
        augmentation=AugmentationConfig(flip=True, max_zoom=1.3, crop_size=(32, 40)),
        seed=0,
        epoch=0,
        coarse=coarse,
    )
    assert batch["coarse_depth"].shape == (12, 32, 40, 1)
    measured = batch["depth"].numpy() > 0
    np.testing.assert_allclose(
        batch["coarse_depth"].numpy()[measured],
        2.0 * batch["depth"].numpy()[measured],
        rtol=1e-5,
    )


def test_holes_of_a_rotated_prediction_are_filled(step):
    config = dataclasses.replace(NOTHING, predicted_share=1.0)
    predicted = step.numpy()
    predicted[:3, :5] = 0.0
    coarse = CoarseDepths(config, predicted[np.newaxis])
    made = coarse.make(tf.ones_like(step), tf.constant(predicted), SEEDS[0])
    np.testing.assert_allclose(made, step, rtol=1e-6)
    nothing = coarse.make(tf.ones_like(step), tf.zeros_like(step), SEEDS[0])
    np.testing.assert_allclose(nothing, tf.ones_like(step), rtol=1e-6)


def test_half_of_the_predicted_maps_have_a_lower_resolution(step):
    config = dataclasses.replace(NOTHING, predicted_share=1.0, predicted_max_shrink=8.0)
    coarse = CoarseDepths(config, step.numpy()[np.newaxis])
    seeds = [tf.constant([3, index]) for index in range(60)]
    maps = [coarse.make(tf.ones_like(step), step, seed).numpy() for seed in seeds]
    same = [np.array_equal(depth, step) for depth in maps]
    assert 18 < sum(same) < 42  # Four standard deviations of a fair coin.
    widths = [np.sum((depth[24] > 2.05) & (depth[24] < 3.95)) for depth in maps]
    assert max(widths) >= 5
    for depth in maps:
        np.testing.assert_allclose(depth[:, :8], 2.0, rtol=1e-4)
        np.testing.assert_allclose(depth[:, -8:], 4.0, rtol=1e-4)


def _evaluation(records, **options):
    batches = make_evaluation_dataset(records, batch_size=1, **options)
    return list(batches.as_numpy_iterator())


def test_evaluation_sees_the_same_coarse_maps_every_time(tmp_path, rng):
    folder = write_small_record_set(tmp_path / "records", rng, size=(48, 64))
    records = RecordSet.open(folder, "train")
    coarse = CoarseDepths(CoarseDepthConfig())
    batches = make_evaluation_dataset(records, batch_size=1, coarse=coarse)
    first, second = (list(batches.as_numpy_iterator()) for _ in range(2))
    part = records.without(np.arange(12) != 7)
    (alone,) = _evaluation(part, coarse=coarse)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one["coarse_depth"], other["coarse_depth"])
        assert np.abs(one["coarse_depth"] - one["depth"]).max() > 1e-3
    np.testing.assert_array_equal(alone["coarse_depth"], first[7]["coarse_depth"])


def test_read_predicted_depths_uses_the_first_matching_folder(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, names in zip(folders, ("xy", "yz"), strict=True):
        folder.mkdir()
        for name in names:
            depth = np.full([2, 3], 1.0 if folder.name == "a" else 5.0, np.float32)
            write_prediction(folder / f"{name}.npz", {"depth": depth})
    depths = read_predicted_depths(folders, ["x", "y", "z", "unknown"])
    assert depths.shape == (4, 2, 3, 1)
    assert depths[:, 0, 0, 0].tolist() == [1.0, 1.0, 5.0, 0.0]
    assert read_predicted_depths([], ["x"]) is None
    with pytest.raises(FileNotFoundError, match=r"The folder .*c of predictions"):
        read_predicted_depths([*folders, tmp_path / "c"], ["x"])
    with pytest.raises(
        FileNotFoundError, match=r"None of .*a, .*b has a prediction for"
    ):
        read_predicted_depths(folders, ["q"])
    write_prediction(folders[1] / "w.npz", {"depth": np.ones([3, 3], np.float32)})
    with pytest.raises(ValueError, match=r"must have one size. Received: \[\(2, 3\)"):
        read_predicted_depths(folders, ["x", "w"])
