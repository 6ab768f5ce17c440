"""Tests of `experiments.uncertainty` on a small record set."""

import dataclasses
import importlib.util
import re

import numpy as np
import pytest
from absl import app

from dpde_tf.config import UncertaintyConfig
from dpde_tf.evaluation.score_files import read_split
from dpde_tf.files.predictions import prediction_path, write_prediction
from experiments import uncertainty
from experiments.uncertainty import (
    draw_curves,
    read_pixels,
    reliability,
    sparsifications,
)
from tests.fixtures.program_flags import flags_of
from tests.fixtures.record_sets import write_small_record_set

CONFIG = UncertaintyConfig(0.0, 1.0, 0.0)


def _with_an_unmeasured_record(*args, names):
    """The records, the first of them once more without depth."""
    found = list(read_split(*args, names=names))
    name, image, truth = found[0]
    return [(name, image, 0 * truth), *found]


@pytest.fixture
def images(tmp_path, rng, monkeypatch):
    """Pixels of predictions whose two depths differ by the error of the fused one."""
    records = write_small_record_set(tmp_path / "records", rng, size=(20, 30))
    monkeypatch.setattr(uncertainty, "read_split", _with_an_unmeasured_record)
    for name, _, truth in list(read_split(records, "test"))[:3]:
        error = rng.uniform(0, 1, truth.shape).astype(np.float32)
        maps = {"depth": truth, "context_depth": truth + error, "fused": truth + error}
        write_prediction(prediction_path(tmp_path / "predictions", name), maps)
    return list(read_pixels(tmp_path / "predictions", str(records), "test"))


def test_difference_that_is_the_error_is_a_perfect_uncertainty(images):
    assert len(images) == 3
    for curve in sparsifications(images, CONFIG):
        assert curve.ause == pytest.approx(0.0, abs=1e-4) and curve.aurg > 0.2
    tenths = reliability(images, CONFIG)
    assert tenths.shape == (10, 2)
    np.testing.assert_allclose(tenths[:, 0], tenths[:, 1], atol=1e-5)
    assert (np.diff(tenths[:, 0]) > 0).all()


def test_order_is_by_uncertainty_and_the_error_is_the_second_column():
    doubt = np.arange(20, dtype=np.float32)
    pixels = [uncertainty.Pixels(0 * doubt, doubt, doubt[::-1])]
    tenths = reliability(pixels, CONFIG)
    assert (np.diff(tenths[:, 0]) > 0).all()
    np.testing.assert_allclose(tenths[:, 1], np.arange(18.5, -1, -2))
    for curve in sparsifications(pixels, CONFIG)[:1]:
        assert curve.aurg < 0  # Worse than chance.


def test_records_of_another_size_are_refused(tmp_path, rng, images):
    other = write_small_record_set(tmp_path / "other", rng, size=(40, 60))
    with pytest.raises(ValueError, match=r"must have the size of the record, \(40, 60"):
        list(read_pixels(tmp_path / "predictions", str(other), "test"))


def test_figure_or_the_remedy(images, tmp_path):
    curves, path = sparsifications(images, CONFIG), tmp_path / "curves.png"
    if importlib.util.find_spec("matplotlib"):
        draw_curves(path, curves)
        assert path.read_bytes().startswith(b"\x89PNG")
    else:
        with pytest.raises(ValueError, match="pip install"):
            draw_curves(path, curves)


def test_program_fits_and_scores(images, tmp_path, capsys):
    given = {"predictions": tmp_path / "predictions", "records": tmp_path / "records"}
    with flags_of(uncertainty) as run:
        run("--fit", **given)
        fitted = re.search(r"per_difference=(\S+)", capsys.readouterr().out)[1]
        run(**dataclasses.asdict(CONFIG), **given)
        with pytest.raises(app.UsageError, match="--figure needs a run without --fit"):
            run("--fit", figure="a.png", **given)
    assert float(fitted) == pytest.approx(1.0, abs=0.01)
    assert "3 images: AUSE 0.000" in capsys.readouterr().out
