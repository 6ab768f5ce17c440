"""Tests of checkpoints: damage, other networks, full disks."""

import shutil

import numpy as np
import pytest

from dpde_tf.config import TrainingConfig
from dpde_tf.runs.run_folder import has_checkpoint, list_checkpoints
from dpde_tf.training.checkpoints import CheckpointStore
from dpde_tf.training.optimization import LearningRate, build_optimizer
from dpde_tf.training.progress import Progress
from tests.fixtures.small_training import (
    cut_off,
    flip_a_bit,
    largest_file,
    tiny_depth_network,
)

FILES = ("SHA256SUMS", "state.data-00000-of-00001", "state.index")


def _store(workdir, *, width=4, optimizer="sgd"):
    network = tiny_depth_network(width)
    config = TrainingConfig(optimizer=optimizer)
    built = build_optimizer(config, LearningRate.of(config, 3))
    built.build(network.trainable_variables)
    return CheckpointStore(workdir, network, built)


def _first_weights(store):
    return store._checkpoint.network.layers[1].kernel


def _save(store, epoch, step):
    """Saves a state that can be distinguished from others."""
    kernel = _first_weights(store)
    kernel.assign(np.full(kernel.shape, 10.0 * epoch + step))
    store.save(Progress(epoch, step, sums={"loss": 0.1 + 0.2}, skipped=[7]))


@pytest.fixture
def saved(tmp_path):
    """A run with two checkpoints; an earlier one was removed."""
    store = _store(tmp_path)
    for epoch, step in ((0, 2), (0, 10), (1, 1)):
        _save(store, epoch, step)
    return tmp_path


def test_store_keeps_the_last_two_checkpoints(saved):
    names = [path.name for path in list_checkpoints(saved)]
    assert names == ["epochs-0-steps-10", "epochs-1-steps-1"]
    assert {path.name for path in list_checkpoints(saved)[1].iterdir()} == set(FILES)
    assert has_checkpoint(saved)
    assert not has_checkpoint(saved / "none")


def test_store_restores_the_newest_to_the_bit(saved):
    store = _store(saved)
    progress = store.restore()
    assert progress == Progress(1, 1, sums={"loss": 0.1 + 0.2}, skipped=[7])
    assert np.all(np.asarray(_first_weights(store)) == 11.0)


def test_store_without_a_checkpoint_restores_nothing(tmp_path):
    assert _store(tmp_path).restore() is None


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", [flip_a_bit, cut_off, lambda path: path.unlink()])
def test_store_restores_the_last_intact_checkpoint(saved, file, damage, caplog):
    damage(saved / "checkpoints" / "epochs-1-steps-1" / file)
    store = _store(saved)
    assert store.restore().place == (0, 10)
    assert np.all(np.asarray(_first_weights(store)) == 10.0)
    assert "epochs-1-steps-1 is damaged: " in caplog.text
    assert "Using the previous one." in caplog.text
    # The run continues, and the next checkpoint is beside the restored one.
    _save(store, 0, 11)
    names = [path.name for path in list_checkpoints(saved)]
    assert names == ["epochs-0-steps-10", "epochs-0-steps-11"]


def test_store_names_a_remedy_if_all_checkpoints_are_damaged(saved):
    for folder in list_checkpoints(saved):
        flip_a_bit(folder / FILES[1])
    with pytest.raises(ValueError, match=f"delete {saved} to start again"):
        _store(saved).restore()


@pytest.mark.parametrize("other", [{"width": 8}, {"optimizer": "adamw"}])
def test_store_rejects_the_checkpoint_of_another_network(saved, other):
    with pytest.raises(
        ValueError, match=r"epochs-1-steps-1 is of another network or optimiser"
    ):
        _store(saved, **other).restore()
    assert len(list_checkpoints(saved)) == 2


def test_store_removes_files_of_a_killed_program(saved):
    waste = saved / "checkpoints" / ".partial-epochs-1-steps-2"
    shutil.copytree(saved / "checkpoints" / "epochs-1-steps-1", waste)
    assert _store(saved).restore().place == (1, 1)
    assert not waste.exists()


def test_store_on_a_full_disk_keeps_old_checkpoints(saved):
    store = _store(saved)
    store.restore()
    with (
        pytest.raises(OSError, match=r"epochs-1-steps-2 could not be written: .*Free"),
        largest_file(500),
    ):
        store.save(Progress(1, 2))
    assert {path.name for path in (saved / "checkpoints").iterdir()} == {
        "epochs-0-steps-10",
        "epochs-1-steps-1",
    }
    assert _store(saved).restore().place == (1, 1)
