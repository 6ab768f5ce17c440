"""Tests that the guided network in the package sharpens depth of unseen images."""

import cv2
import numpy as np
import pytest

import dpde_tf
from dpde_tf.metrics.boundary_f1 import BoundaryF1

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def pairs(real_data):
    """One pair of each of the ten runs of training images that were held out."""
    folder = real_data / "nyu_240x320"
    names = (folder / "train_795.txt").read_text(encoding="utf-8").split()
    held_out = [names[run * len(names) // 10 + 2] for run in range(10)]
    return [
        (
            cv2.imread(str(folder / "rgb" / f"{name}.jpg"))[..., ::-1],
            cv2.imread(str(folder / "depth" / f"{name}.png"), -1) / np.float32(1000.0),
        )
        for name in held_out
    ]


def boundary_f1(truth, depth):
    measure = BoundaryF1(truth.astype(float), truth > 0)
    return BoundaryF1.values(measure.sums(depth.astype(float)))[0]


@pytest.mark.parametrize("factor", [4, 8])
def test_refinement_of_shrunk_truth_is_sharper_than_enlargement(pairs, factor):
    errors, f1 = [], []
    for image, truth in pairs:
        size = truth.shape[1] // factor, truth.shape[0] // factor
        coarse = cv2.resize(truth, size, interpolation=cv2.INTER_AREA)
        enlarged = cv2.resize(coarse, truth.shape[::-1])
        refined = dpde_tf.refine_depth(coarse, image)
        both = enlarged, refined
        errors.append([np.sqrt(np.mean((depth - truth) ** 2)) for depth in both])
        f1.append([boundary_f1(truth, depth) for depth in both])
    by_enlargement, by_refinement = np.mean(errors, axis=0)
    assert by_refinement < 0.95 * by_enlargement
    assert np.mean(f1, axis=0)[1] > 2 * np.mean(f1, axis=0)[0] + 0.05
    better = sum(refined < enlarged for enlarged, refined in errors)
    assert better >= 9
