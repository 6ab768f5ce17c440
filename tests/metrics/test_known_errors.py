"""Tests that scores of predictions with known errors equal values worked by hand.

The ground truth has 48 x 64 pixels, with 2.0 m in the left half and 2.3 m in the right.
Predictions are files in various formats, like those of other networks.
"""

import math

import numpy as np
import pytest

from dpde_tf.cli import evaluate
from dpde_tf.files.depth_maps import write_depth
from dpde_tf.files.predictions import PredictionFolder
from tests.fixtures.scored_sets import write_record_set

HEIGHT, WIDTH, MIDDLE = 48, 64, 32
NEAR, FAR = 2.0, 2.3
STEP = FAR - NEAR
NUM_DIFFERENCES = HEIGHT * (WIDTH - 1) + (HEIGHT - 1) * WIDTH
# Half of the pixels are near. The names stand for the means of 1 / t, t, t^2, ...
MEAN_INVERSE = (1 / NEAR + 1 / FAR) / 2
MEAN_SQUARE = (NEAR**2 + FAR**2) / 2


def ground_truth():
    depth = np.full((HEIGHT, WIDTH), NEAR, np.float32)
    depth[:, MIDDLE:] = FAR
    return depth


@pytest.fixture
def scores(tmp_path):
    """Scores one map as the prediction for three images, saved in some format."""

    def run(predicted, suffix, protocols=("paper",), **options):
        names = ["a", "b", "c"]
        truth = ground_truth()
        records = write_record_set(tmp_path / "records", dict.fromkeys(names, truth))
        for name in names:
            write_depth(tmp_path / "depth" / f"{name}{suffix}", predicted)
        summary = evaluate.evaluate(
            PredictionFolder.open(tmp_path / "depth", **options),
            records,
            split="test",
            keys=None,
            protocols=list(protocols),
            output=tmp_path / "scores",
        )
        results = [
            summary["protocols"][name]["results"]["depth"]["pooled"]
            for name in protocols
        ]
        return results[0] if len(results) == 1 else results

    return run


def check(computed, expected):
    # The depths are float32, 2.3 is 2.3 - 5e-8.
    found = {name: computed[name] for name in expected}
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_scores_of_a_constant_prediction(scores):
    computed = scores(np.full((HEIGHT, WIDTH), 3.0), ".npy")
    near, far = 3.0 - NEAR, 3.0 - FAR
    check(
        computed,
        {
            "rms": math.sqrt((near**2 + far**2) / 2),
            "rms_log": math.sqrt(
                (math.log(3 / NEAR) ** 2 + math.log(3 / FAR) ** 2) / 2
            ),
            "rel": (near / NEAR + far / FAR) / 2,
            "sq_rel": (near**2 / NEAR + far**2 / FAR) / 2,
            "log10": (math.log10(3 / NEAR) + math.log10(3 / FAR)) / 2,
            "delta1": 0.0,  # Ratios 1.5 and 1.304.
            "delta2": 1.0,
            "delta3": 1.0,
            "mge": HEIGHT * STEP / NUM_DIFFERENCES,
            "rms_gradient": math.sqrt(HEIGHT * STEP**2 / NUM_DIFFERENCES),
            "edge_recall_0.5": 0.0,
            "edge_f1_0.5": 0.0,
            "boundary_f1": 0.0,
            "dbe_acc": 10.0,
            "dbe_comp": 10.0,
            "planarity": 0.0,
        },
    )
    assert computed["edge_precision_0.5"] is None


def test_scores_of_a_scaled_prediction(scores):
    protocols = ("paper", "calibrated_median")
    computed, aligned = scores(1.1 * ground_truth(), ".pfm", protocols)
    check(
        computed,
        {
            "rms": 0.1 * math.sqrt(MEAN_SQUARE),
            "rms_log": math.log(1.1),
            "rel": 0.1,
            "sq_rel": 0.01 * (NEAR + FAR) / 2,
            "log10": math.log10(1.1),
            "delta1": 1.0,
            "mge": 0.1 * HEIGHT * STEP / NUM_DIFFERENCES,
            "edge_f1_1": 1.0,  # 1.2 and 1.32 m.
            "dbe_acc": 0.0,
            "dbe_comp": 0.0,
            # The edge is in the last near column: three near columns and two far ones.
            "rms_edge_2": 0.1 * math.sqrt((3 * NEAR**2 + 2 * FAR**2) / 5),
            "planarity": 0.0,
        },
    )
    check(aligned, {"rms": 0.0, "rel": 0.0, "mge": 0.0, "ssim": 1.0, "gsm": 1.0})


def test_scores_of_a_shifted_prediction(scores):
    protocols = ("paper", "calibrated_least_squares")
    computed, aligned = scores(
        ground_truth() + 0.5, ".png", protocols, depth_scale=0.001
    )
    check(
        computed,
        {
            "rms": 0.5,
            "rel": 0.5 * MEAN_INVERSE,
            "sq_rel": 0.25 * MEAN_INVERSE,
            "delta1": 0.5,  # Ratios 1.25, which is not below 1.25, and 1.217.
            "edge_f1_0.25": 1.0,
            "edge_f1_0.5": 1.0,
            "edge_f1_1": 1.0,
            "dbe_acc": 0.0,
            "dbe_comp": 0.0,
            "rms_edge_4": 0.5,
            "rms_edge_far": 0.5,
            "planarity": 0.0,
        },
    )
    assert computed["mge"] < 1e-6
    check(aligned, {"rms": 0.0, "mge": 0.0, "delta1": 1.0})


def test_scores_of_a_blurred_prediction(scores):
    # The mean over three columns: the two columns at the step have an error of a third
    # of the step, and one difference becomes three differences of a third.
    blurred = ground_truth()
    blurred[:, MIDDLE - 1] += STEP / 3
    blurred[:, MIDDLE] -= STEP / 3
    computed = scores(blurred, ".npz")
    squares = (1 / 3) ** 2 + (2 / 3) ** 2 + (1 / 3) ** 2
    check(
        computed,
        {
            "rms": STEP / 3 * math.sqrt(2 / WIDTH),
            "rel": STEP / 3 * (1 / NEAR + 1 / FAR) / WIDTH,
            "mge": 4 / 3 * HEIGHT * STEP / NUM_DIFFERENCES,
            "rms_gradient": math.sqrt(HEIGHT * squares * STEP**2 / NUM_DIFFERENCES),
            # Sobel gradients: 1.2 m in two columns became 0.4, 0.8, 0.8, 0.4 in four.
            "edge_precision_0.25": 0.5,
            "edge_recall_0.25": 1.0,
            "edge_f1_0.25": 2 / 3,
            "edge_f1_0.5": 1.0,
            "edge_recall_1": 0.0,
            # Ratios: 2.3 / 2.0 = 1.15 became 1.05, 1.048, 1.045: no threshold.
            "boundary_f1": 0.0,
            # Two of five columns at up to 2 pixels from the edge.
            "rms_edge_2": STEP / 3 * math.sqrt(2 / 5),
            "rms_edge_far": 0.0,
        },
    )


def test_scores_of_a_perfect_prediction(scores):
    computed = scores(ground_truth(), ".npy")
    perfect = dict.fromkeys(computed, 0.0)
    perfect |= {name: 1.0 for name in computed if "edge_" in name and "rms" not in name}
    perfect |= dict.fromkeys(("delta1", "delta2", "delta3", "ssim", "gsm"), 1.0)
    # One of four directions has a contour, at ratios up to 1.15.
    thresholds = np.linspace(1.05, 1.25, 10)
    weight = thresholds[thresholds < 1.15].sum() / thresholds.sum()
    perfect["boundary_f1"] = 0.25 * weight
    check(computed, perfect)
