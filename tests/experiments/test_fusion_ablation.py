"""Tests of experiments.ablations.fusion_ablation on a small record set."""

import json

import numpy as np
import pytest
from absl import app

from dpde_tf.config import FusionConfig
from dpde_tf.evaluation.score_files import read_split
from dpde_tf.files.predictions import read_prediction, write_prediction
from dpde_tf.runs.run_folder import RECORD_FILE
from experiments.ablations import fusion_ablation
from tests.fixtures.program_flags import flags_of
from tests.fixtures.record_sets import write_small_record_set

SIZE = (16, 24)


@pytest.fixture
def folders(tmp_path, rng):
    """Records, and predictions that are the truth with noise and a wrong scale."""
    records = write_small_record_set(tmp_path / "records", rng, size=SIZE)
    for name, _, truth in read_split(records, "test"):
        noise = rng.normal(0, 0.05, SIZE)
        zeros = np.zeros(SIZE, np.float32)
        arrays = {"depth": (1.1 * truth + noise).astype(np.float32)}
        arrays |= {"gradient_x": zeros, "gradient_y": zeros}
        write_prediction(tmp_path / "predictions" / f"{name}.npz", arrays)
    return tmp_path


def fuse(folders, *sources):
    targets = {source: folders / source for source in sources}
    return fusion_ablation.fuse_split(
        folders / "predictions",
        folders / "records",
        targets,
        split="test",
        fusion=FusionConfig(),
    )


def read_all(folders, source, key="fused"):
    names = [name for name, _, _ in read_split(folders / "records", "test")]
    return np.stack(
        [read_prediction(folders / source / f"{name}.npz")[key] for name in names]
    )


def test_better_gradients_give_better_fused_depth(folders):
    fuse(folders, "zero", "image", "truth", "network")
    truth = np.stack([depth for _, _, depth in read_split(folders / "records", "test")])
    changes = np.diff(truth, axis=2)

    def gradient_error(depth):
        return np.abs(np.diff(depth, axis=2) - changes).mean()

    zero, true = (read_all(folders, source) for source in ("zero", "truth"))
    assert gradient_error(true) < gradient_error(zero)
    assert gradient_error(zero) < gradient_error(
        read_all(folders, "predictions", "depth")
    )
    # The network's gradients are zeros here.
    np.testing.assert_array_equal(read_all(folders, "network"), zero)
    assert np.isfinite(read_all(folders, "image")).all()


def test_fuse_split_names_a_missing_prediction(folders):
    for path in (folders / "predictions").glob("*.npz"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"\.npz does not exist"):
        fuse(folders, "zero")


@pytest.fixture
def run():
    with flags_of(fusion_ablation) as run_main:
        yield run_main


def test_main_records_which_gradients_and_how_the_depth_was_made(folders, run):
    given = {"depth_run": "runs/nyu/depth"}
    networks = {"gradient_run": "shipped"}
    record = {"program": "experiments.predict", "flags": given}
    record["config"] = {"networks": networks}
    (folders / "predictions" / RECORD_FILE).write_text(json.dumps(record))
    names = ("predictions", "records", "output")
    run(gradients="truth,zero", **{name: folders / name for name in names})
    assert len(list((folders / "output" / "zero_gradients").glob("*.npz"))) == 3
    written = folders / "output" / "true_gradients"
    assert len(list(written.glob("*.npz"))) == 3
    config = json.loads((written / RECORD_FILE).read_text())["config"]
    assert config["gradients"] == "truth"
    assert config["prediction_flags"] == given | networks
    assert config["FusionConfig"]["omega"] == 10.0


@pytest.mark.parametrize("wrong", ["size", "omega"])
def test_refused_main_keeps_former_results(folders, run, wrong):
    given = {name: folders / name for name in ("predictions", "records", "output")}
    run(gradients="zero", **given)
    before = read_all(folders, "output/zero_gradients")
    match, values = "--omega must be finite and > 0. Received: 0", {"omega": 0.0}
    if wrong == "size":
        match, values = r"the size of the record, \(16, 24\)", {}
        for path in (folders / "predictions").glob("*.npz"):
            write_prediction(path, {"depth": np.ones((8, 12), np.float32)})
    with pytest.raises(SystemExit, match=match):
        run(gradients="zero", **given | values)
    np.testing.assert_array_equal(read_all(folders, "output/zero_gradients"), before)


def test_main_refuses_unknown_gradients(folders, run):
    names = ("predictions", "records", "output")
    message = r"must be among zero, image, truth, network\. Received: true"
    with pytest.raises(app.UsageError, match=message):
        run(gradients="zero,true", **{name: folders / name for name in names})
    assert not (folders / "output").exists()
