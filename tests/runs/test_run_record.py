"""Tests of the record of a run, and of networks built again from it."""

import dataclasses
import json
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.config import AugmentationConfig, DepthNetworkConfig, GradientNetworkConfig
from dpde_tf.models.gradient import build_gradient_network
from dpde_tf.runs import run_record
from dpde_tf.runs.run_folder import WEIGHTS_FILE, read_metrics, read_run_record
from dpde_tf.runs.run_record import config_as_dict, write_run_record
from dpde_tf.runs.trained_networks import (
    common_image_size,
    load_depth_network,
    load_gradient_network,
)
from dpde_tf.training.checkpoints import save_weights

CONFIG = GradientNetworkConfig(width=4)


@pytest.fixture
def run(tmp_path):
    """A run of a small gradient network, and the network."""
    write_run_record(
        tmp_path,
        program="experiments.train_gradient",
        flags={"width": 4},
        config=config_as_dict(CONFIG, AugmentationConfig(crop_size=(8, 9))),
    )
    network = build_gradient_network(CONFIG)
    save_weights(network, tmp_path / WEIGHTS_FILE)
    return tmp_path, network


def test_read_run_record_gives_back_what_was_written(run):
    record = read_run_record(run[0])
    assert record["program"] == "experiments.train_gradient"
    assert record["flags"] == {"width": 4}
    assert record["config"]["GradientNetworkConfig"] == dataclasses.asdict(CONFIG)
    assert record["config"]["AugmentationConfig"]["crop_size"] == [8, 9]
    assert record["versions"]["tensorflow"] == tf.__version__
    assert record["versions"]["keras"] == keras.__version__
    assert record["hardware"]["cores"] >= 1
    assert record["commit"]


def test_repository_around_an_installed_library_is_not_its_own(tmp_path, monkeypatch):
    installed = tmp_path / "lib" / "run_record.py"
    installed.parent.mkdir()
    installed.write_text("")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    monkeypatch.setattr(run_record, "__file__", str(installed))
    assert run_record._commit() == "unknown"


def test_read_run_record_names_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"not the folder of a run"):
        read_run_record(tmp_path)


def test_load_gradient_network_has_the_trained_weights(run, rng):
    image = rng.uniform(0, 1, [1, 12, 12, 3]).astype(np.float32)
    loaded = load_gradient_network(run[0])
    assert np.array_equal(loaded(image), run[1](image))


def test_load_depth_network_refuses_the_run_of_another_network(run):
    with pytest.raises(ValueError, match=r"no DepthNetworkConfig: it is the run of"):
        load_depth_network(run[0])


def test_load_depth_network_needs_a_finished_epoch(tmp_path):
    config = DepthNetworkConfig(encoder_weights="none", output_offset=2.8)
    write_run_record(tmp_path, program="p", flags={}, config=config_as_dict(config))
    with pytest.raises(FileNotFoundError, match=r"has not finished an epoch"):
        load_depth_network(tmp_path)


def test_save_weights_leaves_no_partial_file(run, monkeypatch):
    def fail(path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    before = (run[0] / "weights.weights.h5").read_bytes()
    monkeypatch.setattr(run[1], "save_weights", fail)
    with pytest.raises(OSError, match=r"disk full"):
        save_weights(run[1], run[0] / WEIGHTS_FILE)
    assert (run[0] / "weights.weights.h5").read_bytes() == before
    assert {path.name for path in run[0].iterdir()} == {
        "run.json",
        "weights.weights.h5",
    }


def test_read_run_record_names_a_damaged_file(tmp_path):
    for content in ('{"config"', "3"):
        (tmp_path / "run.json").write_text(content)
        with pytest.raises(ValueError, match=r"run.json .*must hold a JSON object"):
            read_run_record(tmp_path)


def test_read_metrics_names_a_broken_line(tmp_path):
    assert read_metrics(tmp_path) == []
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1}\n{"epo')
    with pytest.raises(ValueError, match=r"Line 2 of .*metrics.jsonl must be a JSON"):
        read_metrics(tmp_path)


def test_networks_of_two_sizes_see_that_of_the_first(tmp_path, caplog):
    runs = [tmp_path / "a", tmp_path / "b"]
    for run, size in zip(runs, ([64, 96], [32, 48]), strict=True):
        run.mkdir()
        record = {"config": {"data": {"image_size": size}}}
        (run / "run.json").write_text(json.dumps(record))
    assert common_image_size(runs) == (64, 96)
    assert "a: 64x96" in caplog.text
    assert "b: 32x48" in caplog.text
