import math

import numpy as np
import pytest

from dpde_tf.metrics import METRIC_NAMES, PixelErrors

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
    "sq_rel": (0.02 + 0.25 + 1.0 + 0.0) / 4,
    "log10": (math.log10(1.1) + math.log10(4 / 3) + math.log10(2)) / 4,
    "delta1": 2 / 4,  # Ratios: 1.1, 1.3333, 2, 1.
    "delta2": 3 / 4,
    "delta3": 3 / 4,
}


def metrics_by_definition(ground_truth, predicted):
    """The errors of Sect. 4.3 with plain loops over the pixels."""
    errors = {name: 0.0 for name in METRIC_NAMES}
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
            errors["sq_rel"] += (depth - truth) ** 2 / truth
            errors["log10"] += abs(math.log10(depth) - math.log10(truth))
            ratio = max(truth / depth, depth / truth)
            for k in (1, 2, 3):
                errors[f"delta{k}"] += ratio < 1.25**k
    means = {name: value / count for name, value in errors.items()}
    return means | {name: math.sqrt(means[name]) for name in ("rms", "rms_log")}


def sums_of(ground_truth, predicted, valid_mask=None):
    mask = ground_truth > 0 if valid_mask is None else valid_mask
    return PixelErrors(ground_truth, mask).sums(predicted)


def errors_of(sums):
    return dict(zip(METRIC_NAMES, PixelErrors.values(sums).tolist(), strict=True))


def test_pixel_errors_worked_by_hand():
    computed = errors_of(sums_of(GROUND_TRUTH, PREDICTED))
    # 2.2 is not a float32 number: its rounding error is 5e-8.
    assert computed == pytest.approx(BY_HAND, rel=1e-6)


def test_pixel_errors_agree_with_plain_loops(rng):
    ground_truth = rng.uniform(0.5, 9.0, (7, 5)) * (rng.random((7, 5)) < 0.8)
    predicted = ground_truth * rng.normal(1.0, 0.5, (7, 5)) + 0.1
    computed = errors_of(sums_of(ground_truth, predicted))
    # Only the order of summation differs.
    expected = metrics_by_definition(ground_truth, predicted)
    assert computed == pytest.approx(expected, rel=1e-12)


def test_pixel_errors_of_a_perfect_prediction():
    computed = errors_of(sums_of(GROUND_TRUTH, GROUND_TRUTH))
    assert list(computed.values()) == [0, 0, 0, 0, 0, 1, 1, 1]


def test_pixel_errors_set_negative_predictions_to_min_depth():
    computed = errors_of(sums_of(np.float64([[2.0]]), np.float64([[-3.0]])))
    assert computed["rms"] == pytest.approx(1.999, rel=1e-12)
    assert computed["log10"] == pytest.approx(math.log10(2000), rel=1e-12)


def test_pixel_errors_deltas_exclude_the_threshold():
    sums = sums_of(np.float64([[4.0, 4.0]]), np.float64([[5.0, 4.99]]))
    assert sums[-3:].tolist() == [1, 2, 2]


def test_pixel_errors_compare_only_pixels_of_the_mask():
    valid_mask = np.array([[True, False, False], [False, True, False]])
    sums = sums_of(GROUND_TRUTH, PREDICTED, valid_mask)
    assert sums[0] == 2
    assert sums[1] == pytest.approx(0.04, rel=1e-6)  # 2.2 as float32.


def test_pixel_errors_of_many_float32_pixels_are_exact():
    # A float32 sum keeps seven digits at best; a running sum keeps far fewer.
    ground_truth = np.full((2000, 2000), 1.0, np.float32)
    computed = errors_of(sums_of(ground_truth, ground_truth + np.float32(0.1)))
    assert computed["rel"] == pytest.approx(float(np.float32(1.1)) - 1.0, rel=1e-12)


def test_pixel_errors_pool_pixels_not_images():
    # Two images: one pixel with error 3, three pixels with error 1.
    one = sums_of(np.float64([[4.0]]), np.float64([[7.0]]))
    three = sums_of(np.full((1, 3), 4.0), np.full((1, 3), 5.0))
    pooled = errors_of(one + three)["rms"]
    assert pooled == pytest.approx(math.sqrt((9 + 3) / 4), rel=1e-12)
    assert (errors_of(one)["rms"] + errors_of(three)["rms"]) / 2 == 2.0


def test_pixel_errors_without_pixels_are_nan():
    sums = sums_of(np.zeros((2, 3)), np.ones((2, 3)))
    assert not np.any(sums)
    assert np.all(np.isnan(PixelErrors.values(sums)))


def test_pixel_errors_of_stacked_sums_equal_single_ones(rng):
    sums = rng.uniform(1, 9, (4, 3, PixelErrors.NUM_SUMS))
    single = [[PixelErrors.values(one) for one in row] for row in sums]
    np.testing.assert_allclose(PixelErrors.values(sums), single, rtol=1e-15)


def test_pixel_errors_reject_incomparable_maps():
    with pytest.raises(ValueError, match=r"same shape.*\(2, 3\) and \(1, 3\)"):
        sums_of(GROUND_TRUTH, PREDICTED[:1])
    with pytest.raises(ValueError, match=r"same shape.*\(2, 3\) and \(1, 3\)"):
        PixelErrors(GROUND_TRUTH, np.ones((1, 3), bool))
    with pytest.raises(ValueError, match="must leave out pixels"):
        sums_of(GROUND_TRUTH, PREDICTED, np.ones((2, 3), bool))
    broken = np.where(GROUND_TRUTH == 4, np.nan, PREDICTED)
    with pytest.raises(ValueError, match=r"must be finite.*1 other"):
        sums_of(GROUND_TRUTH, broken)


def test_pixel_errors_ignore_predictions_at_unmeasured_pixels():
    broken = np.where(GROUND_TRUTH == 0, np.nan, PREDICTED)
    computed = errors_of(sums_of(GROUND_TRUTH, broken))
    assert computed == pytest.approx(BY_HAND, rel=1e-6)
