"""Tests of predictions that a folder holds already."""

import json

import pytest

from dpde_tf.inference import former_predictions as module
from dpde_tf.inference.former_predictions import (
    former_predictions,
    wait_for_first_worker,
)

CONFIG = {"omega": 10.0}


@pytest.fixture
def files(tmp_path):
    """Two files, of which the first exists."""
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    paths[0].write_text("former")
    return paths


def _record(folder, config):
    (folder / "run.json").write_text(json.dumps({"config": config}))


def test_an_empty_folder_has_no_former_predictions(tmp_path):
    due = [tmp_path / "none" / "a.npz"]
    assert former_predictions(due[0].parent, CONFIG, due, overwrite=False) == []


def test_predictions_of_the_same_configuration_are_kept(tmp_path, files):
    _record(tmp_path, CONFIG)
    assert former_predictions(tmp_path, CONFIG, files, overwrite=True) == []
    assert former_predictions(tmp_path, CONFIG, [], later=files, overwrite=False) == []


def test_predictions_of_another_one_are_refused_or_replaced(tmp_path, files):
    for _ in range(2):  # Without a record, and with another one.
        with pytest.raises(
            ValueError, match=r"holds 1 of these .*: a.npz. Use another"
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
