"""Tests of predictions that a folder holds already."""

import json

import pytest

from dpde_tf.inference import former_predictions as module
from dpde_tf.inference.former_predictions import (
    former_predictions,
    wait_for_first_worker,
)
from dpde_tf.runs.run_record import code

CONFIG = {"omega": 10.0}


@pytest.fixture
def files(tmp_path):
    """Two files, of which the first exists."""
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    paths[0].write_text("former")
    return paths


def _record(folder, config, **changes):
    record = {"config": config} | code() | changes
    (folder / "run.json").write_text(json.dumps(record))


def test_an_empty_folder_has_no_former_predictions(tmp_path):
    due = [tmp_path / "none" / "a.npz"]
    assert former_predictions(due[0].parent, CONFIG, due, overwrite=False) == []


def test_predictions_of_the_same_configuration_are_kept(tmp_path, files):
    _record(tmp_path, CONFIG)
    assert former_predictions(tmp_path, CONFIG, files, overwrite=True) == []
    assert former_predictions(tmp_path, CONFIG, [], later=files, overwrite=False) == []


@pytest.mark.parametrize("changed", ["versions", "commit"])
def test_overwrite_replaces_predictions_of_other_code(tmp_path, files, changed):
    _record(tmp_path, CONFIG, **{changed: "before"})
    assert former_predictions(tmp_path, CONFIG, files, overwrite=False) == []
    assert former_predictions(tmp_path, CONFIG, files, overwrite=True) == files[:1]


def test_places_do_not_make_another_configuration(tmp_path, files):
    here = {
        "networks": {"depth_run": "runs/depth"},
        "weights_sha256": {"depth_run": "1f"},
        "data": {"records": "data/records", "split": "test", "manifest_sha256": "2e"},
    }
    _record(tmp_path, here)
    there = {
        "networks": {"depth_run": "/home/me/runs/depth/"},
        "data": here["data"] | {"records": "data/records/"},
    }
    assert former_predictions(tmp_path, here | there, files, overwrite=False) == []
    for other in (
        {"weights_sha256": {"gradient_run": "1f"}},
        {"data": here["data"] | {"manifest_sha256": "3d"}},
        {"data": here["data"] | {"split": "train"}},
    ):
        with pytest.raises(ValueError, match="other networks, options or data"):
            former_predictions(tmp_path, here | other, files, overwrite=False)


def test_refusal_names_what_differs(tmp_path, files):
    config = {
        "PredictionConfig": {"test_time_flip": False, "context_share": 0.5},
        "data": {"fov_x": 70.0},
        "networks": {"depth_run": "a"},
    }
    _record(tmp_path, config)
    now = {
        "PredictionConfig": {"test_time_flip": True, "context_share": 0.5},
        "data": {"fov_x": None},
        "networks": {"depth_run": "b"},
    }
    match = r"\(fov_x 70.0 there, None now; test_time_flip False .* True now\)\. Use"
    with pytest.raises(ValueError, match=match):
        former_predictions(tmp_path, now, files, overwrite=False)


def test_predictions_of_another_one_are_refused_or_replaced(tmp_path, files):
    for _ in range(2):  # Without a record, and with another one.
        with pytest.raises(
            ValueError, match=r"holds 1 of these .*: a.npz.* Use another"
        ):
            former_predictions(tmp_path, CONFIG, files, overwrite=False)
        replaced = former_predictions(tmp_path, CONFIG, files, overwrite=True)
        assert replaced == files[:1]
        _record(tmp_path, {"omega": 5.0})
    assert files[0].read_text() == "former"


def test_predictions_mistaken_for_this_run_are_refused(tmp_path, files):
    with pytest.raises(ValueError, match=r"1 predictions .* other records of"):
        former_predictions(tmp_path, CONFIG, [], later=files, overwrite=True)


def test_worker_waits_for_the_record_of_the_first(tmp_path, monkeypatch):
    times = []

    def sleep(seconds):
        times.append(seconds)
        _record(tmp_path, CONFIG if len(times) == 2 else {"omega": 5.0})

    monkeypatch.setattr(module.time, "sleep", sleep)
    wait_for_first_worker(tmp_path, CONFIG)
    assert len(times) == 2
    monkeypatch.setattr(module, "_FIRST_WORKER_SECONDS", 0.0)
    with pytest.raises(TimeoutError, match=r"first worker has not written .*run.json"):
        wait_for_first_worker(tmp_path, {"omega": 1.0})
