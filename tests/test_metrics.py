import math

import numpy as np
import pytest

from dpde_tf import metrics

# Worked by hand. Compared pixels: (2, 2.2), (4, 3), (1, 2), (5, 5); two pixels of the
# ground truth are not measured.
GROUND_TRUTH = np.float32([[2.0, 0.0, 4.0], [1.0, 5.0, 0.0]])
PREDICTED = np.float32([[2.2, 9.0, 3.0], [2.0, 5.0, -7.0]])
BY_HAND = {
    "rms": math.sqrt((0.04 + 1 + 1 + 0) / 4),  # 0.714143
    "rms_log": math.sqrt(
        (math.log(1.1) ** 2 + math.log(0.75) ** 2 + math.log(2) ** 2) / 4
    ),
    "rel": (0.1 + 0.25 + 1.0 + 0.0) / 4,
    "log10": (math.log10(1.1) + math.log10(4 / 3) + math.log10(2)) / 4,
    "delta1": 2 / 4,  # Ratios: 1.1, 1.3333, 2, 1.
    "delta2": 3 / 4,
    "delta3": 3 / 4,
}


def metrics_by_definition(ground_truth, predicted):
    """Sect. 4.3 with plain loops over the pixels."""
    errors = {name: 0.0 for name in metrics.METRIC_NAMES}
    count = 0
    for row in range(ground_truth.shape[0]):
        for column in range(ground_truth.shape[1]):
            truth = float(ground_truth[row, column])
            if truth <= 0:
                continue
            depth = max(float(predicted[row, column]), 1e-3)
            count += 1
            errors["rms"] += (depth - truth) ** 2
            errors["rms_log"] += (math.log(depth) - math.log(truth)) ** 2
            errors["rel"] += abs(depth - truth) / truth
            errors["log10"] += abs(math.log10(depth) - math.log10(truth))
            ratio = max(truth / depth, depth / truth)
            for k in (1, 2, 3):
                errors[f"delta{k}"] += ratio < 1.25**k
    means = {name: value / count for name, value in errors.items()}
    return means | {name: math.sqrt(means[name]) for name in ("rms", "rms_log")}


def test_image_scores_gives_the_values_worked_by_hand():
    computed = metrics.image_scores(GROUND_TRUTH, PREDICTED).metrics()
    # 2.2 is not a float32: its error of 5e-8 comes through.
    assert computed == pytest.approx(BY_HAND, rel=1e-6)
    assert tuple(computed) == metrics.METRIC_NAMES


def test_image_scores_agrees_with_plain_loops(rng):
    ground_truth = rng.uniform(0.5, 9.0, (7, 5)) * (rng.random((7, 5)) < 0.8)
    predicted = ground_truth * rng.normal(1.0, 0.5, (7, 5)) + 0.1
    computed = metrics.image_scores(ground_truth, predicted).metrics()
    # Only the order of summation differs.
    expected = metrics_by_definition(ground_truth, predicted)
    assert computed == pytest.approx(expected, rel=1e-12)


def test_image_scores_of_a_perfect_prediction_are_zero_and_one():
    computed = metrics.image_scores(GROUND_TRUTH, GROUND_TRUTH).metrics()
    assert list(computed.values()) == [0, 0, 0, 0, 1, 1, 1]


def test_image_scores_raises_negative_predictions_to_the_smallest_depth():
    computed = metrics.image_scores(np.float64([[2.0]]), np.float64([[-3.0]])).metrics()
    assert computed["rms"] == pytest.approx(1.999, rel=1e-12)
    assert computed["log10"] == pytest.approx(math.log10(2000), rel=1e-12)


def test_image_scores_counts_a_ratio_of_exactly_the_threshold_as_beyond_it():
    sums = metrics.image_scores(np.float64([[4.0, 4.0]]), np.float64([[5.0, 4.99]]))
    assert sums.within == (1, 2, 2)


def test_image_scores_compares_the_pixels_of_the_mask_only():
    valid_mask = np.array([[True, False, False], [False, True, False]])
    sums = metrics.image_scores(GROUND_TRUTH, PREDICTED, valid_mask=valid_mask)
    assert sums.num_pixels == 2
    assert sums.squared == pytest.approx(0.04, rel=1e-6)  # 2.2 as float32.


def test_image_scores_does_not_lose_digits_of_many_single_precision_pixels():
    # A float32 sum keeps seven digits at best, a running one far fewer.
    ground_truth = np.full((2000, 2000), 1.0, np.float32)
    sums = metrics.image_scores(ground_truth, ground_truth + np.float32(0.1))
    error = float(np.float32(1.1)) - 1.0
    assert sums.relative == pytest.approx(4e6 * error, rel=1e-12)


def test_error_sums_pool_pixels_not_images():
    # Two images: one pixel with error 3, three pixels with error 1.
    one = metrics.image_scores(np.float64([[4.0]]), np.float64([[7.0]]))
    three = metrics.image_scores(np.full((1, 3), 4.0), np.full((1, 3), 5.0))
    pooled = (one + three).metrics()["rms"]
    mean = (one.metrics()["rms"] + three.metrics()["rms"]) / 2
    assert pooled == pytest.approx(math.sqrt((9 + 3) / 4), rel=1e-12)
    assert mean == 2.0


def test_error_sums_of_parts_are_those_of_the_whole():
    parts = metrics.image_scores(GROUND_TRUTH[:1], PREDICTED[:1])
    parts += metrics.image_scores(GROUND_TRUTH[1:], PREDICTED[1:])
    assert parts + metrics.ErrorSums() == parts
    whole = metrics.image_scores(GROUND_TRUTH, PREDICTED)
    assert parts.metrics() == pytest.approx(whole.metrics(), rel=1e-14)


def test_metrics_without_a_pixel_say_so():
    sums = metrics.image_scores(np.zeros((2, 3)), np.ones((2, 3)))
    assert sums == metrics.ErrorSums()
    with pytest.raises(ValueError, match="No pixel was compared"):
        sums.metrics()


def test_image_scores_refuses_what_cannot_be_compared():
    with pytest.raises(ValueError, match=r"same shape.*\(2, 3\), \(1, 3\), \(2, 3\)"):
        metrics.image_scores(GROUND_TRUTH, PREDICTED[:1])
    with pytest.raises(ValueError, match="must leave out pixels"):
        everywhere = np.ones((2, 3), bool)
        metrics.image_scores(GROUND_TRUTH, PREDICTED, valid_mask=everywhere)
    broken = np.where(GROUND_TRUTH == 4, np.nan, PREDICTED)
    with pytest.raises(ValueError, match=r"must be finite.*1 other"):
        metrics.image_scores(GROUND_TRUTH, broken)


def test_image_scores_ignores_predictions_that_nothing_is_known_about():
    broken = np.where(GROUND_TRUTH == 0, np.nan, PREDICTED)
    computed = metrics.image_scores(GROUND_TRUTH, broken).metrics()
    assert computed == pytest.approx(BY_HAND, rel=1e-6)
