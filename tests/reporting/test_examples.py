"""Tests of the images that figures show."""

import numpy as np

from dpde_tf.reporting.examples import Example, detail_of


def test_detail_is_the_window_where_the_truth_varies_most(rng):
    truth = np.full((40, 60), 2.0)
    truth[12:18, 31:40] = 5.0
    image = rng.integers(0, 256, (40, 60, 3), np.uint8)
    predicted = rng.uniform(1, 9, truth.shape)  # Does not decide.
    example = Example("a", image, truth, {"dpde": {"depth": predicted}}, "note")
    detail = detail_of(example)
    assert detail.ground_truth.shape == (10, 15)
    # Differences are in rows 11 to 17 and columns 30 to 39: the first window with all.
    window = (slice(8, 18), slice(25, 40))
    np.testing.assert_array_equal(detail.image, image[window])
    np.testing.assert_array_equal(
        detail.predictions["dpde"]["depth"], predicted[window]
    )
    assert (detail.name, detail.note) == ("a", "note")


def test_detail_ignores_the_border_of_a_hole():
    truth = np.full((40, 60), 2.0)
    truth[5:9, 5:9] = 0.0
    truth[30, 50] = 2.1
    detail = detail_of(Example("a", np.zeros((40, 60, 3), np.uint8), truth, {}))
    assert 2.1 in detail.ground_truth
