"""Folders of results: one program at a time, and none of another program's."""

import json

import pytest

from dpde_tf.cli.result_record import result_folder


def test_result_folder_refuses_the_folder_of_another_program(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"program": "experiments.predict"}))
    with (
        pytest.raises(ValueError, match=r"holds a run of .*predict, .*another folder"),
        result_folder("experiments.evaluate", tmp_path),
    ):
        raise AssertionError
    with result_folder("experiments.predict", tmp_path):
        pass


def test_result_folder_keeps_a_second_program_out(tmp_path):
    with (
        result_folder("experiments.report", tmp_path / "out"),
        pytest.raises(BlockingIOError, match=r"out is being written by process \d+"),
        result_folder("experiments.report", tmp_path / "out"),
    ):
        raise AssertionError


def test_result_folder_removes_only_its_own_empty_folder(tmp_path):
    with (
        pytest.raises(ValueError, match="bad input"),
        result_folder("experiments.report", tmp_path / "new"),
    ):
        raise ValueError("bad input")
    assert not (tmp_path / "new").exists()
    with result_folder("experiments.report", tmp_path / "new"):
        (tmp_path / "new" / "page.html").write_text("page")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["page.html"]
    (tmp_path / "empty").mkdir()
    with result_folder("experiments.report", tmp_path / "empty"):
        pass
    assert (tmp_path / "empty").is_dir()
