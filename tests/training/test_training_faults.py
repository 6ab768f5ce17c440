"""Tests of training with bad numbers, signals, damaged records and full disks."""

import os
import shutil
import signal

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.data.manifest import DamagedShardError
from dpde_tf.data.records import decode_record, encode_record
from dpde_tf.runs.run_folder import list_checkpoints, read_metrics
from dpde_tf.training.bad_steps import BadStepError
from dpde_tf.training.stop_signals import StoppedBySignalError, StopSignals
from tests.fixtures.record_sets import write_small_record_set
from tests.fixtures.small_training import (
    cut_off,
    flip_a_bit,
    largest_file,
    make_trainer,
    same_state,
    state_of,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """12 records in 8 shards; 3 steps per epoch."""
    directory = tmp_path_factory.mktemp("records") / "small"
    return write_small_record_set(directory, np.random.default_rng(0), size=(64, 64))


@pytest.fixture(scope="module")
def records(directory):
    return RecordSet.open(directory, "train")


@pytest.fixture(scope="module")
def uninterrupted(records, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("uninterrupted")
    trainer = make_trainer(records, workdir, num_validation=4)
    trainer.train()
    return state_of(trainer), read_metrics(workdir)


def _copy(directory, tmp_path):
    return shutil.copytree(directory, tmp_path / "records")


def _with_depth(directory, tmp_path, depth):
    """A copy of the records whose fifth record has this depth everywhere."""
    records = RecordSet.open(_copy(directory, tmp_path), "train")
    name = records.split.names[4]
    path = records.directory / records.split.file_of(name)
    examples = []
    for serialized in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        pair = {key: value.numpy() for key, value in decode_record(serialized).items()}
        if pair["name"].decode() == name:
            pair["depth"][:] = depth
        examples.append(
            encode_record(pair["name"].decode(), pair["image"], pair["depth"][..., 0])
        )
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in examples:
            writer.write(example)
    return records, f"{name} of {path.name}"


def _train_without(records, workdir, skipped, **changes):
    """The state after training that skips some steps from the start."""
    trainer = make_trainer(records, workdir, **changes)
    trainer._progress.skipped = skipped
    trainer.train()
    return state_of(trainer)


# The square of 1e30 m overflows in float32; 1e9 m gives a million times the loss.
@pytest.mark.parametrize("depth", [1e30, 1e9])
def test_trainer_stops_at_a_bad_image_and_names_it(directory, tmp_path, depth):
    records, image = _with_depth(directory, tmp_path, depth)
    trainer = make_trainer(records, tmp_path / "run", checkpoint_steps=1, epochs=9)
    # The first loss has no preceding loss for comparison.
    trainer._progress.typical_loss = 1.0
    with pytest.raises(BadStepError, match=rf"Step \d is bad: .*{image}: ") as caught:
        trainer.train()
    assert "`on_bad_step=skip`" in str(caught.value)
    assert caught.value.step == trainer.step
    again = make_trainer(records, tmp_path / "run", checkpoint_steps=1, epochs=9)
    assert again.step == caught.value.step
    assert all(np.isfinite(values).all() for values in state_of(again))


@pytest.mark.parametrize("depth", [1e30, 1e9])
def test_trainer_skips_bad_batches_without_trace(directory, tmp_path, depth, caplog):
    records, image = _with_depth(directory, tmp_path, depth)
    trainer = make_trainer(records, tmp_path / "run", on_bad_step="skip")
    trainer._progress.typical_loss = 1.0
    trainer.train()
    skipped = trainer._progress.skipped
    assert [step // 3 for step in skipped] == [0, 1, 2]  # Once an epoch.
    assert caplog.text.count(f"{image}: ") == 3
    expected = _train_without(records, tmp_path / "without", skipped)
    assert same_state(expected, state_of(trainer))
    rows = read_metrics(tmp_path / "run")
    assert [row["loss"] for row in rows] == [
        row["loss"] for row in read_metrics(tmp_path / "without")
    ]
    assert all(0 < row["loss"] < 10 for row in rows)
    # Skipped steps stay skipped when the run continues.
    again = make_trainer(records, tmp_path / "run", on_bad_step="skip")
    assert again._progress.skipped == skipped


def test_trainer_without_a_limit_accepts_an_exploding_loss(directory, tmp_path):
    records, _ = _with_depth(directory, tmp_path, 1e9)
    trainer = make_trainer(
        records, tmp_path / "run", epochs=1, max_loss_growth=0.0, clip_norm=1.0
    )
    trainer._progress.typical_loss = 1.0
    trainer.train()
    assert read_metrics(tmp_path / "run")[0]["loss"] > 1e6


def test_trainer_stops_skipping_if_every_batch_is_bad(records, tmp_path):
    trainer = make_trainer(records, tmp_path, on_bad_step="skip")
    trainer._progress.typical_loss = 1e-9
    with pytest.raises(BadStepError, match=r"Step 6 is bad: loss .* \(limit 1e-07\)"):
        trainer.train()
    # An epoch without a remaining step has no loss.
    assert read_metrics(tmp_path)[0]["images_per_second"] == 0.0
    assert "loss" not in read_metrics(tmp_path)[0]


def test_trainer_does_not_start_from_weights_that_are_not_finite(records, tmp_path):
    trainer = make_trainer(records, tmp_path, on_bad_step="skip")
    kernel = trainer._network.layers[1].kernel
    kernel.assign(np.full(kernel.shape, np.nan))
    with pytest.raises(BadStepError, match=r"After step 0, .*kernel is not finite"):
        trainer.train()


def test_trainer_never_saves_weights_that_are_not_finite(records, tmp_path):
    trainer = make_trainer(records, tmp_path)
    take_step = trainer._train_one

    def overflowing(batch):
        take_step(batch)
        if trainer.step == 2:
            trainer._network.layers[1].kernel.assign_add(
                np.full(trainer._network.layers[1].kernel.shape, np.inf)
            )

    trainer._train_one = overflowing
    with pytest.raises(BadStepError, match=r"After step 2, .*kernel is not finite"):
        trainer.train()
    assert not list_checkpoints(tmp_path)


def _signal_itself_after(trainer, steps, number):
    take_step = trainer._train_one

    def signalled(batch):
        if trainer.step == steps - 1:
            os.kill(os.getpid(), number)
        take_step(batch)

    trainer._train_one = signalled


# 2 steps per epoch: a checkpoint follows the first, validation the last.
@pytest.mark.parametrize(
    ("steps", "number", "code"),
    [(1, signal.SIGTERM, 143), (2, signal.SIGINT, 130), (5, signal.SIGTERM, 143)],
)
def test_trainer_finishes_the_step_and_saves_on_a_signal(
    records, tmp_path, uninterrupted, steps, number, code
):
    trainer = make_trainer(records, tmp_path, num_validation=4)
    _signal_itself_after(trainer, steps, number)
    former = signal.getsignal(number)
    with StopSignals() as stop, pytest.raises(StoppedBySignalError) as caught:
        trainer.train(stop)
    assert signal.getsignal(number) is former
    assert caught.value.exit_code == code
    assert f"Stopped by {number.name} after step {steps}." in str(caught.value)
    trainer = make_trainer(records, tmp_path, num_validation=4)
    assert trainer.step == steps
    trainer.train()
    assert same_state(uninterrupted[0], state_of(trainer))
    assert [row["loss"] for row in read_metrics(tmp_path)] == [
        row["loss"] for row in uninterrupted[1]
    ]


def test_trainer_stopped_in_validation_repeats_it(records, tmp_path, uninterrupted):
    trainer = make_trainer(records, tmp_path, num_validation=4)
    predict = trainer._validation._predict_step
    trainer._validation._predict_step = lambda image: (
        os.kill(os.getpid(), signal.SIGTERM),
        predict(image),
    )[1]
    trainer._validation._batch_size = 2  # So that a batch is left.
    with StopSignals() as stop, pytest.raises(StoppedBySignalError):
        trainer.train(stop)
    assert read_metrics(tmp_path) == []
    trainer = make_trainer(records, tmp_path, num_validation=4)
    assert trainer.step == 2
    trainer.train()
    assert same_state(uninterrupted[0], state_of(trainer))
    assert [row["validation"] for row in read_metrics(tmp_path)] == [
        row["validation"] for row in uninterrupted[1]
    ]


@pytest.mark.parametrize("position", [0.0, 0.5, 0.999])
def test_trainer_names_the_shard_with_a_flipped_bit(directory, tmp_path, position):
    copy = _copy(directory, tmp_path)
    shard = copy / "train-00003-of-00008.tfrecord"
    flip_a_bit(shard, position)
    trainer = make_trainer(RecordSet.open(copy, "train"), tmp_path / "run")
    with pytest.raises(
        DamagedShardError, match=rf"{shard} must have the SHA-256 .* --overwrite"
    ):
        trainer.train()


def test_record_set_names_a_truncated_shard(directory, tmp_path):
    copy = _copy(directory, tmp_path)
    cut_off(copy / "train-00003-of-00008.tfrecord")
    with pytest.raises(
        DamagedShardError, match=r"train-00003.* must have \d+ bytes; it has \d+\. Conv"
    ):
        RecordSet.open(copy, "train")


# Open files can still be read; the next epoch finds the file missing or shorter.
@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda path: path.unlink(), FileNotFoundError, "does not exist"),
        (cut_off, DamagedShardError, "must have .* bytes"),
        # TensorFlow alone would treat this as the end of the records.
        (lambda path: path.write_bytes(b""), DamagedShardError, "bytes; it has 0"),
        (lambda path: flip_a_bit(path, 0.9), DamagedShardError, "SHA-256"),
    ],
)
def test_trainer_saves_its_state_if_a_shard_is_lost(
    directory, tmp_path, uninterrupted, damage, error, message
):
    copy = _copy(directory, tmp_path)
    shard = copy / "train-00007-of-00008.tfrecord"
    records = RecordSet.open(copy, "train")
    trainer = make_trainer(
        records, tmp_path / "run", num_validation=4, checkpoint_steps=50
    )
    finish_epoch = trainer._finish_epoch
    trainer._finish_epoch = lambda: (finish_epoch(), damage(shard))
    with pytest.raises(error, match=f"{shard} .*{message}.*Convert the raw data"):
        trainer.train()
    shutil.copy(directory / shard.name, shard)
    trainer = make_trainer(records, tmp_path / "run", num_validation=4)
    assert trainer.step == 2
    trainer.train()
    assert same_state(uninterrupted[0], state_of(trainer))


def test_trainer_on_a_full_disk_names_the_file_and_resumes(
    records, tmp_path, uninterrupted
):
    trainer = make_trainer(records, tmp_path, num_validation=4)
    save = trainer._store.save

    def on_full_disk(progress):
        if progress.epoch == 1:
            with largest_file(500):
                save(progress)
        save(progress)

    trainer._store.save = on_full_disk
    with pytest.raises(OSError, match=r"checkpoints/epochs-1-steps-0 could not be wri"):
        trainer.train()
    trainer = make_trainer(records, tmp_path, num_validation=4)
    trainer.train()
    assert same_state(uninterrupted[0], state_of(trainer))


def test_only_the_same_seed_gives_the_same_bits(records, tmp_path):
    def trained(name, seed):
        trainer = make_trainer(records, tmp_path / name, epochs=1, seed=seed)
        trainer.train()
        return state_of(trainer)

    first = trained("a", 0)
    assert same_state(first, trained("b", 0))
    assert not same_state(first, trained("c", 1))
