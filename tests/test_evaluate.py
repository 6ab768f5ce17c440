import json
import pathlib
import subprocess
import sys

import pytest

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
