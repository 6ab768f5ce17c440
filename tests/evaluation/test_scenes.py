"""Tests of the scenes of a test set, and of the intervals over them."""

import numpy as np
import pytest

from dpde_tf import metrics
from dpde_tf.evaluation import bootstrap
from dpde_tf.evaluation.scenes import scene_numbers

RMS = metrics.MEASURE_NAMES.index("rms")


def names_of(runs):
    return [
        f"{number:04d}"
        for start, length in runs
        for number in range(start, start + length)
    ]


def test_scenes_are_runs_of_consecutive_numbers():
    runs = [(3 + 10 * index, 1 + index % 3) for index in range(25)]
    scenes = scene_numbers(names_of(runs), names_of(runs))
    assert [scenes[f"{start:04d}"] for start, _ in runs] == list(range(25))
    # The third run is 0023 to 0025.
    assert [scenes[name] for name in ("0023", "0024", "0025", "0033")] == [2, 2, 2, 3]


@pytest.mark.parametrize(
    "names",
    [["art", "0001"], names_of([(0, 500)]), names_of([(5 * i, 2) for i in range(19)])],
)
def test_names_that_do_not_identify_scenes(names):
    assert scene_numbers(names, names) is None


def test_a_part_of_the_images_has_the_scenes_of_all():
    names = names_of([(10 * index, 4) for index in range(30)])
    # Every second image: without the others, each would seem to be a scene.
    scenes = scene_numbers(names, names[::2])
    assert list(scenes) == names[::2]
    assert list(scenes.values()) == [index for index in range(30) for _ in range(2)]
    # The images of 19 scenes are too few.
    assert scene_numbers(names, names[: 19 * 4]) is None
    assert len(set(scene_numbers(names, names[: 19 * 4 + 1]).values())) == 20


def test_draws_of_a_scene_are_those_of_all_its_images():
    first, second, other = (
        bootstrap.image_draws(index, scene=scene, num_replicates=50)
        for index, scene in ((0, 0), (1, 0), (2, 1))
    )
    assert first.shape == (101,)
    assert first[0] == 1
    np.testing.assert_array_equal(first[51:], second[51:])
    assert np.any(first[1:51] != second[1:51])
    assert np.any(first[51:] != other[51:])
    np.testing.assert_array_equal(
        first[:51], bootstrap.image_draws(0, num_replicates=50)
    )


def totals(errors, scenes):
    """Totals of images with one pixel each, off by `errors`."""
    result = bootstrap.ScoreTotals(by_scene=scenes is not None)
    for index, error in enumerate(errors):
        sums = np.zeros(metrics.NUM_SUMS)
        sums[:2] = 1, error**2  # Pixels and squared errors.
        draws = bootstrap.image_draws(
            index, scene=None if scenes is None else scenes[index]
        )
        result.add(sums, draws)
    return result


def test_interval_is_the_wider_of_images_and_scenes(rng):
    # Four images of a scene have one error: only the scenes are independent.
    scenes = np.repeat(np.arange(40), 4)
    errors = rng.uniform(0.1, 1.0, 40)[scenes]
    low, high = totals(errors, scenes).results()["intervals"]["pooled"]["rms"]
    by_image = totals(errors, None).results()["intervals"]["pooled"]["rms"]
    # Fourfold repetition makes the interval of images half as wide.
    ratio = (high - low) / (by_image[1] - by_image[0])
    assert ratio == pytest.approx(2.0, rel=0.15)
    # Where every image is a scene, both are alike.
    alone = totals(errors, np.arange(160)).results()["intervals"]["pooled"]["rms"]
    width = by_image[1] - by_image[0]
    assert width <= alone[1] - alone[0] <= 1.15 * width
