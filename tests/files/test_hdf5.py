"""Tests that HDF5 files can be read while another program has them open."""

import contextlib
import fcntl

import h5py
import keras
import numpy as np
import pytest

from dpde_tf.files.hdf5 import open_to_read
from dpde_tf.reporting.report.runs import count_parameters
from dpde_tf.runs.run_folder import WEIGHTS_FILE
from dpde_tf.runs.weight_files import load_weights
from dpde_tf.training.checkpoints import save_weights


@contextlib.contextmanager
def held_to_write(path):
    """Locks a file like HDF5 when it writes, so that plain h5py cannot read it."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            h5py.File(path, "r")
        yield


@pytest.fixture
def network(tmp_path):
    """A network whose weights are in `tmp_path`."""
    image = keras.Input((None, None, 3))
    network = keras.Model(image, keras.layers.Conv2D(4, 3, name="conv")(image))
    save_weights(network, tmp_path / WEIGHTS_FILE)
    return network


def test_locked_file_can_be_read(tmp_path):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["depths"] = np.arange(6.0)
    with held_to_write(path), open_to_read(path) as file:
        np.testing.assert_array_equal(file["depths"], np.arange(6.0))


def test_file_is_opened_read_only(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["depths"] = np.arange(6.0)
    with open_to_read(path) as file, pytest.raises((KeyError, ValueError)):
        file["more"] = 1
    with pytest.raises(FileNotFoundError):
        open_to_read(tmp_path / "b.h5")


def test_parameters_of_a_locked_file_are_counted(network, tmp_path):
    path = tmp_path / "weights.weights.h5"
    with held_to_write(path):
        assert count_parameters(path) == 4 * (3 * 3 * 3 + 1)


def test_parameters_of_a_damaged_file_are_counted_or_refused(network, tmp_path):
    path = tmp_path / "weights.weights.h5"
    content = path.read_bytes()
    refused = 0
    for position in range(0, len(content), 61):
        changed = bytearray(content)
        changed[position] ^= 0xFF
        path.write_bytes(changed)
        try:
            count_parameters(path)
        except ValueError as error:
            assert "is not a readable HDF5 file" in str(error)
            refused += 1
    assert refused


def test_locked_weights_are_not_reported_as_damaged(network, tmp_path):
    path = tmp_path / "weights.weights.h5"
    match = r"weights\.weights\.h5 is locked by another program\. Close it there"
    with held_to_write(path), pytest.raises(BlockingIOError, match=match):
        load_weights(network, path, remedy="Train again.")
    load_weights(network, path, remedy="Train again.")
