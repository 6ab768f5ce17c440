"""SIGKILL at random moments of every program that writes."""

import filecmp
import itertools

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.data.manifest import read_manifest
from dpde_tf.files.predictions import read_prediction
from dpde_tf.runs.run_folder import list_checkpoints, read_metrics
from dpde_tf.runs.trained_networks import load_gradient_network
from tests.faults.commands import conversion, prediction, report, training
from tests.faults.victims import kill_often

pytestmark = pytest.mark.slow


def _folders(tmp_path):
    for index in itertools.count():
        yield tmp_path / str(index) / "output"


def _text(result):
    phases, chains = result
    listed = ", ".join(f"{name} {count}" for name, count in sorted(phases.items()))
    return f"(killed while {listed}; {chains} chains of restarts)"


def test_conversion(work, tmp_path, outcome):
    expected = read_manifest(work / "records")

    def finished(folder):
        assert read_manifest(folder) == expected
        assert {path.name for path in folder.parent.iterdir()} == {"output"}

    # Every start but the first of a chain may find the finished set of the one before.
    result = kill_often(
        lambda folder: conversion(work / "raw", folder, "--overwrite"),
        _folders(tmp_path),
        finished,
    )
    outcome("SIGKILL: conversion", 30, f"same bytes as unbroken {_text(result)}")


def _same_training(expected, actual):
    networks = [load_gradient_network(run) for run in (expected, actual)]
    weights = [network.get_weights() for network in networks]
    for one, other in zip(*weights, strict=True):
        assert np.array_equal(one, other)
    keys = ("epoch", "step", "loss", "learning_rate", "validation")
    rows = [
        [{key: row[key] for key in keys} for row in read_metrics(run)]
        for run in (expected, actual)
    ]
    assert rows[0] == rows[1]
    readers = [
        tf.train.load_checkpoint(list_checkpoints(run)[-1] / "state")
        for run in (expected, actual)
    ]
    assert len(readers[0].get_variable_to_shape_map()) > 20
    for name in readers[0].get_variable_to_shape_map():
        one, other = (reader.get_tensor(name) for reader in readers)
        assert np.array_equal(one, other), name


def test_training(work, tmp_path, outcome):
    result = kill_often(
        lambda folder: training(work / "records", folder),
        _folders(tmp_path),
        lambda folder: _same_training(work / "runs" / "gradient", folder),
    )
    assert {"working", "stepping", "writing", "validating"} <= set(result[0])
    outcome("SIGKILL: training", 30, f"same bits as unbroken {_text(result)}")


def test_prediction(work, tmp_path, outcome):
    expected = work / "runs" / "predictions" / "dpde"

    def finished(folder):
        files = sorted(expected.glob("*.npz"))
        assert {path.name for path in files} | {"run.json"} == {
            path.name for path in folder.iterdir()
        }
        for path in files:
            one, other = read_prediction(path), read_prediction(folder / path.name)
            assert one.keys() == other.keys()
            for key in one:
                # Not run with deterministic kernels: float32 rounding.
                np.testing.assert_allclose(one[key], other[key], rtol=1e-5, atol=1e-5)

    result = kill_often(
        lambda folder: prediction(work / "records", work / "runs" / "gradient", folder),
        _folders(tmp_path),
        finished,
    )
    outcome("SIGKILL: prediction", 30, f"all predictions, whole {_text(result)}")


def test_report(work, tmp_path, outcome):
    def finished(folder):
        same = filecmp.dircmp(work / "report", folder, ignore=["run.json"])
        assert not (same.left_only or same.right_only or same.diff_files)

    result = kill_often(
        lambda folder: report(work / "records", work / "runs", folder),
        _folders(tmp_path),
        finished,
    )
    outcome("SIGKILL: report", 30, f"same pages as unbroken {_text(result)}")
