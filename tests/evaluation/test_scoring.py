import dataclasses

import cv2
import numpy as np
import pytest

from dpde_tf import metrics
from dpde_tf.evaluation import protocols, scoring

EIGEN, HU, PAPER = protocols.EIGEN, protocols.HU, protocols.PAPER


def sums_of(ground_truth, predicted, protocol):
    scores = scoring.score_image(
        ground_truth, {"depth": predicted}, [protocol], depth_range=10.0
    )
    return scores[protocol.name, "depth"]


def rms(ground_truth, predicted, protocol):
    values = metrics.measure_values(sums_of(ground_truth, predicted, protocol))
    return values[metrics.MEASURE_NAMES.index("rms")]


def only_inside(rows, columns, size):
    """A ground truth of 2 m; a prediction that is right in a rectangle only."""
    truth = np.full(size, 2.0, np.float32)
    predicted = truth + 5
    predicted[rows, columns] = 2.0
    return truth, predicted


@pytest.mark.parametrize(
    ("protocol", "rows", "columns"),
    [
        # 426 x 560 of Eigen, 466 x 582 of Harsanyi's label[7:-7, 29:-29].
        (EIGEN, slice(45, 471), slice(41, 601)),
        (protocols.HARSANYI, slice(7, -7), slice(29, -29)),
        (protocols.FCRN, slice(None), slice(None)),
        (protocols.MSCRF, slice(None), slice(None)),
    ],
)
def test_score_image_compares_the_published_crop(protocol, rows, columns):
    truth, predicted = only_inside(rows, columns, (480, 640))
    sums = sums_of(truth, predicted, protocol)
    assert sums[0] == truth[rows, columns].size
    assert sums[1] == 0.0
    if protocol.crop:
        predicted[rows, columns][0, 0] = predicted[rows, columns][-1, -1] = 3.0
        assert sums_of(truth, predicted, protocol)[1] == 2.0


def test_score_image_takes_the_centre_of_the_half_size_as_hu(rng):
    truth, predicted = only_inside(slice(6, 234), slice(8, 312), (240, 320))
    sums = sums_of(truth, predicted, HU)
    assert sums[:2].tolist() == [228 * 304, 0.0]
    # A ground truth of 480x640 is shrunk to its nearest pixel, as PIL takes it: the
    # one below and to the right of the centre of four.
    large = rng.uniform(1, 9, (480, 640)).astype(np.float32)
    assert rms(large, large[1::2, 1::2], HU) == 0.0


def test_score_image_shrinks_bilinearly_for_the_paper(rng):
    large = rng.uniform(1, 9, (480, 640)).astype(np.float32)
    large[10, 20] = 0.0
    means = large.reshape(240, 2, 320, 2).mean(axis=(1, 3))
    sums = sums_of(large, means, PAPER)
    assert sums[0] == 240 * 320 - 1  # A hole has a share in one pixel.
    assert np.sqrt(sums[1] / sums[0]) < 1e-6  # float32.


def test_compared_region_is_scaled_to_a_smaller_ground_truth():
    size = scoring.compared_size(EIGEN, (240, 320))
    rows, columns = scoring.compared_region(EIGEN, size)
    # Half of 45, 471, 41, 601; halves are rounded to even numbers.
    assert (rows, columns) == (slice(22, 236), slice(20, 300))
    note = scoring.region_note(EIGEN, (240, 320))
    assert note == (
        "The ground truth is 240x320: compared at that size, not at 480x640. The crop "
        "is scaled to rows 22 to 235 and columns 20 to 299."
    )
    assert scoring.region_note(EIGEN, (480, 640)) is None
    assert scoring.region_note(protocols.C1, (460, 345)) is None
    truth, predicted = only_inside(rows, columns, (240, 320))
    assert sums_of(truth, predicted, EIGEN)[:2].tolist() == [214 * 280, 0.0]


def test_compared_size_of_another_shape_is_its_own():
    assert scoring.compared_size(PAPER, (460, 345)) == (460, 345)
    assert scoring.compared_size(PAPER, (960, 1280)) == (240, 320)
    assert scoring.compared_size(PAPER, (120, 160)) == (120, 160)


@pytest.mark.parametrize(
    ("protocol", "count"),
    [
        # 0.001, 0.7, 5, 10, 12, 70, 80 m.
        (protocols.FCRN, 7),
        (EIGEN, 2),  # 1 mm < depth < 10 m.
        (protocols.MSCRF, 3),  # 0.7 m <= depth <= 10 m.
        (protocols.C1, 5),  # depth < 70 m.
        (protocols.C2, 7),
    ],
)
def test_score_image_compares_the_range_of_the_protocol(protocol, count):
    # Twelve rows, so that all depths lie within the scaled crop.
    depths = np.float32([0, 0, 0, 0.001, 0.7, 5, 10, 12, 70, 80, 0, 0, 0, 0, 0, 0])
    truth = np.tile(depths, (12, 1))
    rows, _ = scoring.compared_region(protocol, (12, 16))
    assert sums_of(truth, truth + 1, protocol)[0] == count * len(
        range(*rows.indices(12))
    )


def test_score_image_clips_predictions_as_eigen_does():
    truth = np.full((12, 16), 5.0, np.float32)
    assert rms(truth, truth + 20, EIGEN) == 5.0
    assert rms(truth, truth + 20, protocols.FCRN) == 20.0


def test_score_image_distinguishes_protocols_by_every_rule(rng):
    truth = rng.uniform(2, 4, (24, 32)).astype(np.float32)
    changes = (
        {"clip": (1.0, 3.0)},
        {"alignment": "median"},
        {"max_depth": 3.0},
        {"size": (24, 32), "crop": (1, 23, 0, 32)},
    )
    changed = [
        dataclasses.replace(protocols.C2, name=str(index), **change)
        for index, change in enumerate(changes)
    ]
    given = [protocols.C2, *changed]
    scores = scoring.score_image(truth, {"a": 2 * truth}, given, depth_range=10.0)
    assert len({sums.tobytes() for sums in scores.values()}) == 5


def test_score_image_resizes_bilinearly_to_the_ground_truth(rng):
    predicted = rng.uniform(1, 5, (3, 4)).astype(np.float32)
    ground_truth = rng.uniform(1, 5, (6, 8)).astype(np.float32)
    resized = cv2.resize(predicted, (8, 6), interpolation=cv2.INTER_LINEAR)
    # Bilinear between pixel centres: the second pixel of a row lies a quarter of the
    # way from the first centre to the second.
    assert resized[0, 1] == pytest.approx(
        0.75 * predicted[0, 0] + 0.25 * predicted[0, 1], rel=1e-6
    )
    expected = metrics.PixelErrors(ground_truth, ground_truth > 0).sums(resized)
    computed = sums_of(ground_truth, predicted, PAPER)
    np.testing.assert_array_equal(computed[: expected.size], expected)


def test_score_image_of_an_unmeasured_image_is_empty():
    for protocol in protocols.PROTOCOLS.values():
        sums = sums_of(
            np.zeros((3, 4), np.float32), np.ones((3, 4), np.float32), protocol
        )
        assert not np.any(sums)


@pytest.mark.parametrize("alignment", ["median", "least_squares"])
def test_score_image_aligns_as_its_protocol_says(rng, alignment):
    truth = rng.uniform(1, 9, (6, 7)).astype(np.float32)
    aligned = protocols.PROTOCOLS[f"calibrated_{alignment}"]
    predicted = 3 * truth + (1 if alignment == "least_squares" else 0)
    assert rms(truth, predicted, protocols.CALIBRATED) > 5
    assert rms(truth, predicted, aligned) < 1e-6  # float32 input.


def test_score_image_gives_the_same_together_as_alone(rng):
    truth = rng.uniform(0.5, 11, (24, 32)).astype(np.float32)
    truth[3, 5] = 0.0
    predictions = {"a": truth + 1, "b": np.flip(truth, 0) + 0.1}
    chosen = protocols.choose_protocols(["all"], dataset="nyu_depth_v2", split="test")
    together = scoring.score_image(truth, predictions, chosen, depth_range=10.0)
    assert len(together) == 12
    for protocol in chosen:
        for key, predicted in predictions.items():
            alone = sums_of(truth, predicted, protocol)
            # Sums of float32 are rounded differently at other places in memory.
            np.testing.assert_allclose(together[protocol.name, key], alone, rtol=1e-7)


def test_score_image_names_the_array_that_is_not_finite():
    truth = np.ones((3, 4), np.float32)
    broken = {"depth": truth, "fused": truth * np.nan}
    with pytest.raises(ValueError, match=r"'fused': .*must be finite"):
        scoring.score_image(truth, broken, [PAPER], depth_range=10.0)


def test_measures_are_finite_with_holes_and_without_warnings(rng):
    rows, columns = np.mgrid[:48, :64]
    truth = (2 + rows / 40 + (columns > 30)).astype(np.float32)
    predicted = truth + rng.normal(0, 0.1, truth.shape).astype(np.float32)
    truth[20:25, 40:50] = 0.0
    predicted[22, 44] = np.nan
    values = metrics.measure_values(sums_of(truth, predicted, PAPER))
    assert values.shape == (len(metrics.MEASURE_NAMES),)
    assert np.isfinite(values).all()


def test_predictions_that_are_not_positive_are_aligned_in_disparity():
    """As in all protocols, 1 mm stands for them; their inverse would be negative."""
    truth = np.linspace(1.0, 2.0, 24, dtype=np.float32).reshape(4, 6)
    protocol = protocols.PROTOCOLS["simple_least_squares_disparity"]
    predicted, raised = truth.copy(), truth.copy()
    predicted[1, 2], raised[1, 2] = -0.3, 0.001
    np.testing.assert_array_equal(
        sums_of(truth, predicted, protocol), sums_of(truth, raised, protocol)
    )
    predicted[1, 2] = np.nan
    with pytest.raises(ValueError, match="positive predictions"):
        sums_of(truth, predicted, protocol)


def test_prediction_on_its_side_is_refused(rng):
    truth = rng.uniform(1, 5, (6, 8)).astype(np.float32)
    with pytest.raises(
        ValueError, match="'depth': The ground truth is 6x8 and the pre"
    ):
        sums_of(truth, truth.T, PAPER)
