"""Tests of all programs in turn: raw data to report, and one photograph."""

import csv
import json
import shutil

import cv2
import numpy as np
import pytest

from dpde_tf.files.depth_maps import read_depth
from dpde_tf.files.predictions import read_prediction
from tests.fixtures.programs import run_program

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A folder where every program has run once, on tiny synthetic scenes."""
    path = tmp_path_factory.mktemp("path")
    run_program(
        "data_prep.synthetic",
        output=path / "raw",
        dataset="nyu",
        num_train=8,
        num_test=3,
        size="96,128",
    )
    records = {"records": path / "nyu"}
    run_program(
        "data_prep.nyu_depth_v2",
        "--allow_partial",
        raw=path / "raw" / "nyu",
        output=path / "nyu",
        image_size="64,96",
    )
    training = records | {"epochs": 1, "batch_size": 4, "precision": "float32"}
    run_program(
        "experiments.train_depth",
        workdir=path / "runs" / "depth",
        encoder_weights="none",
        num_validation=2,
        **training,
    )
    run_program(
        "experiments.train_gradient",
        workdir=path / "runs" / "gradient",
        width=4,
        crop_size="32,32",
        **training,
    )
    networks = {
        "depth_run": path / "runs" / "depth",
        "gradient_run": path / "runs" / "gradient",
    }
    predictions = path / "runs" / "predictions" / "dpde"
    run_program("experiments.predict", output=predictions, **networks, **records)
    run_program("experiments.evaluate", predictions=predictions, **records)
    run_program(
        "experiments.report", runs=path / "runs", output=path / "report", **records
    )
    photo = np.zeros([120, 200, 3], np.uint8)
    photo[:, 100:] = 200
    cv2.imwrite(str(path / "photo.jpg"), photo)
    run_program(
        "experiments.predict",
        images=path / "photo.jpg",
        output=path / "photo",
        **networks,
    )
    return path


def test_predictions_hold_all_maps_of_every_record(path):
    names = json.loads((path / "nyu" / "manifest.json").read_text())
    names = names["splits"]["test"]["names"]
    folder = path / "runs" / "predictions" / "dpde"
    assert {file.stem for file in folder.glob("*.npz")} == set(names)
    maps = read_prediction(folder / f"{names[0]}.npz")
    assert set(maps) == {"depth", "gradient_x", "gradient_y", "fused"}
    assert all(values.shape == (64, 96) for values in maps.values())
    assert all(np.isfinite(values).all() for values in maps.values())


def test_scores_are_of_both_depths_and_all_images(path):
    folder = path / "runs" / "scores" / "dpde"
    summary = json.loads((folder / "summary.json").read_text())
    results = summary["protocols"]["paper"]["results"]
    assert set(results) == {"depth", "fused"}
    assert summary["num_images"] == 3
    for result in results.values():
        assert result["num_pixels"] == 3 * 64 * 96
        assert 0 < result["pooled"]["rms"] < 20
    with (folder / "per_image.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 6


def test_report_shows_the_scores(path):
    summary = json.loads((path / "runs/scores/dpde/summary.json").read_text())
    rms = summary["protocols"]["paper"]["results"]["fused"]["pooled"]["rms"]
    for name in ("index.html", "report.md"):
        assert f"{rms:.4f}" in (path / "report" / name).read_text()


def test_training_run_records_how_it_was_made(path):
    record = json.loads((path / "runs" / "depth" / "run.json").read_text())
    config = record["config"]
    manifest = json.loads((path / "nyu" / "manifest.json").read_text())
    train = manifest["splits"]["train"]
    # What the flags left open was taken from the training split.
    assert config["DepthNetworkConfig"]["output_offset"] == train["depth_mean"]
    assert config["DepthLossConfig"]["max_depth"] == train["depth_max"]
    assert config["TrainingConfig"]["epochs"] == 1
    (row,) = map(
        json.loads, (path / "runs/depth/metrics.jsonl").read_text().splitlines()
    )
    assert row["validation"]["rms"] > 0


def test_predict_photograph_writes_all_at_its_size(path):
    folder = path / "photo"
    names = {"photo.npz", "photo_prediction.png", "photo_depth.png", "photo_fused.png"}
    assert {"run.json"} | names == {file.name for file in folder.iterdir()}
    for key in ("depth", "fused"):
        depth = read_depth(folder / f"photo_{key}.png", depth_scale=0.001)
        assert depth.shape == (120, 200)
        small = read_prediction(folder / "photo.npz")[key]
        # Resizing and rounding to millimetres keep the mean.
        assert depth.mean() == pytest.approx(np.maximum(small, 0.001).mean(), rel=0.02)


def test_predict_resumes_but_refuses_other_options(path):
    flags = {
        "depth_run": path / "runs" / "depth",
        "gradient_run": path / "runs" / "gradient",
        "records": path / "nyu",
        "output": path / "runs" / "predictions" / "dpde",
    }
    files = sorted(flags["output"].glob("*.npz"))
    times = [file.stat().st_mtime_ns for file in files[1:]]
    files[0].unlink()
    run_program("experiments.predict", **flags)
    assert files[0].is_file()
    assert times == [file.stat().st_mtime_ns for file in files[1:]]
    result = run_program("experiments.predict", check=False, omega=5.0, **flags)
    assert result.returncode != 0
    assert "of other networks, options or data" in result.stderr
    assert times == [file.stat().st_mtime_ns for file in files[1:]]


def test_predictions_of_photographs_share_a_folder(path, tmp_path):
    networks = {"depth_run": path / "runs" / "depth", "output": tmp_path / "out"}
    for name in ("a", "b"):
        shutil.copy(path / "photo.jpg", tmp_path / f"{name}.jpg")
    networks["output"].mkdir()
    (networks["output"] / "mine.npz").write_text("mine")
    for name in ("a", "b"):
        run_program("experiments.predict", images=tmp_path / f"{name}.jpg", **networks)
    run = tmp_path / "out"
    files = {f"{n}{end}" for n in "ab" for end in (".npz", "_depth.png")}
    files |= {f"{name}_prediction.png" for name in "ab"} | {"mine.npz", "run.json"}
    assert {file.name for file in run.iterdir()} == files
    before = {file.name: file.stat().st_mtime_ns for file in run.iterdir()}
    again = {"images": tmp_path / "a.jpg", "omega": 5.0, **networks}
    result = run_program("experiments.predict", check=False, **again)
    assert result.returncode != 0
    assert "holds 3 of these files, of other networks, options" in result.stderr
    assert "(omega 10.0 there, 5.0 now)" in " ".join(result.stderr.split())
    assert before == {file.name: file.stat().st_mtime_ns for file in run.iterdir()}
    run_program("experiments.predict", "--overwrite", **again)
    after = {file.name: file.stat().st_mtime_ns for file in run.iterdir()}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"a.npz", "a_depth.png", "a_prediction.png", "run.json"}
    assert (run / "mine.npz").read_text() == "mine"


def test_predict_replaces_only_the_records_that_it_predicts(path, tmp_path):
    flags = {
        "depth_run": path / "runs" / "depth",
        "gradient_run": path / "runs" / "gradient",
        "records": path / "nyu",
        "output": shutil.copytree(
            path / "runs" / "predictions" / "dpde", tmp_path / "p"
        ),
    }
    files = sorted(flags["output"].glob("*.npz"))
    (flags["output"] / "mine.npz").write_text("mine")
    before = [file.read_bytes() for file in files]
    some = {"num_records": 1, "omega": 5.0, **flags}
    result = run_program("experiments.predict", "--overwrite", check=False, **some)
    assert result.returncode != 0
    assert "2 predictions of other networks, options or data for other records" in (
        " ".join(result.stderr.split())
    )
    assert before == [file.read_bytes() for file in files]
    run_program("experiments.predict", "--overwrite", omega=5.0, **flags)
    for file, former in zip(files, before, strict=True):
        assert file.read_bytes() != former
    assert (flags["output"] / "mine.npz").read_text() == "mine"


def test_predict_leaves_the_run_of_another_program_alone(path, tmp_path):
    run = shutil.copytree(path / "runs" / "depth", tmp_path / "run")
    record = (run / "run.json").read_bytes()
    result = run_program(
        "experiments.predict",
        check=False,
        depth_run=run,
        images=path / "photo.jpg",
        output=run,
    )
    assert result.returncode == 1
    assert "holds a run of experiments.train_depth, whose run.json" in result.stderr
    assert (run / "run.json").read_bytes() == record


def test_predict_first_records_with_test_time_flip(path, tmp_path):
    result = run_program(
        "experiments.predict",
        depth_run=path / "runs" / "depth",
        gradient_run=path / "runs" / "gradient",
        records=path / "nyu",
        num_records=1,
        test_time_flip=True,
        output=tmp_path,
    )
    assert f"Predicted records in {tmp_path}: 1." in result.stdout
    (file,) = tmp_path.glob("*.npz")
    plain = read_prediction(path / "runs" / "predictions" / "dpde" / file.name)
    flipped = read_prediction(file)
    assert 0 < np.abs(flipped["depth"] - plain["depth"]).max() < 1.0
    config = json.loads((tmp_path / "run.json").read_text())["config"]
    assert config["PredictionConfig"]["test_time_flip"]


def _with_size(run, copy, size):
    """A copy of a run that says it was trained on images of that size."""
    shutil.copytree(run, copy)
    fields = json.loads((copy / "run.json").read_text())
    fields["config"]["data"]["image_size"] = size
    (copy / "run.json").write_text(json.dumps(fields))
    return copy


def test_predict_shows_records_at_the_size_of_the_training(path, tmp_path):
    runs = {
        f"{name}_run": _with_size(path / "runs" / name, tmp_path / name, [32, 48])
        for name in ("depth", "gradient")
    }
    maps = {}
    for switch in ("--at_training_size", "--noat_training_size"):
        output = tmp_path / switch
        arguments = {"records": path / "nyu", "num_records": 1, "output": output}
        run_program("experiments.predict", switch, **arguments, **runs)
        (file,) = output.glob("*.npz")
        maps[switch] = read_prediction(file)
        assert {values.shape for values in maps[switch].values()} == {(64, 96)}
    plain = read_prediction(path / "runs" / "predictions" / "dpde" / file.name)
    np.testing.assert_allclose(maps[switch]["depth"], plain["depth"], atol=1e-5)
    assert np.abs(maps["--at_training_size"]["depth"] - plain["depth"]).max() > 1e-3


def test_predict_on_all_devices_of_the_machine_gives_the_same(path, tmp_path):
    run_program(
        "experiments.predict",
        depth_run=path / "runs" / "depth",
        gradient_run=path / "runs" / "gradient",
        records=path / "nyu",
        distribution="mirrored",
        output=tmp_path,
    )
    files = sorted(tmp_path.glob("*.npz"))
    assert len(files) == 3
    for file in files:
        plain = read_prediction(path / "runs" / "predictions" / "dpde" / file.name)
        for key, values in read_prediction(file).items():
            assert np.allclose(values, plain[key], atol=1e-4), key
