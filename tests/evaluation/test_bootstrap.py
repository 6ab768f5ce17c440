import numpy as np
import pytest

from dpde_tf import metrics
from dpde_tf.evaluation import bootstrap

RMS = metrics.MEASURE_NAMES.index("rms")


def image_sums(num_pixels, squared):
    """Sums of an image in which only the squared error is not 0."""
    sums = np.zeros(metrics.NUM_SUMS)
    sums[:2] = num_pixels, squared
    return sums


def totals_of(images, seed=0):
    totals = bootstrap.ScoreTotals()
    for index, sums in enumerate(images):
        totals.add(sums, bootstrap.image_draws(index, seed=seed))
    return totals


@pytest.fixture
def images(rng):
    """300 images of different size and error."""
    sizes = rng.integers(50, 150, 300)
    errors = rng.gamma(4, 0.2, 300)
    return [image_sums(n, n * e**2) for n, e in zip(sizes, errors, strict=True)]


def test_score_totals_pool_pixels_and_average_images():
    totals = totals_of([image_sums(1, 9.0), image_sums(0, 0.0), image_sums(3, 3.0)])
    results = totals.results()
    assert results["pooled"]["rms"] == pytest.approx(np.sqrt(12 / 4), rel=1e-12)
    assert results["per_image_mean"]["rms"] == pytest.approx((3 + 1) / 2, rel=1e-12)
    assert (results["num_pixels"], results["num_images"]) == (4, 2)
    assert results["pooled"]["mge"] is None


def test_pooled_intervals_match_drawing_with_replacement(images, rng):
    sums = np.array(images)[:, :2]
    draws = rng.multinomial(300, np.full(300, 1 / 300), size=4000) @ sums
    expected = np.percentile(np.sqrt(draws[:, 1] / draws[:, 0]), [2.5, 97.5])
    low, high = totals_of(images).results()["intervals"]["pooled"]["rms"]
    # 1000 replicates give the ends of an interval to about 3 % of its width (the
    # standard error of a 2.5 % percentile is 0.07 of the standard deviation). Those of
    # 90 % would be off by 8 % of it.
    width = expected[1] - expected[0]
    np.testing.assert_allclose([low, high], expected, atol=0.06 * width)


def test_intervals_of_means_are_1_96_standard_errors(images):
    values = np.array([np.sqrt(sums[1] / sums[0]) for sums in images])
    low, high = totals_of(images).results()["intervals"]["per_image_mean"]["rms"]
    error = values.std() / np.sqrt(len(values))
    expected = values.mean() + np.array([-1.96, 1.96]) * error
    np.testing.assert_allclose([low, high], expected, atol=0.25 * error)


def test_differences_are_paired(images, rng):
    # The second set is better by 1 % in every image, give or take 0.5 %.
    better = [image_sums(n, s * rng.normal(0.99, 0.005) ** 2) for n, s, *_ in images]
    first, second = totals_of(images), totals_of(better)
    found = bootstrap.difference(second, first)["pooled"]["rms"]
    results = [totals.results() for totals in (second, first)]
    assert found["difference"] == pytest.approx(
        results[0]["pooled"]["rms"] - results[1]["pooled"]["rms"], rel=1e-12
    )
    low, high = found["interval"]
    assert low < found["difference"] < high < 0
    # Apart, the two intervals overlap.
    apart = [result["intervals"]["pooled"]["rms"] for result in results]
    assert apart[0][1] > apart[1][0]
    assert high - low < 0.1 * (apart[0][1] - apart[0][0])


def test_difference_of_a_set_and_itself_is_exactly_0(images):
    found = bootstrap.difference(totals_of(images), totals_of(images))
    assert found["pooled"]["rms"] == {"difference": 0.0, "interval": [0.0, 0.0]}
    assert found["per_image_mean"]["mge"] == {"difference": None, "interval": None}


def test_score_totals_do_not_depend_on_when_they_are_read(images):
    asked = bootstrap.ScoreTotals()
    for index, sums in enumerate(images[:70]):
        asked.add(sums, bootstrap.image_draws(index))
        asked.replicates("pooled")
    np.testing.assert_allclose(
        asked.replicates("per_image_mean"),
        totals_of(images[:70]).replicates("per_image_mean"),
        rtol=1e-12,
    )


def test_image_draws_depend_only_on_image_and_seed():
    def draws(index, seed):
        return bootstrap.image_draws(index, seed=seed, num_replicates=100_000)

    one = draws(3, 1)
    assert one[0] == 1.0
    np.testing.assert_array_equal(one, draws(3, 1))
    assert not np.array_equal(one, draws(4, 1))
    assert not np.array_equal(one, draws(3, 2))
    # Poisson: mean and variance 1, with standard errors of 0.003 and 0.0055.
    assert one.mean() == pytest.approx(1.0, abs=0.015)
    assert one.var() == pytest.approx(1.0, abs=0.03)


def test_a_single_image_has_no_interval():
    results = totals_of([image_sums(2, 8.0)]).results()
    assert results["pooled"]["rms"] == 2.0
    assert results["intervals"]["pooled"]["rms"] is None


def test_replicates_that_draw_no_image_are_left_out():
    # Two images: e^-2 of the replicates are empty.
    totals = totals_of([image_sums(1, 1.0), image_sums(1, 9.0)])
    assert np.isnan(totals.replicates("pooled")[:, RMS]).mean() == pytest.approx(
        np.exp(-2), abs=0.03
    )
    low, high = totals.results()["intervals"]["pooled"]["rms"]
    assert (low, high) == (1.0, 3.0)


def test_score_totals_without_pixels_are_an_error():
    with pytest.raises(ValueError, match="No pixel was compared"):
        totals_of([image_sums(0, 0.0)]).results()
