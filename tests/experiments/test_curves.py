"""Tests of charts of several runs."""

import json
import xml.etree.ElementTree as ET

import pytest

from experiments import curves
from experiments.curves import read_points
from tests.fixtures.program_flags import flags_of


def write_run(folder, losses):
    folder.mkdir()
    rows = [
        {"epoch": epoch, "loss": loss, "validation": {"rms": 2 * loss}}
        for epoch, loss in enumerate(losses, 1)
    ]
    del rows[0]["validation"]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "metrics.jsonl").write_text(text)
    return folder


def test_read_points_of_training_and_of_held_out_images(tmp_path):
    run = write_run(tmp_path / "run", [3.0, 2.0, 1.5])
    assert read_points(run, "loss") == [(1, 3.0), (2, 2.0), (3, 1.5)]
    assert read_points(run, "validation.rms") == [(2, 4.0), (3, 3.0)]


@pytest.fixture
def run():
    with flags_of(curves) as run_main:
        yield run_main


def test_read_points_names_the_available_metrics(tmp_path):
    run = write_run(tmp_path / "run", [3.0, 2.0])
    with pytest.raises(ValueError, match=r"'rms'.*epoch, loss, validation\.rms"):
        read_points(run, "rms")
    with pytest.raises(FileNotFoundError, match=r"empty has no epochs"):
        read_points(tmp_path / "empty", "loss")


def test_program_draws_one_line_per_run(tmp_path, run):
    losses = {"a": [3.0, 2.0], "b": [2.0, 1.0], "c": [1.0, 0.5]}
    runs = [
        f"--run={name}={write_run(tmp_path / name, losses[name])}" for name in "abc"
    ]
    output = tmp_path / "chart.svg"
    run(*runs, output=output, title="Losses")
    root = ET.parse(output).getroot()
    space = "{http://www.w3.org/2000/svg}"
    texts = ["".join(text.itertext()) for text in root.iter(f"{space}text")]
    assert {"Losses", "a 2", "b 1", "c 0.5"} <= set(texts)


@pytest.mark.parametrize(
    ("runs", "message"),
    [(["runs/a"], "--run must be LABEL=DIR"), (["a=x", "a=y"], "label 'a' twice")],
)
def test_program_refuses_wrong_labels(tmp_path, run, runs, message):
    with pytest.raises(SystemExit, match=f"^Error: .*{message}"):
        run(*(f"--run={one}" for one in runs), output=tmp_path / "a.svg")
    assert not (tmp_path / "a.svg").exists()
