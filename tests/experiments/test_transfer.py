"""Tests of the depth that is transferred from similar images."""

import types

import numpy as np
import pytest

from dpde_tf.cli import result_record
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.files.predictions import read_prediction
from experiments import transfer_depth
from experiments.transfer import methods
from experiments.transfer.correspondence import warp_candidates
from experiments.transfer.database import Database
from experiments.transfer.features import orientation_histograms
from experiments.transfer_depth import transfer_split
from tests.fixtures.record_sets import write_small_record_set
from tests.fixtures.scored_sets import write_record_set

SIZE = (64, 80)


def picture(rng, size=SIZE):
    """A smooth random image, which suits optical flow."""
    coarse = rng.integers(0, 255, (size[0] // 8, size[1] // 8, 3), np.uint8)
    return np.kron(coarse, np.ones((8, 8, 1), np.uint8))


def database(images, depths):
    return Database.of(np.stack(images), np.stack(depths).astype(np.float32))


def room():
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (2 + 0.02 * rows + 0.5 * (columns > 30)).astype(np.float32)


def test_histograms_tell_directions_and_ignore_contrast(rng):
    stripes = np.tile(np.arange(80, dtype=np.uint8)[None, :, None] // 8 % 2, (64, 1, 3))
    upright, lying = (
        orientation_histograms(200 * stripes),
        orientation_histograms(200 * stripes[:, :64].transpose(1, 0, 2)),
    )
    assert np.linalg.norm(upright) == pytest.approx(1)
    np.testing.assert_allclose(
        upright, orientation_histograms(100 * stripes), atol=0.01
    )
    assert upright @ lying < 0.1
    assert not np.any(orientation_histograms(np.full((64, 80, 3), 7, np.uint8)))


def test_nearest_image_is_the_image_itself(rng):
    images = [picture(rng) for _ in range(5)]
    found = database(images, [room()] * 5)
    assert found.nearest(images[3], 2)[0] == 3
    assert len(found.nearest(images[3], 9)) == 5


def test_database_fills_holes_from_the_nearest_pixel(tmp_path):
    depth = np.full((32, 40), 3.0, np.float32)
    depth[:, 20:] = 0
    folder = write_record_set(tmp_path / "records", {"a": depth, "b": depth})
    read = Database.read(RecordSet.open(folder, "test"))
    assert np.all(read.depths == 3)
    assert read.images.shape == (2, 32, 40, 3)
    nothing = write_record_set(tmp_path / "none", {"a": depth, "b": 0 * depth})
    with pytest.raises(ValueError, match=r"'b' in .* has no measured depth"):
        Database.read(RecordSet.open(nothing, "test"))


def test_warped_candidates_undo_a_shift(rng):
    image, depth = picture(rng, (64, 96)), rng.uniform(1, 5, (64, 96)).astype("f4")
    moved = np.roll(image, 3, axis=1)
    warped, errors = warp_candidates(
        image, moved[None], np.roll(depth, 3, axis=1)[None]
    )
    inside = np.s_[0, 16:-16, 16:-16]
    close = np.abs(warped[inside] - depth[16:-16, 16:-16]) < 0.3
    assert close.mean() > 0.9
    assert errors[inside].mean() < 0.02


def test_weighted_median_by_hand():
    values = np.array([[1.0, 1.0, 1.0], [9.0, 9.0, 9.0], [5.0, 5.0, 5.0]])
    weights = np.array([[1.0, 0.0, 5.0], [1.0, 2.0, 1.0], [1.0, 0.0, 1.0]])
    median, total = methods.weighted_median(values, weights)
    np.testing.assert_array_equal(median, [5.0, 9.0, 1.0])
    np.testing.assert_array_equal(total, [3.0, 2.0, 7.0])


def test_integral_of_differences_is_the_map(rng):
    depth = rng.uniform(1, 5, (13, 17))
    steps = [methods.forward_difference(depth, axis) for axis in (1, 0)]
    assert not np.any(steps[0][:, -1])
    assert not np.any(steps[1][-1])
    integral = methods.integrate(*steps)
    np.testing.assert_allclose(integral, depth - depth.mean(), atol=1e-12)


def test_cross_bilateral_smooths_only_where_the_guide_is_smooth():
    step = np.where(np.arange(20) < 10, 1.0, 2.0)[None].repeat(20, axis=0)
    options = {"radius": 3, "deviation": 2.0, "contrast": 0.1}
    kept = methods.cross_bilateral(step, step, **options)
    np.testing.assert_allclose(kept, step, atol=1e-6)
    smoothed = methods.cross_bilateral(step, np.zeros_like(step), **options)
    assert 1.3 < smoothed[10, 9] < 1.5 < smoothed[10, 10] < 1.7


def test_median_of_candidates_of_three_flat_rooms(rng):
    image = picture(rng)
    flat = [np.full(SIZE, depth) for depth in (1.0, 2.0, 7.0)]
    depth = methods.median_of_candidates(image, database([image] * 3, flat))
    np.testing.assert_allclose(depth, 2.0, rtol=1e-6)


@pytest.mark.parametrize("method", ["karsch_2014", "choi_2015"])
def test_methods_return_the_depth_of_the_same_image(rng, method):
    image = picture(rng)
    depth = methods.METHODS[method](image, database([image] * 7, [room()] * 7))
    np.testing.assert_allclose(depth, room(), atol=0.05)


def test_analogy_takes_the_slopes_of_the_candidate_that_fits(rng):
    image = picture(rng)
    others = [picture(rng) for _ in range(6)]
    found = database([image, *others], [room()] + [np.full(SIZE, 3.0)] * 6)
    depth = methods.METHODS["choi_2015"](image, found)
    np.testing.assert_allclose(depth - depth.mean(), room() - room().mean(), atol=0.05)


def test_prior_decides_where_no_candidate_fits(rng):
    # The most similar images are of other colours, so that their weights are nearly 0.
    image = picture(rng)
    many = [255 - image] * 7 + [picture(rng)] * 70
    depths = [np.full(SIZE, 9.0)] * 7 + [np.full(SIZE, 2.0)] * 70
    found = database(many, depths)
    depth = methods.depth_transfer(image, found)
    assert np.median(depth) == pytest.approx(found.mean_depth[0, 0], abs=0.1)


def test_transfer_predicts_records_of_another_size(tmp_path, rng):
    train = write_small_record_set(tmp_path / "train", rng, size=(48, 64))
    test = write_small_record_set(tmp_path / "test", rng, size=(36, 40))
    found = Database.read(RecordSet.open(train, "train"))
    folders = {name: tmp_path / name for name in methods.METHODS}
    transfer_split(found, test, folders, split="test")
    for folder in folders.values():
        files = sorted(folder.iterdir())
        assert [f.stem for f in files] == ["test000", "test001", "test002"]
        depth = read_prediction(files[0])["depth"]
        assert depth.shape == (36, 40)
        assert 1 < depth.min() < depth.max() < 8


def test_former_predictions_are_removed_and_the_record_comes_first(
    tmp_path, monkeypatch
):
    folder = tmp_path / "konrad_2012"
    folder.mkdir()
    (folder / "mine.npz").write_text("without a record")
    database = types.SimpleNamespace(images=[1, 2])
    monkeypatch.setattr(transfer_depth.Database, "read", lambda train: database)
    monkeypatch.setattr(transfer_depth.RecordSet, "open", lambda *args: None)

    def interrupted(*args, **options):
        assert (folder / "run.json").is_file()
        (folder / "new.npz").write_text("new")
        raise KeyboardInterrupt

    monkeypatch.setattr(transfer_depth, "transfer_split", interrupted)
    flags = types.SimpleNamespace(
        database="train", records="r", split="test", num_validation=0
    )
    monkeypatch.setattr(transfer_depth, "FLAGS", flags)
    monkeypatch.setattr(result_record, "write_result_record", _write_record)
    for left in ({"mine.npz", "new.npz"}, {"new.npz"}):
        with pytest.raises(KeyboardInterrupt):
            transfer_depth._run({"konrad_2012": folder})
        assert {path.name for path in folder.glob("*.npz")} == left


def _write_record(folder, program, config):
    (folder / "run.json").write_text("{}")
