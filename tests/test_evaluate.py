import json
import pathlib
import subprocess
import sys

import pytest
from absl import flags

from experiments import evaluate
from tests.test_evaluation import write_depths, write_predictions


def test_evaluate_scores_all_depths_of_a_folder(tmp_path):
    summary = evaluate.evaluate(
        write_predictions(tmp_path / "predictions"),
        write_depths(tmp_path / "records"),
        split="test",
        keys=None,
        protocol_names=["paper", "middlebury_median"],
        output=tmp_path / "scores",
    )
    assert summary["num_images"] == 3
    assert set(summary["protocols"]) == {"paper", "middlebury_median"}
    assert list(summary["protocols"]["paper"]["results"]) == ["depth", "fused"]
    # Constant predictions of constant depths: the medians make them equal.
    aligned = summary["protocols"]["middlebury_median"]["results"]["depth"]["pooled"]
    assert aligned["rms"] == pytest.approx(0.0, abs=1e-6)


def test_format_table_has_a_line_for_each_protocol_and_array():
    pooled = {"rms": 0.5, "rms_log": 0.2, "rel": 0.15, "log10": 0.06}
    pooled |= {"delta1": 0.81, "delta2": 0.95, "delta3": 0.98765}
    results = {"depth": {"pooled": pooled}, "fused": {"pooled": pooled}}
    summary = {"dataset": "nyu_depth_v2", "split": "test", "num_images": 654}
    summary["protocols"] = {"paper": {"results": results}}
    lines = evaluate.format_table(summary).splitlines()
    assert lines[0] == "nyu_depth_v2, test, 654 images, pooled over pixels"
    assert lines[2].split() == ["paper", "depth", "0.5000", "0.2000", "0.1500"] + [
        "0.0600",
        "0.8100",
        "0.9500",
        "0.9877",
    ]
    assert lines[3].split()[1] == "fused"


def test_default_output_lies_beside_the_predictions():
    beside = evaluate.default_output(pathlib.Path("/runs/nyu/predictions/dpde"))
    assert beside == pathlib.Path("/runs/nyu/scores/dpde")
    beside = evaluate.default_output(pathlib.Path("/runs/mine"))
    assert beside == pathlib.Path("/runs/mine_scores")


@pytest.mark.slow
def test_evaluate_as_a_program(tmp_path):
    write_predictions(tmp_path / "predictions" / "dpde")
    write_depths(tmp_path / "records")
    command = [sys.executable, "-m", "experiments.evaluate"]
    folders = [
        f"--predictions={tmp_path}/predictions/dpde",
        f"--records={tmp_path}/records",
    ]
    finished = subprocess.run([*command, *folders], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert "pooled over pixels" in finished.stdout
    summary = json.loads((tmp_path / "scores" / "dpde" / "summary.json").read_text())
    assert summary["split"] == "test"
    finished = subprocess.run(
        [*command, "--protocol=x"], capture_output=True, text=True
    )
    assert "--predictions" in finished.stderr + finished.stdout
    finished = subprocess.run(
        [*command, *folders, "--split=x"], capture_output=True, text=True
    )
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in finished.stderr


def run_main(monkeypatch, **values):
    """Runs the program's main in this process, with flags of its own."""
    own = flags.FlagValues()
    for name in ("predictions", "records", "output"):
        flags.DEFINE_string(name, None, "", flag_values=own)
    flags.DEFINE_string("split", "test", "", flag_values=own)
    flags.DEFINE_list("keys", None, "", flag_values=own)
    flags.DEFINE_list("protocol", ["paper"], "", flag_values=own)
    own(["evaluate", *(f"--{name}={value}" for name, value in values.items())])
    monkeypatch.setattr(evaluate, "FLAGS", own)
    monkeypatch.setattr(flags, "FLAGS", own)
    evaluate.main(["evaluate"])


@pytest.fixture
def folders(tmp_path):
    """What to score."""
    predictions = write_predictions(tmp_path / "predictions" / "dpde")
    records = write_depths(tmp_path / "records")
    return {"predictions": str(predictions), "records": str(records)}


def test_main_writes_with_what_the_scores_were_made(folders, tmp_path, monkeypatch):
    run_main(monkeypatch, **folders, protocol="make3d_c1")
    output = tmp_path / "scores" / "dpde"
    assert {path.name for path in output.iterdir()} == {
        "run.json",
        "summary.json",
        "per_image.csv",
    }
    record = json.loads((output / "run.json").read_text())
    assert record["program"] == "experiments.evaluate"
    assert record["flags"] == folders | {"protocol": ["make3d_c1"]}
    assert record["config"]["protocols"]["make3d_c1"]["max_depth"] == 70.0
    assert {"versions", "commit", "hardware"} <= set(record)
    run_main(monkeypatch, **folders)  # Scores may be written again.


def test_main_ends_with_one_line_on_bad_input(folders, monkeypatch):
    with pytest.raises(SystemExit, match=r"^Error: .*'validation'"):
        run_main(monkeypatch, **folders, split="validation")
    with pytest.raises(SystemExit, match=r"^Error: There is no protocol 'eigen'"):
        run_main(monkeypatch, **folders, protocol="eigen")


def test_main_keeps_the_record_of_the_predictions(folders, monkeypatch):
    path = pathlib.Path(folders["predictions"]) / "run.json"
    path.write_text(json.dumps({"program": "experiments.predict"}))
    with pytest.raises(SystemExit, match=r"^Error: .*run of experiments\.predict"):
        run_main(monkeypatch, **folders, output=folders["predictions"])
    assert json.loads(path.read_text()) == {"program": "experiments.predict"}


@pytest.mark.slow
def test_evaluate_program_lists_its_flags():
    command = [sys.executable, "-m", "experiments.evaluate", "--help"]
    finished = subprocess.run(command, capture_output=True, text=True)
    for name in ("--predictions", "--records", "--split", "--keys", "--protocol"):
        assert name in finished.stdout
