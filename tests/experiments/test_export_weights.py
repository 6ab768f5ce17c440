"""Compact weights of a run, used as the run's own."""

import json

import keras
import numpy as np
import pytest

from dpde_tf.config import GradientNetworkConfig
from dpde_tf.files.checksums import check_checksums
from dpde_tf.models.gradient import build_gradient_network
from dpde_tf.runs.run_folder import (
    METRICS_FILE,
    RECORD_FILE,
    WEIGHTS_FILE,
    read_metrics,
)
from dpde_tf.runs.run_record import config_as_dict
from dpde_tf.runs.trained_networks import load_gradient_network, weights_sha256
from experiments.export_weights import export_weights


@pytest.fixture
def run(tmp_path):
    """The folder of a run of a small gradient network."""
    config = GradientNetworkConfig(width=32)
    keras.utils.set_random_seed(0)
    folder = tmp_path / "run"
    folder.mkdir()
    build_gradient_network(config).save_weights(folder / WEIGHTS_FILE)
    record = {"program": "experiments.train_gradient", "config": config_as_dict(config)}
    (folder / RECORD_FILE).write_text(json.dumps(record))
    (folder / METRICS_FILE).write_text('{"epoch": 4}\n')
    return folder


def test_exported_weights_load_as_a_run(run, tmp_path, rng):
    output = tmp_path / "compact"
    export_weights(run, output)
    check_checksums(output)
    names = sorted(path.name for path in output.iterdir())
    assert names == ["SHA256SUMS", "compact-1.npz", METRICS_FILE, RECORD_FILE]
    assert read_metrics(output) == [{"epoch": 4}]
    image = rng.uniform(0, 1, [1, 12, 14, 3]).astype(np.float32)
    original = load_gradient_network(run)(image).numpy()
    compact = load_gradient_network(output)(image).numpy()
    # All layers but the last are of the size that is rounded, to 1/127 at most.
    difference = np.abs(compact - original).mean()
    assert 0 < difference < 0.05 * np.abs(original).mean()


def test_weights_sha256_tells_runs_apart(run, tmp_path):
    export_weights(run, tmp_path / "compact")
    assert len({weights_sha256(run), weights_sha256(tmp_path / "compact")}) == 2
    export_weights(run, tmp_path / "again")
    assert weights_sha256(tmp_path / "compact") == weights_sha256(tmp_path / "again")


def test_export_replaces_a_former_one(run, tmp_path):
    for _ in range(2):
        export_weights(run, tmp_path / "compact")
    check_checksums(tmp_path / "compact")


def test_export_never_replaces_another_folder(run, tmp_path):
    export_weights(run, tmp_path / "compact")
    (tmp_path / "compact" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"compact holds notes\.txt, which would"):
        export_weights(run, tmp_path / "compact")
    with pytest.raises(FileExistsError, match=r"run holds weights\.weights\.h5, which"):
        export_weights(run, run)
    assert (tmp_path / "compact" / "notes.txt").read_text() == "mine"


def test_export_without_weights_is_refused(run, tmp_path):
    (run / WEIGHTS_FILE).unlink()
    with pytest.raises(FileNotFoundError, match="has not finished an epoch"):
        export_weights(run, tmp_path / "compact")
