import json
import pathlib

import numpy as np
import pytest

from dpde_tf.cli import evaluate
from dpde_tf.evaluation import score_text
from dpde_tf.files.depth_maps import write_depth
from dpde_tf.files.predictions import PredictionFolder, read_prediction
from tests.fixtures.program_flags import flags_of
from tests.fixtures.programs import run_program
from tests.fixtures.scored_sets import (
    DEPTHS,
    write_depths,
    write_predictions,
    write_record_set,
)


def run_evaluate(tmp_path, predictions, **options):
    defaults = {"split": "test", "keys": None, "protocols": ["paper"]}
    folder = PredictionFolder.open(predictions)
    return evaluate.evaluate(
        folder,
        tmp_path / "records",
        output=tmp_path / "scores",
        **(defaults | options),
    )


def test_evaluate_scores_all_depths_of_a_folder(tmp_path):
    write_depths(tmp_path / "records")
    predictions = write_predictions(tmp_path / "predictions")
    names = ["paper", "simple_median"]
    summary = run_evaluate(tmp_path, predictions, protocols=names)
    assert summary["num_images"] == 3
    assert list(summary["protocols"]) == names
    assert list(summary["protocols"]["paper"]["results"]) == ["depth", "fused"]
    # Constant predictions of constant depths: the medians make them equal.
    aligned = summary["protocols"]["simple_median"]["results"]["depth"]["pooled"]
    assert aligned["rms"] == pytest.approx(0.0, abs=1e-6)


def test_evaluate_takes_one_name_as_such(tmp_path):
    write_depths(tmp_path / "records")
    predictions = write_predictions(tmp_path / "predictions")
    options = {"protocols": "paper", "keys": "fused"}
    summary = run_evaluate(tmp_path, predictions, **options)
    assert list(summary["protocols"]) == ["paper"]
    assert list(summary["protocols"]["paper"]["results"]) == ["fused"]


def test_evaluate_refuses_a_scale_that_would_do_nothing(tmp_path):
    write_depths(tmp_path / "records")
    predictions = write_predictions(tmp_path / "predictions")
    with pytest.raises(ValueError, match=r"`depth_scale=0\.001` is for integers"):
        evaluate.evaluate(predictions, tmp_path / "records", depth_scale=0.001)


def test_evaluate_scores_a_part_if_allowed_and_reports_it(tmp_path):
    write_depths(tmp_path / "records")
    predictions = write_predictions(tmp_path / "predictions")
    (predictions / "b.npz").rename(predictions / "x.npz")
    with pytest.raises(FileNotFoundError, match=r"lacks 1 of 3 .*: b\..*allow_partial"):
        run_evaluate(tmp_path, predictions)
    summary = run_evaluate(tmp_path, predictions, allow_partial=True)
    assert summary["num_images"] == 2
    assert summary["left_out"] == {"records": ["b"], "predictions": ["x"]}


def test_similarity_range_decides_gsm_and_is_in_the_summary(tmp_path):
    # One image of 2 m with one far pixel of 8 m, predicted as 1.5 m; the manifest says
    # 9 m. With 255 = 2 m, all blocks are flat and err by 255 / 4.
    depth = np.full((16, 16), 2.0, np.float32)
    depth[8, 8] = 8.0
    write_record_set(tmp_path / "records", {"a": depth})
    (tmp_path / "out").mkdir()
    np.savez(tmp_path / "out" / "a", depth=np.full((16, 16), 1.5, np.float32))
    gsm = []
    for name in ("robust", "image", "split"):
        summary = run_evaluate(tmp_path, tmp_path / "out", similarity_range=name)
        assert summary["similarity_range"] == name
        pooled = summary["protocols"]["paper"]["results"]["depth"]["pooled"]
        gsm.append(pooled["gsm"])
    assert gsm[0] == pytest.approx(0.9 + 0.1 * (1 - 0.25**2))
    assert len(set(gsm)) == 3
    with pytest.raises(ValueError, match="Received: 'dataset'"):
        run_evaluate(tmp_path, tmp_path / "out", similarity_range="dataset")


def test_evaluate_compares_with_an_array_of_the_same_folder(tmp_path):
    write_depths(tmp_path / "records")
    predictions = write_predictions(tmp_path / "predictions")
    summary = run_evaluate(
        tmp_path,
        predictions,
        keys=["fused"],
        comparison=evaluate.Comparison(None, "depth"),
    )
    entry = summary["protocols"]["paper"]
    assert list(entry["results"]) == ["fused"]
    # Errors of 0.5, 1 and 2 m, and of half of that.
    means = entry["comparisons"]["fused - depth"]["per_image_mean"]
    assert means["rms"]["difference"] == pytest.approx(-3.5 / 6)
    text = score_text.format_table(summary)
    # Pooled: sqrt((24 * 0.25 + 24 + 4) / 49) / 2 = 0.4165.
    assert "paper, fused - depth: RMS -0.41650 [-" in text
    with pytest.raises(ValueError, match="There is nothing to compare 'depth' with"):
        run_evaluate(
            tmp_path,
            predictions,
            keys=["depth"],
            comparison=evaluate.Comparison(None, "depth"),
        )


def test_evaluate_compares_with_another_folder(tmp_path):
    write_depths(tmp_path / "records")
    predictions = write_predictions(tmp_path / "dpde")
    other = write_predictions(tmp_path / "fcrn")
    comparison = evaluate.Comparison(PredictionFolder.open(other), "depth")
    summary = run_evaluate(tmp_path, predictions, comparison=comparison)
    comparisons = summary["protocols"]["paper"]["comparisons"]
    same = comparisons["dpde/depth - fcrn/depth"]["pooled"]["rms"]
    assert same == {"difference": 0.0, "interval": [0.0, 0.0]}
    assert "dpde/fused - fcrn/depth" in comparisons
    (other / "a.npz").unlink()
    comparison = evaluate.Comparison(PredictionFolder.open(other))
    with pytest.raises(FileNotFoundError, match=r"fcrn lacks 1 of 3"):
        run_evaluate(tmp_path, predictions, comparison=comparison)


def test_default_output_lies_beside_the_predictions():
    beside = evaluate.default_output(pathlib.Path("/runs/nyu/predictions/dpde"))
    assert beside == pathlib.Path("/runs/nyu/scores/dpde")
    beside = evaluate.default_output(pathlib.Path("/runs/mine"))
    assert beside == pathlib.Path("/runs/mine_scores")


@pytest.mark.slow
def test_evaluate_as_a_program(tmp_path):
    write_predictions(tmp_path / "predictions" / "dpde")
    write_depths(tmp_path / "records")
    program = "experiments.evaluate"
    folders = {
        "predictions": tmp_path / "predictions" / "dpde",
        "records": tmp_path / "records",
    }
    finished = run_program(program, **folders)
    assert "paper" in finished.stdout
    summary = json.loads((tmp_path / "scores" / "dpde" / "summary.json").read_text())
    assert summary["split"] == "test"
    finished = run_program(program, protocol="x", check=False)
    assert "--predictions" in finished.stderr + finished.stdout
    finished = run_program(program, split="x", check=False, **folders)
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in finished.stderr


@pytest.fixture
def run():
    with flags_of(evaluate) as run_main:
        yield run_main


@pytest.fixture
def folders(tmp_path):
    """What to score."""
    predictions = write_predictions(tmp_path / "predictions" / "dpde")
    records = write_depths(tmp_path / "records")
    return {"predictions": str(predictions), "records": str(records)}


def test_main_records_how_the_scores_were_made(folders, tmp_path, run):
    run(**folders, protocol="c1")
    output = tmp_path / "scores" / "dpde"
    assert {path.name for path in output.iterdir()} == {
        "run.json",
        "summary.json",
        "per_image.csv",
    }
    record = json.loads((output / "run.json").read_text())
    assert record["program"] == "experiments.evaluate"
    assert record["flags"] == folders | {"protocol": ["c1"]}
    assert record["config"]["protocols"]["c1"]["max_depth"] == 70.0
    assert {"versions", "commit", "hardware"} <= set(record)
    run(**folders)  # Scores may be written again.


def test_main_ends_with_one_line_on_bad_input(folders, run):
    with pytest.raises(SystemExit, match=r"^Error: .*'validation'"):
        run(**folders, split="validation")
    with pytest.raises(SystemExit, match=r"^Error: Unknown protocol 'x'"):
        run(**folders, protocol="x")


def test_main_names_the_flag_of_a_missing_folder(folders, run):
    with pytest.raises(SystemExit, match=r"none does not exist.*--compare_with"):
        run(**folders | {"compare_with": "none"})


def test_main_keeps_the_record_of_the_predictions(folders, run):
    path = pathlib.Path(folders["predictions"]) / "run.json"
    path.write_text(json.dumps({"program": "experiments.predict"}))
    with pytest.raises(SystemExit, match=r"^Error: .*run of experiments\.predict"):
        run(**folders, output=folders["predictions"])
    assert json.loads(path.read_text()) == {"program": "experiments.predict"}


def test_main_scales_only_integers(folders, tmp_path, run):
    """Metres and millimetres in one folder get the scores of metres."""
    predictions = pathlib.Path(folders["predictions"])
    scores = []
    for flag in ({}, {"depth_scale": 0.001}):
        run(**folders, keys="depth", **flag)
        summary = json.loads(
            (tmp_path / "scores" / "dpde" / "summary.json").read_text()
        )
        scores.append(summary["protocols"]["paper"]["results"]["depth"]["pooled"])
        if not flag:
            depth = read_prediction(predictions / "a.npz")["depth"]
            (predictions / "a.npz").unlink()
            write_depth(predictions / "a.png", depth)
    assert scores[0] == scores[1]  # 2.5 m are 2500 mm.
    assert scores[0]["rms"] == pytest.approx(0.8330, abs=1e-4)
    with pytest.raises(SystemExit, match=r"a.png holds integers.*--depth_scale, 0.001"):
        run(**folders, keys="depth")
    write_depth(predictions / "b.png", depth)
    with pytest.raises(SystemExit, match=r"unique in .*; b.png and b.npz have the"):
        run(**folders, keys="depth", depth_scale=0.001)


def test_main_refuses_an_unneeded_scale(folders, tmp_path, run):
    with pytest.raises(SystemExit, match=r"--depth_scale=0.001 is for integers; .*npz"):
        run(**folders, depth_scale=0.001)
    # The other folder needs it.
    for name, depth in DEPTHS.items():
        write_depth(tmp_path / "other" / f"{name}.png", np.full((4, 6), depth))
    other = {"compare_with": tmp_path / "other", "compare_key": "depth"}
    run(**folders, keys="depth", depth_scale=0.001, **other)


def test_main_names_integers_without_a_scale(folders, run):
    path = pathlib.Path(folders["predictions"]) / "a.npz"
    np.savez(path, depth=np.full((2, 3), 2000, np.int32))
    with pytest.raises(SystemExit, match=r"a.npz holds integers.*--depth_scale, 0.001"):
        run(**folders, keys="depth")
