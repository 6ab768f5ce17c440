"""Tests of the training loop: resuming, logs, bad numbers."""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf import losses
from dpde_tf.config import ContextLossConfig, DepthLossConfig, GradientLossConfig
from dpde_tf.data.input_pipeline import (
    RecordSet,
    make_evaluation_dataset,
    make_training_dataset,
)
from dpde_tf.runs.run_folder import read_metrics
from dpde_tf.runs.trained_networks import load_gradient_network
from dpde_tf.training.bad_steps import BadStepError
from dpde_tf.training.distribution import Distribution
from dpde_tf.training.loop import Trainer
from dpde_tf.training.objectives import (
    ContextObjective,
    DepthObjective,
    GradientObjective,
)
from dpde_tf.training.step import train_on_batch
from dpde_tf.visualization.colours import colorize_depth
from tests.fixtures.programs import run_program
from tests.fixtures.record_sets import write_small_record_set
from tests.fixtures.small_training import (
    AUGMENTATION,
    CONFIG,
    OBJECTIVE,
    make_trainer,
    state_of,
    tiny_depth_network,
)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    directory = tmp_path_factory.mktemp("records") / "small"
    write_small_record_set(directory, np.random.default_rng(0), size=(64, 64))
    return RecordSet.open(directory, "train")


def _interrupt_after(trainer, steps):
    """Runs a trainer until a step raises, as a signal would stop it."""
    take_step = trainer._train_one

    def interrupted(batch):
        if trainer.step == steps:
            raise KeyboardInterrupt
        take_step(batch)

    trainer._train_one = interrupted
    with pytest.raises(KeyboardInterrupt):
        trainer.train()


@pytest.fixture(scope="module")
def uninterrupted(records, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("uninterrupted")
    trainer = make_trainer(records, workdir)
    trainer.train()
    return state_of(trainer), read_metrics(workdir), workdir


def test_trainer_resumed_run_equals_an_uninterrupted_one(
    records, tmp_path, uninterrupted
):
    trainer = make_trainer(records, tmp_path)
    # 3 steps per epoch, checkpoints after 2: stop before one, in an epoch, at its end.
    for steps, saved in ((1, 0), (5, 5), (6, 6)):
        _interrupt_after(trainer, steps)
        trainer = make_trainer(records, tmp_path)
        assert trainer.step == saved
    trainer.train()
    state, rows, _ = uninterrupted
    for expected, actual in zip(state, state_of(trainer), strict=True):
        assert np.array_equal(expected, actual)
    resumed = read_metrics(tmp_path)
    assert [row["epoch"] for row in resumed] == [1, 2, 3]
    for expected, actual in zip(rows, resumed, strict=True):
        for key in ("step", "loss", "berhu"):
            assert expected[key] == actual[key]


def test_trainer_writes_checkpoints_once_and_after_weights(
    records, tmp_path, monkeypatch
):
    saved = []
    trainer = make_trainer(records, tmp_path, epochs=2, checkpoint_steps=3)
    save = trainer._store.save

    def recorded(progress):
        weights = tmp_path / "weights.weights.h5"
        saved.append((progress.place, weights.stat().st_mtime_ns))
        save(progress)

    monkeypatch.setattr(trainer._store, "save", recorded)
    trainer.train()
    # 3 steps per epoch: the checkpoint of the third step is that of the whole epoch.
    assert [place for place, _ in saved] == [(1, 0), (2, 0)]
    assert saved[0][1] < saved[1][1]


def test_trainer_trains(uninterrupted):
    _, rows, workdir = uninterrupted
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert [row["step"] for row in rows] == [3, 6, 9]
    assert [row["learning_rate"] for row in rows] == pytest.approx([1e-2, 5e-3, 1e-3])
    assert (workdir / "weights.weights.h5").is_file()
    assert list((workdir / "tensorboard").glob("events.*"))


def test_trainer_weights_file_is_the_last_state(uninterrupted):
    state, _, workdir = uninterrupted
    network = tiny_depth_network()
    network.load_weights(workdir / "weights.weights.h5")
    for expected, variable in zip(state, network.variables, strict=False):
        assert np.array_equal(expected, variable)


@pytest.mark.parametrize(("swap", "steps", "images"), [(False, 2, 8), (True, 1, 4)])
def test_trainer_validates_on_held_out_images(records, tmp_path, swap, steps, images):
    trainer = make_trainer(
        records, tmp_path, epochs=1, num_validation=4, swap_held_out=swap
    )
    trainer.train()
    (row,) = read_metrics(tmp_path)
    assert (row["step"], row["images"]) == (steps, images)
    held_out = records.hold_out(4, swap=swap)[1]
    held_out = make_evaluation_dataset(held_out, batch_size=4)
    network = trainer._network
    expected = OBJECTIVE.scores(
        (batch, network(batch["image"], training=False).numpy()) for batch in held_out
    )
    assert row["validation"] == pytest.approx(expected, rel=1e-4)
    events = next((tmp_path / "tensorboard").glob("events.*"))
    tags = {
        value.tag
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    }
    assert {"train/loss", "train/learning_rate", "validation/rms", "pictures"} <= tags


def test_trainer_stops_at_a_loss_that_is_not_finite(records, tmp_path):
    trainer = make_trainer(records, tmp_path)
    _interrupt_after(trainer, 2)
    trainer = make_trainer(records, tmp_path)
    before = state_of(trainer)
    trainer._network.layers[1].kernel.assign(
        np.full(trainer._network.layers[1].kernel.shape, np.nan)
    )
    message = (
        r"Step 3 is bad: loss nan \(limit \S+\), .* "
        r"train\d+ of train-0000\d-of-\d+.tfrecord: nan, "
    )
    with pytest.raises(BadStepError, match=message):
        trainer.train()
    after = state_of(make_trainer(records, tmp_path))
    for expected, actual in zip(before, after, strict=True):
        assert np.array_equal(expected, actual)


def test_trainer_under_a_mirrored_strategy_takes_the_same_steps(
    records, tmp_path, uninterrupted
):
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        network = tiny_depth_network()
    Trainer(
        network,
        OBJECTIVE,
        records,
        config=CONFIG,
        augmentation=AUGMENTATION,
        workdir=tmp_path,
        distribution=Distribution(strategy),
    ).train()
    losses = [row["loss"] for row in read_metrics(tmp_path)]
    expected = [row["loss"] for row in uninterrupted[1]]
    # The same arithmetic in another graph, up to float32 rounding.
    assert losses == pytest.approx(expected, rel=1e-4)


def test_trainer_learns_from_sparse_depth(tmp_path, rng):
    directory = write_small_record_set(
        tmp_path / "records", rng, size=(64, 64), measured=0.05
    )
    trainer = make_trainer(RecordSet.open(directory, "train"), tmp_path / "run")
    trainer.train()
    rows = read_metrics(tmp_path / "run")
    assert 0.05 < rows[-1]["loss"] < rows[0]["loss"] < 2
    # At least one of four pixels is measured: 1 - 0.95^4 = 0.185; zooming adds more.
    assert all(0.17 < row["measured"] < 0.23 for row in rows)


def test_trainer_trains_on_all_images_of_an_odd_number(records, tmp_path):
    trainer = make_trainer(records, tmp_path, batch_size=5, epochs=2)
    trainer.train()
    rows = read_metrics(tmp_path)
    assert [row["step"] for row in rows] == [3, 6]
    assert [row["images"] for row in rows] == [12, 12]
    assert [row["measured"] for row in rows] == pytest.approx([1, 1], abs=0.05)


def test_records_that_fill_up_a_batch_do_not_change_the_loss(records):
    """Without batch normalisation, a step depends on its images only."""
    network = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Conv2D(1, 1)])
    start = network.get_weights()
    results = []
    for batch_size, scaled in ((3, False), (8, False), (8, True)):
        network.set_weights(start)
        (batch,) = make_training_dataset(
            records.without(np.arange(12) > 2),
            batch_size=3,
            augmentation=AUGMENTATION,
            seed=0,
            epoch=0,
        )
        padding = [(0, batch_size - 3)]
        batch = {
            "image": tf.pad(batch["image"], padding + [(0, 0)] * 3, constant_values=7),
            "depth": tf.pad(batch["depth"], padding + [(0, 0)] * 3),
        }
        optimizer = keras.optimizers.SGD(0.1)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(network.trainable_variables)
        _, norm = train_on_batch(network, OBJECTIVE, optimizer, batch)
        results.append([*network.get_weights(), norm])
    for alone, *others in zip(*results, strict=True):
        for other in others:
            np.testing.assert_allclose(other, alone, rtol=1e-5)


def test_trainer_names_the_images_of_a_batch_without_any_depth(tmp_path, rng):
    directory = write_small_record_set(tmp_path / "records", rng, size=(64, 64))
    records = RecordSet.open(directory, "train")
    trainer = make_trainer(records, tmp_path / "run", batch_size=3)
    trainer._step = lambda batch, signal: (
        {
            "loss": tf.zeros(3),
            "measured": tf.zeros(3),
            "index": tf.constant([4.0, 0.0, -3.0]),
            "signal": tf.zeros(3),
        },
        tf.constant(0.0),
    )
    message = (
        r"Step 1 is bad: none of its images has a measured pixel at the size of the "
        r"loss: train004 of \S+, train000 of \S+\. .* a larger `batch_size"
    )
    with pytest.raises(BadStepError, match=message):
        trainer.train()


def test_measured_share_counts_the_pixels_of_the_loss():
    depth = tf.constant([[1.0, 2.0, 0.0], [1.0, 2.0, 4.0]])[None, ..., None]
    batch = {"depth": depth}
    gradient = GradientObjective(GradientLossConfig())
    terms = gradient.losses(batch, tf.zeros([1, 2, 3, 2]))
    # Unknown of the 12 differences: the last column, the last row and at the hole.
    assert float(terms["measured"][0]) == pytest.approx(5 / 12)
    context = ContextObjective(ContextLossConfig())
    terms = context.losses(batch, tf.ones([1, 2, 3, 1]))
    assert float(terms["measured"][0]) == pytest.approx(5 / 6)
    config = DepthLossConfig(lambda_fsim=0.0, max_depth=5.0)
    terms = DepthObjective(config).losses(batch, tf.ones([1, 1, 1, 1]))
    assert float(terms["measured"][0]) == 1


def test_depth_objective_is_eq_1(rng):
    truth = rng.uniform(1, 4, [2, 64, 64, 1]).astype(np.float32)
    predicted = tf.constant(rng.uniform(1, 4, [2, 32, 32, 1]), tf.float32)
    config = DepthLossConfig(lambda_berhu=2.0, lambda_fsim=3.0, max_depth=5.0)
    terms = DepthObjective(config).losses({"depth": truth}, predicted)
    # At half resolution, bilinear resizing takes the mean of 2x2 pixels.
    small = truth.reshape(2, 32, 2, 32, 2, 1).mean(axis=(2, 4))
    berhu = losses.berhu_loss(tf.constant(small), predicted)
    fsim_loss = losses.feature_similarity_loss(
        tf.constant(small), predicted, max_depth=5.0
    )
    np.testing.assert_allclose(terms["berhu"], berhu, rtol=1e-5)
    np.testing.assert_allclose(terms["fsim_loss"], fsim_loss, rtol=1e-4)
    expected = 2.0 * terms["berhu"] + 3.0 * terms["fsim_loss"]
    np.testing.assert_allclose(terms["loss"], expected, rtol=1e-6)
    assert "log" not in terms
    config = dataclasses.replace(config, lambda_log=0.5)
    terms = DepthObjective(config).losses({"depth": truth}, predicted)
    log = losses.log_depth_loss(tf.constant(small), predicted)
    np.testing.assert_allclose(terms["log"], log, rtol=1e-5)
    np.testing.assert_allclose(terms["loss"], expected + 0.5 * log, rtol=1e-5)


def test_depth_objective_scores_and_shows_at_the_size_of_the_truth():
    truth = tf.constant([[1.0, 2.0], [0.0, 4.0]])[None, ..., None]
    two = np.full([1, 1, 1, 1], 2.0, np.float32)
    batches = [({"depth": truth}, two), ({"depth": truth[:, :1]}, 3 * two)]
    scores = OBJECTIVE.scores(batches)
    # Errors of 1, 0, -2 and 5, 4 m over the five measured pixels of both batches.
    assert scores["rms"] == pytest.approx(np.sqrt((1 + 4 + 25 + 16) / 5))
    assert scores["rel"] == pytest.approx((1 + 0 + 0.5 + 5 + 2) / 5)
    limits = {"min_depth": 0.0, "max_depth": 4.0}
    pictures = OBJECTIVE.pictures({"depth": truth}, 2 * two)
    for picture, depth in zip(pictures, (truth[0, ..., 0].numpy(), 4.0), strict=True):
        expected = colorize_depth(np.broadcast_to(depth, (2, 2)), **limits)
        np.testing.assert_array_equal(picture, expected)


def test_gradient_objective_scores_distinguish_zero_from_truth():
    objective = GradientObjective(GradientLossConfig(alpha=0.5))
    depth = tf.constant([[1.0, 2.0, 0.0], [1.0, 2.0, 4.0]])[None, ..., None]
    batch = {"depth": depth}
    scores = objective.scores([(batch, np.zeros([1, 2, 3, 2], np.float32))])
    # Known: x: 1, 1, 2; y: 0, 0. Unknown: all differences that touch the hole.
    assert scores["mean_absolute_error"] == pytest.approx(4 / 5)
    assert scores["mean_absolute_error_of_zero"] == pytest.approx(4 / 5)
    assert scores["log_l1"] == pytest.approx((2 * np.log(3) + np.log(5)) / 5)
    assert scores["log_l1_of_zero"] == scores["log_l1"]
    assert scores["direction_error"] == 90
    assert scores["size_ratio"] == 0
    truth = losses.true_gradients(depth)[0].numpy()
    scores = objective.scores([(batch, truth)])
    assert scores["mean_absolute_error"] == scores["log_l1"] == 0
    assert scores["mean_absolute_error_of_zero"] == pytest.approx(4 / 5)
    assert scores["size_ratio"] == pytest.approx(1)


def _train_gradient(records, workdir):
    flags = {
        "records": records.directory,
        "workdir": workdir,
        "width": 4,
        "epochs": 3,
        "batch_size": 2,
        "checkpoint_steps": 2,
        "crop_size": "32,32",
        "precision": "float32",
        "learning_rate": 0.1,
    }
    command = ["experiments.train_gradient", "--deterministic"]
    return command + [f"--{name}={value}" for name, value in flags.items()]


@pytest.mark.slow
def test_train_gradient_killed_in_an_epoch_resumes_exactly(records, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    # All three start in the same way, so that nothing differs but the kill.
    run_program(*_train_gradient(records, whole), fresh=True)
    process = subprocess.Popen(
        [sys.executable, "-m", *_train_gradient(records, killed)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # 6 steps per epoch.
    while not (killed / "checkpoints" / "epochs-1-steps-2").is_dir():
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(read_metrics(killed)) < 3
    continued = run_program(*_train_gradient(records, killed), fresh=True)
    assert "Continuing the run in" in continued.stdout
    assert "Epoch 1/3" not in continued.stdout  # The checkpoint is in the second.
    pairs = zip(
        load_gradient_network(whole).get_weights(),
        load_gradient_network(killed).get_weights(),
        strict=True,
    )
    for expected, actual in pairs:
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.slow
def test_train_gradient_starts_from_another_run(records, tmp_path):
    source, workdir = tmp_path / "source", tmp_path / "next"
    run_program(*_train_gradient(records, source))
    command = _train_gradient(records, workdir)
    command += [f"--init_from={source}", "--learning_rate=1e-9"]
    run_program(*command)
    record = json.loads((workdir / "run.json").read_text())
    assert record["config"]["InitialisationConfig"] == {"init_from": str(source)}
    pairs = zip(
        load_gradient_network(source).get_weights(),
        load_gradient_network(workdir).get_weights(),
        strict=True,
    )
    # Steps of 1e-9 change almost nothing.
    assert all(np.allclose(a, b, rtol=0, atol=1e-6) for a, b in pairs)
    # The source is no longer needed.
    shutil.rmtree(source)
    result = run_program(*command)
    assert "Continuing the run" in result.stdout
