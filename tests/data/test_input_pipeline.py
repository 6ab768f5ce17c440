"""Tests of the input pipeline."""

import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.config import AugmentationConfig
from dpde_tf.data.input_pipeline import (
    RecordSet,
    make_evaluation_dataset,
    make_training_dataset,
)
from dpde_tf.data.manifest import DamagedShardError
from dpde_tf.data.records import readable_record_errors
from tests.fixtures.record_sets import write_small_record_set

PLAIN = AugmentationConfig()
EVERYTHING = AugmentationConfig(
    flip=True, max_zoom=1.5, max_rotation=5.0, colour=0.2, crop_size=(16, 24)
)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    directory = tmp_path_factory.mktemp("records") / "small"
    write_small_record_set(directory, np.random.default_rng(0))
    return RecordSet.open(directory, "train")


def _batches(records, **changes):
    options = {"batch_size": 4, "augmentation": PLAIN, "seed": 3, "epoch": 0}
    return list(make_training_dataset(records, **(options | changes)))


def _names(batches):
    return [name.decode() for batch in batches for name in batch["name"].numpy()]


def test_make_training_dataset_gives_each_record_once(records):
    assert sorted(_names(_batches(records))) == list(records.split.names)


def test_make_training_dataset_order_depends_on_seed_and_epoch(records):
    first = _names(_batches(records))
    assert first == _names(_batches(records))
    assert first != _names(_batches(records, epoch=1))
    assert first != _names(_batches(records, seed=4))


def test_make_training_dataset_continues_at_start_batch(records):
    whole = _batches(records, augmentation=EVERYTHING)
    rest = _batches(records, augmentation=EVERYTHING, start_batch=1)
    assert len(rest) == len(whole) - 1
    for expected, actual in zip(whole[1:], rest, strict=True):
        for key in ("image", "depth", "name"):
            assert np.array_equal(expected[key], actual[key])


@pytest.mark.parametrize("batch_size", [4, 5, 7])
def test_make_training_dataset_fills_up_the_last_batch(records, batch_size):
    batches = _batches(records, batch_size=batch_size)
    assert {len(batch["name"]) for batch in batches} == {batch_size}
    assert len(batches) == -(-12 // batch_size)
    index = np.concatenate([batch["index"] for batch in batches])
    assert sorted(index[index >= 0]) == list(range(12))
    # The records that fill up are at the end, all different, and without depth.
    (fillers,) = np.nonzero(index < 0)
    assert list(fillers) == list(range(12, len(index)))
    assert len({*index}) == len(index)
    names = _names(batches)
    depth = np.concatenate([batch["depth"] for batch in batches])
    for place, number in enumerate(index):
        assert names[place] == records.split.names[max(number, -1 - number)]
        assert (depth[place].max() == 0) == (number < 0)


def test_last_batch_is_filled_with_selected_records(records):
    chosen = records.without(np.arange(12) % 2 > 0)
    fillers = set()
    for epoch in range(3):
        index = _batches(chosen, batch_size=4, epoch=epoch)[-1]["index"].numpy()
        assert sum(index < 0) == 2
        fillers |= {-1 - number for number in index if number < 0}
    assert fillers <= {0, 2, 4, 6, 8, 10}
    assert len(fillers) > 2


def test_make_training_dataset_crops(records):
    batch = _batches(records, augmentation=EVERYTHING)[0]
    assert batch["image"].shape == (4, 16, 24, 3)
    assert batch["depth"].shape == (4, 16, 24, 1)


def test_make_training_dataset_rejects_unsuitable_sizes(records):
    with pytest.raises(ValueError, match=r"12 records .* one batch of 13"):
        _batches(records, batch_size=13)
    crop = AugmentationConfig(crop_size=(33, 8))
    with pytest.raises(ValueError, match=r"33x8 must fit .* 32x48. Change `crop_size"):
        _batches(records, augmentation=crop)


def test_end_of_an_epoch_does_not_wait_for_a_thread(records):
    """With tuning, the end of an iterator can wait a minute for the tuning thread."""
    training = make_training_dataset(
        records, batch_size=2, augmentation=PLAIN, seed=0, epoch=0
    )
    evaluation = make_evaluation_dataset(records, batch_size=2)
    for dataset in (records.serialized(), training, evaluation):
        assert dataset.options().autotune.enabled is False


def test_make_evaluation_dataset_keeps_order_and_values(records):
    batches = list(make_evaluation_dataset(records, batch_size=5))
    assert [len(batch["name"]) for batch in batches] == [5, 5, 2]
    assert _names(batches) == list(records.split.names)
    image = batches[0]["image"].numpy()
    # 8-bit values over 255, in float32.
    assert np.abs(image * 255 - np.rint(image * 255)).max() < 1e-4
    assert 0 < image.max() <= 1


def test_record_set_hold_out_takes_runs_of_neighbours(records):
    rest, held_out = records.hold_out(5)
    assert (rest.num_records, held_out.num_records) == (7, 5)
    assert not np.any(rest.selected & held_out.selected)
    # Five runs of one: 12 * k // 5.
    assert list(np.flatnonzero(held_out.selected)) == [0, 2, 4, 7, 9]
    names = _names(make_evaluation_dataset(held_out, batch_size=8))
    assert names == [records.split.names[i] for i in (0, 2, 4, 7, 9)]


def test_record_set_hold_out_swaps_the_two_sets(records):
    rest, held_out = records.hold_out(5)
    swapped = records.hold_out(5, swap=True)
    assert np.array_equal(swapped[0].selected, held_out.selected)
    assert np.array_equal(swapped[1].selected, rest.selected)
    with pytest.raises(ValueError, match="`swap_held_out` needs a `num_validation"):
        records.hold_out(0, swap=True)


def test_record_set_hold_out_runs_do_not_touch_in_a_large_set(records):
    large = RecordSet(
        records.directory, records.manifest, "train", np.ones(795, dtype=bool)
    )
    held_out = large.hold_out(95)[1].selected
    starts = np.flatnonzero(np.diff(np.r_[0, held_out.astype(int)]) == 1)
    assert held_out.sum() == 95
    assert len(starts) == 10


def test_record_set_hold_out_rejects_more_than_half(records):
    with pytest.raises(ValueError, match=r"0 to 6 can be held out. Received: 7"):
        records.hold_out(7)


@pytest.mark.parametrize("total", [2, 11, 12, 25, 795])
def test_record_set_hold_out_gives_the_requested_number(records, total):
    whole = RecordSet(
        records.directory, records.manifest, "train", np.ones(total, dtype=bool)
    )
    for count in range(total // 2 + 1):
        rest, held_out = whole.hold_out(count)
        assert (rest.num_records, held_out.num_records) == (total - count, count)


def test_record_set_open_names_a_missing_shard(tmp_path, rng):
    directory = write_small_record_set(tmp_path / "small", rng, splits={"train": 2})
    shard = next(directory.glob("*.tfrecord"))
    shard.unlink()
    with pytest.raises(FileNotFoundError, match=f"{shard.name} is named"):
        RecordSet.open(directory, "train")


def test_record_set_open_rejects_a_folder_without_manifest(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"make data-nyu"):
        RecordSet.open(tmp_path, "train")


def _keep_records(path: pathlib.Path, count: int) -> None:
    """Truncates a shard just behind a record, where TensorFlow detects no damage."""
    kept = list(tf.data.TFRecordDataset(str(path)).take(count).as_numpy_iterator())
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in kept:
            writer.write(record)


@pytest.mark.parametrize("count", [0, 1])
def test_shard_truncated_between_records_is_an_error(records, tmp_path, count):
    copy = shutil.copytree(records.directory, tmp_path / "copy")
    whole = RecordSet.open(copy, "train")
    shard = whole.split.shards[1]
    assert shard.num_records == 2
    _keep_records(copy / shard.file, count)
    for dataset in (
        make_evaluation_dataset(whole, batch_size=1),
        make_training_dataset(whole, batch_size=1, augmentation=PLAIN, seed=0, epoch=0),
    ):
        read = []
        with (
            pytest.raises(
                DamagedShardError, match=rf"{shard.file} must have \d+ bytes"
            ),
            readable_record_errors(copy, whole.split),
        ):
            read.extend(batch["name"] for batch in dataset)
        # Training yields no batch at all, since all records are shuffled together.
        assert len(read) <= whole.split.shards[0].num_records + count


def test_selected_records_of_several_shards_have_indices(records):
    chosen = records.without(np.arange(len(records.selected)) % 3 > 0)
    indices = [int(index) for index, _ in chosen.serialized()]
    assert indices == list(range(0, len(records.selected), 3))
