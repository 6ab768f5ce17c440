"""Released weights by the programs: import, prediction, and training from them."""

import json

import cv2
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.files.predictions import read_prediction
from dpde_tf.runs.trained_networks import load_depth_network
from tests.fixtures import released_fcrn
from tests.fixtures.programs import run_program
from tests.fixtures.record_sets import write_small_record_set

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Random layers, their file, and the run made of it."""
    folder = tmp_path_factory.mktemp("released")
    layers = released_fcrn.random_layers(np.random.default_rng(0))
    np.save(folder / "NYU_FCRN.npy", layers, allow_pickle=True)
    weights = folder / "NYU_FCRN.npy"
    run_program("experiments.import_weights", weights=weights, workdir=folder / "run")
    return layers, weights, folder / "run"


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Eight small training records."""
    folder = tmp_path_factory.mktemp("records") / "nyu"
    rng, splits = np.random.default_rng(0), {"train": 8, "test": 2}
    return write_small_record_set(folder, rng, size=(64, 96), splits=splits)


def test_import_weights_makes_a_run_that_predicts(released, tmp_path, rng):
    layers, _, run = released
    record = json.loads((run / "run.json").read_text())
    assert record["config"]["DepthNetworkConfig"]["architecture"] == "laina"
    assert record["config"]["data"]["image_size"] == [240, 320]
    assert len(record["config"]["released_weights"]["sha256"]) == 64
    photograph = rng.integers(0, 256, [240, 320, 3], np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), photograph)
    run_program(
        "experiments.predict",
        depth_run=run,
        images=tmp_path / "photo.png",
        output=tmp_path / "out",
        precision="float32",
    )
    image = photograph[None, ..., ::-1].astype(np.float32)
    depth = tf.image.resize(released_fcrn.forward(layers, image), [240, 320])
    predicted = read_prediction(tmp_path / "out" / "photo.npz")["depth"]
    atol = 3e-5 * np.max(depth)
    np.testing.assert_allclose(predicted, depth[0, ..., 0], rtol=0, atol=atol)


def test_import_weights_refuses_other_files_and_a_second_run(released, tmp_path):
    _, weights, run = released
    program = "experiments.import_weights"
    again = run_program(program, weights=weights, workdir=run, check=False)
    assert again.returncode == 1
    assert "holds a run already. Use another --workdir" in again.stderr
    text = tmp_path / "notes.npy"
    text.write_text("text")
    other = run_program(program, weights=text, workdir=tmp_path / "run", check=False)
    assert "must be the released FCRN" in other.stderr
    missing = run_program(
        program, weights="no.npy", workdir=tmp_path / "run", check=False
    )
    assert "There is no file no.npy (flag --weights)" in missing.stderr
    assert not (tmp_path / "run").exists()


def test_train_depth_starts_from_released_weights(released, records, tmp_path):
    layers, weights, run = released
    flags = {"records": records, "batch_size": 4, "precision": "float32"}
    flags |= {"learning_rate": 1e-9, "lambda_fsim": 0, "checkpoint_steps": 1}
    paper = run_program(
        "experiments.train_depth",
        workdir=tmp_path / "paper",
        init_from=weights,
        check=False,
        **flags,
    )
    assert paper.returncode == 1
    assert "needs --architecture=laina and --nolateral_connections" in paper.stderr
    graph = ("--nolateral_connections", "--architecture=laina", "--epochs=1")
    program = "experiments.train_depth"
    for name, source in (("file", weights), ("run", run)):
        workdir = tmp_path / name
        run_program(program, *graph, workdir=workdir, init_from=source, **flags)
        config = json.loads((workdir / "run.json").read_text())["config"]
        assert config["InitialisationConfig"] == {"init_from": str(source)}
        assert config["DepthNetworkConfig"]["encoder_weights"] == "none"
        network = load_depth_network(workdir)
        kernel = network.get_layer("conv5_block3_2_conv").kernel
        # Steps of 1e-9 change next to nothing.
        expected = layers["res5c_branch2b"]["weights"]
        np.testing.assert_allclose(kernel, expected, rtol=0, atol=1e-5)


def test_train_depth_resumes_from_the_checkpoint(released, records, tmp_path):
    _, weights, _ = released
    copy = tmp_path / "copy.npy"
    copy.write_bytes(weights.read_bytes())
    flags = {"records": records, "batch_size": 4, "precision": "float32"}
    flags |= {"workdir": tmp_path / "run", "lambda_fsim": 0, "epochs": 1}
    graph = ("--nolateral_connections", "--architecture=laina")
    program = "experiments.train_depth"
    run_program(program, *graph, init_from=copy, **flags)
    # The file is not needed a second time.
    copy.unlink()
    result = run_program(program, *graph, init_from=copy, **flags)
    assert "Continuing the run" in result.stdout
    other = run_program(program, *graph, init_from=weights, check=False, **flags)
    assert "InitialisationConfig.init_from" in other.stderr
