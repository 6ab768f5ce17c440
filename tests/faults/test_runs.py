"""Whole training programs: two at once, signals, bad batches, determinism, damage."""

import os
import shutil
import signal
import time

import numpy as np
import pytest

from dpde_tf.runs.run_folder import list_checkpoints, read_metrics
from dpde_tf.runs.trained_networks import load_gradient_network
from tests.faults import commands
from tests.faults.victims import PHASES
from tests.fixtures.small_training import cut_off, flip_a_bit

pytestmark = pytest.mark.slow


def _weights(run):
    return load_gradient_network(run).get_weights()


def _same(runs):
    pairs = zip(*map(_weights, runs), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


def test_second_run_in_one_folder(work, tmp_path, outcome):
    victims = {
        "conversion": commands.conversion(work / "raw", tmp_path / "records"),
        "training": commands.training(work / "records", tmp_path / "run"),
        "prediction": commands.prediction(
            work / "records", work / "runs" / "gradient", tmp_path / "dpde"
        ),
    }
    for program, victim in victims.items():
        process, _, phase = victim.start()
        while process.is_alive() and not phase.value:
            time.sleep(0.001)
        # Held still, so that it cannot end before the second has started.
        os.kill(process.pid, signal.SIGSTOP)
        text = victim.run(expected=1)
        os.kill(process.pid, signal.SIGCONT)
        process.join()
        assert f"is being written by process {process.pid} on " in text
        assert process.exitcode == 0
        outcome(f"second {program} in one folder", 1, "refused, names the first's pid")
    assert _same((work / "runs" / "gradient", tmp_path / "run"))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_signals(work, tmp_path, number, code, outcome):
    phases = ("stepping", "writing", "validating", "starting")
    for name in phases:
        victim = commands.training(work / "records", tmp_path / name)
        text = victim.run(
            expected=code,
            send=number,
            # Starting lasts from the first moment on; the folder tells when it is safe.
            when=lambda value, name=name: (
                value == PHASES.index(name)
                and (value or (tmp_path / name / "run.json").is_file())
            ),
        )
        assert f"{number.name}: stopping after this step." in text
        assert "Stopped by" in text
        assert "Run the same command again to continue from there." in text
        victim.run()
        assert _same((work / "runs" / "gradient", tmp_path / name))
    result = f"exit code {code}, checkpoint, same bits afterwards"
    outcome(f"{number.name}: {', '.join(phases)}", len(phases), result)


def test_loss_that_explodes(work, tmp_path, outcome):
    # At such a rate every training bursts.
    changes = {"learning_rate": 1e6, "max_loss_growth": 1.5}
    victim = commands.training(work / "records", tmp_path / "run", **changes)
    text = victim.run(expected=1)
    assert "is bad: loss" in text
    assert "of train-0000" in text
    assert "--on_bad_step=skip" in text
    for folder in list_checkpoints(tmp_path / "run"):
        assert folder.is_dir()
    changes["on_bad_step"] = "skip"
    victim = commands.training(work / "records", tmp_path / "run", **changes)
    text = victim.run(expected=1)
    assert "Continuing without its batch." in text
    outcome("loss that explodes", 2, "stopped, or skipped until hopeless, by flag")


def test_determinism(work, tmp_path, outcome):
    commands.training(work / "records", tmp_path / "same").run()
    commands.training(work / "records", tmp_path / "other", seed=1).run()
    assert _same((work / "runs" / "gradient", tmp_path / "same"))
    assert not _same((work / "runs" / "gradient", tmp_path / "other"))
    losses = [
        [row["loss"] for row in read_metrics(run)]
        for run in (work / "runs" / "gradient", tmp_path / "same")
    ]
    assert losses[0] == losses[1]
    outcome("--deterministic, same seed and another", 2, "same bits; other bits")


@pytest.mark.parametrize("damage", [flip_a_bit, cut_off])
def test_damaged_checkpoints(work, tmp_path, damage, outcome):
    files = ("state.data-00000-of-00001", "state.index", "SHA256SUMS")
    for file in files:
        run = shutil.copytree(work / "runs" / "gradient", tmp_path / file)
        damage(list_checkpoints(run)[-1] / file)
        text = commands.training(work / "records", run).run()
        assert "is damaged" in text
        assert "Using the previous one." in text
        assert _same((work / "runs" / "gradient", run))
    for folder in list_checkpoints(run):
        damage(folder / file)
    text = commands.training(work / "records", run).run(expected=1)
    assert "All checkpoints in" in text
    name = {flip_a_bit: "flipped bit", cut_off: "cut off"}[damage]
    result = "last good one taken, says so; same bits afterwards"
    outcome(f"checkpoint, {name}", len(files) + 1, result)


def test_checkpoint_of_another_network(work, tmp_path, outcome):
    run = tmp_path / "run"
    commands.training(work / "records", run, width=6, epochs=1).run()
    # As if the record had been lost and a wrong one put in its place.
    shutil.copy(work / "runs" / "gradient" / "run.json", run / "run.json")
    text = commands.training(work / "records", run).run(expected=1)
    assert "is of another network or optimiser" in text
    outcome("checkpoint of another network", 1, "error names file and remedy")


@pytest.mark.parametrize("damage", [flip_a_bit, cut_off])
def test_damaged_records(work, tmp_path, damage, outcome):
    records = shutil.copytree(work / "records", tmp_path / "records")
    shard = records / "train-00002-of-00004.tfrecord"
    damage(shard)
    for victim in (
        commands.training(records, tmp_path / "run"),
        commands.prediction(records, work / "runs" / "gradient", tmp_path / "dpde"),
    ):
        text = victim.run(expected=1)
        assert f"{shard} must have" in text
        assert "Convert the raw data again" in text
    name = {flip_a_bit: "flipped bit", cut_off: "cut off"}[damage]
    outcome(f"record file, {name}", 2, "error names file and remedy")
