"""Tests of experiments.example_picture, with a stub in place of the networks."""

import types

import cv2
import numpy as np
import pytest
from absl import app

from dpde_tf.files.depth_maps import write_depth
from experiments import example_picture
from tests.fixtures.program_flags import flags_of
from tests.fixtures.scored_sets import write_depths, write_predictions


@pytest.fixture
def run(monkeypatch):
    def predict(image):
        depth = np.full(image.shape[:2], 3.0, np.float32)
        return types.SimpleNamespace(depth=depth, fused=depth + 1)

    estimator = types.SimpleNamespace(predict=predict)
    stub = types.SimpleNamespace(from_preset=lambda preset: estimator)
    monkeypatch.setattr(example_picture, "DepthEstimator", stub)
    with flags_of(example_picture) as run_main:
        yield run_main


def test_picture_shows_every_nth_record(tmp_path, run, capsys):
    records, output = write_depths(tmp_path / "records"), tmp_path / "a.jpg"
    run(records=records, every=2, output=output)
    assert f"Written: {output}, of the records a, c" in capsys.readouterr().out
    two = cv2.imread(str(output)).shape
    run(records=records, every=1, output=output)
    three = cv2.imread(str(output)).shape
    assert three[0] + three[1] > two[0] + two[1]


def test_picture_shows_another_network_before_and_after(tmp_path, run, monkeypatch):
    seen = []

    def refine(depth, image):
        seen.append(depth)
        return np.full(image.shape[:2], 2.5, np.float32)

    monkeypatch.setattr(example_picture, "refine_depth", refine)
    for name in "abc":
        write_depth(tmp_path / "other" / f"{name}.png", np.full((2, 3), 2.0))
    other = {"other_depth": tmp_path / "other", "depth_scale": 0.001}
    records, output = write_depths(tmp_path / "records"), tmp_path / "a.jpg"
    run("--detail", records=records, every=1, output=output, **other)
    assert len(seen) == 3
    np.testing.assert_allclose(seen, 2.0)
    assert output.is_file()


def test_picture_shows_stored_predictions(tmp_path, run):
    records, output = write_depths(tmp_path / "records"), tmp_path / "a.jpg"
    stored = write_predictions(tmp_path / "predictions")
    run(records=records, every=1, output=output, predictions=f"ours={stored}")
    one = cv2.imread(str(output)).shape
    both = f"ours={stored},again={stored}"
    run(records=records, every=1, output=output, predictions=both)
    two = cv2.imread(str(output)).shape
    assert two[0] > one[0] and two[1] == one[1]
    with pytest.raises(app.UsageError, match="--other_depth needs to be without"):
        run(records=records, predictions=both, other_depth=tmp_path)


def test_picture_refuses_wrong_flags(tmp_path, run):
    with pytest.raises(app.UsageError, match="--depth_scale needs --other_depth"):
        run(records=tmp_path, depth_scale=0.001)
    with pytest.raises(app.UsageError, match=r"must be a \.jpg file"):
        run(records=tmp_path, output="a.png")
