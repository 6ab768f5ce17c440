"""Tests of experiments.ablations.gradient_scores on a small record set."""

import numpy as np
import pytest

from dpde_tf.evaluation.score_files import read_split
from dpde_tf.files.predictions import write_prediction
from dpde_tf.fusion.substitute_gradients import true_gradients
from experiments.ablations import gradient_scores
from tests.fixtures.record_sets import write_small_record_set

SIZE = (16, 24)


@pytest.fixture
def folders(tmp_path, rng):
    """Records, and predictions equal to the truth."""
    records = write_small_record_set(tmp_path / "records", rng, size=SIZE)
    for name, _, truth in read_split(records, "test"):
        gradient_x, gradient_y = map(np.nan_to_num, true_gradients(truth))
        arrays = {"gradient_x": gradient_x, "gradient_y": gradient_y, "depth": truth}
        write_prediction(tmp_path / "predictions" / f"{name}.npz", arrays)
    return tmp_path


def score(folders):
    return gradient_scores.score_split(
        folders / "predictions", folders / "records", split="test", alpha=0.5
    )


def test_score_split_distinguishes_truth_from_zero(folders):
    scores = score(folders)
    assert list(scores) == ["zero", "network", "depth"]
    loss, error, direction, size = scores["zero"]
    assert loss > 0 and error > 0
    assert (direction, size) == (pytest.approx(90), 0)
    for source in ("network", "depth"):
        np.testing.assert_allclose(scores[source], [0, 0, 0, 1], atol=1e-4)


def test_score_split_refuses_another_size(folders):
    for path in (folders / "predictions").glob("*.npz"):
        small = np.ones((8, 12), np.float32)
        write_prediction(path, {"gradient_x": small, "gradient_y": small})
    with pytest.raises(ValueError, match=r"the size of the record, \(16, 24\)"):
        score(folders)


def test_score_split_names_missing_arrays_and_files(folders):
    for path in (folders / "predictions").glob("*.npz"):
        write_prediction(path, {"depth": np.ones(SIZE, np.float32)})
    with pytest.raises(ValueError, match="has no array gradient_x, gradient_y"):
        score(folders)
    for path in (folders / "predictions").glob("*.npz"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"\.npz does not exist"):
        score(folders)


def test_format_scores_is_markdown():
    text = gradient_scores.format_scores({"zero": np.array([0.03, 0.018, 90.0, 0.0])})
    assert text.splitlines()[-1] == "| zero | 0.03000 | 0.01800 | 90.0 | 0.000 |"
