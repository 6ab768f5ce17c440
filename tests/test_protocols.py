import cv2
import numpy as np
import pytest

from dpde_tf import metrics, protocols


def test_score_prediction_caps_the_ground_truth_strictly():
    ground_truth = np.float32([[10.0, 70.0, 69.0], [80.0, 0.0, 70.5]])
    predicted = ground_truth + 1
    near = protocols.score_prediction(
        ground_truth, predicted, protocol=protocols.MAKE3D_C1
    )
    everything = protocols.score_prediction(
        ground_truth, predicted, protocol=protocols.MAKE3D_C2
    )
    assert near.num_pixels == 2  # 10 and 69: C1 is 0 < depth < 70.
    assert everything.num_pixels == 5


def test_score_prediction_resizes_bilinearly_to_the_ground_truth(rng):
    predicted = rng.uniform(1, 5, (3, 4)).astype(np.float32)
    ground_truth = rng.uniform(1, 5, (6, 8)).astype(np.float32)
    resized = cv2.resize(predicted, (8, 6), interpolation=cv2.INTER_LINEAR)
    # Bilinear between pixel centres: the second pixel of a row lies a quarter of the
    # way from the first centre to the second.
    assert resized[0, 1] == pytest.approx(
        0.75 * predicted[0, 0] + 0.25 * predicted[0, 1], rel=1e-6
    )
    computed = protocols.score_prediction(
        ground_truth, predicted, protocol=protocols.PAPER
    )
    assert computed == metrics.image_scores(ground_truth, resized)


def test_score_prediction_of_an_unmeasured_image_is_empty():
    for protocol in protocols.PROTOCOLS.values():
        sums = protocols.score_prediction(
            np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32), protocol=protocol
        )
        assert sums == metrics.ErrorSums()


def test_align_depth_by_the_median_undoes_a_scale(rng):
    truth = rng.uniform(1, 9, (5, 5))
    valid_mask = rng.random((5, 5)) < 0.7
    aligned = protocols.align_depth(
        truth, truth * 0.037, valid_mask, alignment="median"
    )
    np.testing.assert_allclose(aligned, truth, rtol=1e-12)


def test_align_depth_by_the_median_gives_the_median_worked_by_hand():
    # Medians: 3 and 2, so the factor is 1.5; the unmeasured 100 has no say.
    truth = np.array([[2.0, 3.0, 7.0, 0.0]])
    predicted = np.array([[2.0, 1.0, 4.0, 100.0]])
    aligned = protocols.align_depth(truth, predicted, truth > 0, alignment="median")
    np.testing.assert_allclose(aligned, [[3.0, 1.5, 6.0, 150.0]], rtol=1e-15)


def test_align_depth_by_least_squares_agrees_with_lstsq(rng):
    truth = rng.uniform(1, 9, (6, 7))
    predicted = rng.uniform(1, 9, (6, 7))
    valid_mask = rng.random((6, 7)) < 0.7
    aligned = protocols.align_depth(
        truth, predicted, valid_mask, alignment="least_squares"
    )
    columns = np.stack([predicted[valid_mask], np.ones(valid_mask.sum())], axis=1)
    scale, shift = np.linalg.lstsq(columns, truth[valid_mask])[0]
    np.testing.assert_allclose(aligned, scale * predicted + shift, rtol=1e-10)


def test_align_depth_by_least_squares_of_a_constant_is_the_mean():
    truth = np.array([[1.0, 2.0, 6.0]])
    aligned = protocols.align_depth(
        truth, np.full((1, 3), 4.0), truth > 0, alignment="least_squares"
    )
    np.testing.assert_allclose(aligned, 3.0, rtol=1e-15)


def test_align_depth_by_the_median_refuses_a_negative_prediction():
    with pytest.raises(ValueError, match=r"positive median.*-1\.0"):
        protocols.align_depth(
            np.ones((1, 3)), -np.ones((1, 3)), np.ones((1, 3), bool), alignment="median"
        )


def test_score_prediction_aligns_as_its_protocol_says(rng):
    truth = rng.uniform(1, 9, (6, 7)).astype(np.float32)
    errors = [
        protocols.score_prediction(truth, 3 * truth + 1, protocol=protocol)
        for protocol in (protocols.MIDDLEBURY, protocols.MIDDLEBURY_LEAST_SQUARES)
    ]
    assert errors[0].metrics()["rms"] > 5
    assert errors[1].metrics()["rms"] < 1e-6  # float32 input.


def test_protocols_are_found_by_their_names():
    for name, protocol in protocols.PROTOCOLS.items():
        assert protocol.name == name
        assert protocols.find_protocol(name) is protocol
    with pytest.raises(ValueError, match=r"no protocol 'eigen'.*paper, make3d_c1"):
        protocols.find_protocol("eigen")


def test_protocol_refuses_an_unknown_alignment():
    with pytest.raises(ValueError, match=r"`alignment` must be one of.*'mean'"):
        protocols.Protocol("a", "b", "c", alignment="mean")
