"""Tests of predictions that a folder holds already."""

import json

import pytest

from dpde_tf.inference import former_predictions as module
from dpde_tf.inference.former_predictions import (
    former_predictions,
    former_results,
    input_checksum,
    origins_of,
    wait_for_first_worker,
)
from dpde_tf.runs.file_origins import FileOrigins
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


def test_photographs_and_records_do_not_share_a_folder(tmp_path, files):
    records = {"data": {"manifest_sha256": "2e"}}
    _record(tmp_path, records)
    written = dict.fromkeys(files, "1f")
    with pytest.raises(ValueError, match="predictions of records, which photographs"):
        former_results(FileOrigins(tmp_path), CONFIG, written, {}, overwrite=True)
    _record(tmp_path, {"origins": {"files": {}, "options": {}}})
    with pytest.raises(ValueError, match="predictions of photographs, which records"):
        former_predictions(tmp_path, records, files, overwrite=True)


@pytest.mark.parametrize("changed", [{}, {"commit": "before"}])
def test_results_of_the_same_photograph_may_be_replaced(tmp_path, files, changed):
    page = tmp_path / "a.html"
    page.write_text("3D")
    written, left = dict.fromkeys(files, "1f"), {page: "1f"}
    there = FileOrigins(tmp_path)
    origins = origins_of(there, CONFIG, written | left, {}, overwrite=False)
    _record(tmp_path, CONFIG | {"origins": origins}, **changed)
    there = FileOrigins.read(tmp_path)
    assert former_results(there, CONFIG, written, {}, overwrite=False) == []
    # Those of other code, and what this run does not write, are removed on request.
    replaced = [*(files[:1] if changed else []), page]
    assert former_results(there, CONFIG, written, left, overwrite=True) == replaced
    origins = origins_of(there, CONFIG, written, left, overwrite=True)
    assert list(origins["files"]) == ["a.npz", "b.npz"]
    for options, checksum, reason in (
        (CONFIG, "2e", "of another photograph or video"),
        ({"data": {"fov_x": 60.0}}, "1f", "fov_x not recorded there, 60.0 now"),
    ):
        written = dict.fromkeys(files, checksum)
        with pytest.raises(ValueError, match=rf"holds 1 .*a.npz \({reason}\)\. Use an"):
            former_results(there, options, written, {}, overwrite=False)


def test_photograph_that_cannot_be_read_has_no_checksum(tmp_path):
    gone = tmp_path / "gone.jpg"
    assert input_checksum(gone, []) == ""
    with pytest.raises(ValueError, match=r"gone.jpg would be replaced by its result"):
        input_checksum(gone, [tmp_path / "." / "gone.jpg"])


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
