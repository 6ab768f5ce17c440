"""Tests of the export of results, and of the comparison of scores with stored ones."""

import json
import pathlib
import re
import types

import pytest
from absl import app

from dpde_tf.reporting.tables.scored_runs import read_scored_run
from experiments import compare_scores
from experiments.compare_scores import largest_differences, read_rows
from experiments.export_results import export_results
from tests.fixtures.programs import run_program

_HEADER = "name,protocol,key,num_pixels,rms,delta1\n"


def _write_runs(runs):
    """A training, its predictions, and their scores."""
    folders = {name: runs / name for name in ("depth", "predictions/dpde", "scores/a")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    given = {"depth_run": str(folders["depth"]), "records": "data/records/nyu"}
    training = {"program": "train", "flags": {}, "config": {"TrainingConfig": {}}}
    (folders["depth"] / "run.json").write_text(json.dumps(training))
    (folders["depth"] / "metrics.jsonl").write_text('{"epoch": 7}\n')
    (folders["depth"] / "weights.weights.h5").write_bytes(b"large")
    record = {"program": "predict", "flags": given, "config": {}}
    (folders["predictions/dpde"] / "run.json").write_text(json.dumps(record))
    (folders["predictions/dpde"] / "0001.npz").write_bytes(b"large")
    summary = {
        "dataset": "nyu_depth_v2",
        "split": "test",
        "num_images": 2,
        "predictions": str(folders["predictions/dpde"]),
        "records": "data/records/nyu",
        "protocols": {},
    }
    (folders["scores/a"] / "summary.json").write_text(json.dumps(summary))
    (folders["scores/a"] / "per_image.csv").write_text(
        _HEADER + "0001,paper,depth,76800,0.123456789,0.75\n"
        "0001,eigen,depth,7,0.5,0.5\n0002,paper,depth,76800,,0.25\n"
    )


def test_export_results_keeps_small_files_and_their_origin(
    tmp_path,
):
    runs, output = tmp_path / "runs", tmp_path / "results"
    _write_runs(runs)
    files = [p.relative_to(output) for p in export_results(runs, output)]
    assert files == list(
        map(
            pathlib.Path,
            (
                "depth/metrics.jsonl",
                "depth/run.json",
                "predictions/dpde/run.json",
                "scores/a/per_image.csv",
                "scores/a/summary.json",
            ),
        )
    )
    run = read_scored_run("dpde", output / "scores" / "a")
    assert run.depth.epochs == 7
    assert run.prediction.record["flags"]["depth_run"] == str(output / "depth")
    assert run.prediction.record["flags"]["records"] == "data/records/nyu"
    # Six digits, one protocol, empty cells stay empty.
    assert (output / "scores" / "a" / "per_image.csv").read_text() == (
        _HEADER + "0001,paper,depth,76800,0.123457,0.75\n0002,paper,depth,76800,,0.25\n"
    )
    # Summaries are most of the size: no spaces, eight digits. Records are to be read.
    summary = (output / "scores" / "a" / "summary.json").read_text()
    assert ": " not in summary
    assert max(map(len, re.findall(r"0\.0*(\d+)", summary)), default=0) <= 8
    assert '\n "config": ' in (output / "depth" / "run.json").read_text()


def test_words_are_no_paths(tmp_path, monkeypatch):
    """Also if the runs are in the working folder."""
    _write_runs(tmp_path)
    record = tmp_path / "depth" / "run.json"
    record.write_text(json.dumps({"config": {"optimizer": "sgd", "of": "scores/a"}}))
    monkeypatch.chdir(tmp_path)
    export_results(pathlib.Path(), pathlib.Path("out"), only=["depth"])
    config = json.loads((tmp_path / "out" / "depth" / "run.json").read_text())["config"]
    assert config == {"optimizer": "sgd", "of": "out/scores/a"}


def test_export_results_of_some_folders_leaves_the_others(tmp_path):
    _write_runs(tmp_path / "runs")
    written = export_results(tmp_path / "runs", tmp_path / "out", only=["depth"])
    assert {path.parent.name for path in written} == {"depth"}
    with pytest.raises(FileNotFoundError, match=r"runs/none does not exist. Correct"):
        export_results(tmp_path / "runs", tmp_path / "out", only=["none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty holds no runs: no run.json"):
        export_results(tmp_path / "empty", tmp_path / "out")


def _rows(**rms):
    return {
        (name, "paper", "depth"): {"rms": value, "delta1": "0.5"}
        for name, value in rms.items()
    }


def test_largest_differences_names_the_image():
    ours, theirs = _rows(a="0.5", b="0.25", c=""), _rows(a="0.5", b="0.5", c="", d="9")
    number, largest = largest_differences(ours, theirs, ["rms", "delta1"])
    assert number == 3
    assert largest == {"rms": (0.25, "b"), "delta1": (0.0, "a")}


def test_largest_difference_of_a_missing_score_is_infinite():
    _, largest = largest_differences(_rows(a=""), _rows(a="0.5"), ["rms"])
    assert largest["rms"] == (float("inf"), "a")


def test_largest_differences_refuses_what_cannot_be_compared():
    with pytest.raises(ValueError, match="no row in common"):
        largest_differences(_rows(a="1"), _rows(b="1"), ["rms"])
    with pytest.raises(ValueError, match=r"no column 'ssim'\. Correct --measures"):
        largest_differences(_rows(a="1"), _rows(a="1"), ["ssim"])


def test_read_rows_refuses_a_folder_without_scores(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"per_image.csv does not exist"):
        read_rows(tmp_path)
    (tmp_path / "per_image.csv").write_text("name,rms\na,1\n")
    with pytest.raises(ValueError, match="must have rows with the columns name"):
        read_rows(tmp_path)


@pytest.mark.slow
def test_compare_scores_ends_with_one_if_a_score_differs(tmp_path):
    for folder, value in (("a", "0.5"), ("b", "0.5004"), ("c", "0.502")):
        (tmp_path / folder).mkdir()
        row = f"0001,paper,depth,9,{value},0.75\n"
        (tmp_path / folder / "per_image.csv").write_text(_HEADER + row)
    flags = {"reference": tmp_path / "a", "measures": "rms,delta1"}
    module = "experiments.compare_scores"
    result = run_program(module, scores=tmp_path / "b", **flags)
    assert "1 rows agree within 0.001." in result.stdout
    result = run_program(module, check=False, scores=tmp_path / "c", **flags)
    assert result.returncode == 1
    assert "1 rows differ by up to 2.00e-03" in result.stderr


def test_comparison_without_measures_is_refused(monkeypatch):
    monkeypatch.setattr(compare_scores, "FLAGS", types.SimpleNamespace(measures=[]))
    with pytest.raises(app.UsageError, match="--measures must name a measure"):
        compare_scores.main(["compare_scores"])


def test_export_of_an_unknown_protocol_is_refused(tmp_path):
    _write_runs(tmp_path / "runs")
    rows = tmp_path / "runs" / "scores" / "a" / "per_image.csv"
    rows.write_text(_HEADER + "0001,paper,depth,9,0.5,0.75\n")
    with pytest.raises(ValueError, match=r"fcnr"):
        export_results(tmp_path / "runs", tmp_path / "out", protocol="fcnr")
    assert not (tmp_path / "out").exists()


def test_export_keeps_the_first_protocol_of_a_set_without_the_wanted_one(tmp_path):
    _write_runs(tmp_path / "runs")
    rows = tmp_path / "runs" / "scores" / "a" / "per_image.csv"
    rows.write_text(_HEADER + "1,c1,depth,9,0.5,0.75\n1,c2,depth,9,0.6,0.75\n")
    export_results(tmp_path / "runs", tmp_path / "out")
    written = tmp_path / "out" / "scores" / "a" / "per_image.csv"
    assert [line.split(",")[1] for line in written.read_text().splitlines()[1:]] == [
        "c1"
    ]
