"""Tests of training on several devices."""

import json
import re

import numpy as np
import pytest

from dpde_tf.config import AugmentationConfig
from dpde_tf.data.batch_share import BatchShare
from dpde_tf.data.input_pipeline import RecordSet, make_training_dataset
from tests.fixtures.programs import run_program
from tests.fixtures.record_sets import write_small_record_set

pytestmark = pytest.mark.slow

# Sums of a few hundred float32 numbers in another order, over four steps.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The output of `tests.fixtures.two_devices`."""
    folder = tmp_path_factory.mktemp("two_devices")
    result = run_program("tests.fixtures.two_devices", folder)
    return json.loads(result.stdout.splitlines()[-1])


def _first_device(run):
    return np.concatenate([values[0] for values in run["weights"]])


def test_two_devices_train_as_one_with_the_same_batch(results):
    # Synchronised statistics, one c of BerHu for the batch, a clipped gradient.
    one, two = results["one"], results["two"]
    np.testing.assert_allclose(two["loss"], one["loss"], **TOLERANCE)
    np.testing.assert_allclose(_first_device(two), _first_device(one), **TOLERANCE)
    np.testing.assert_allclose(two["rms"], one["rms"], **TOLERANCE)


def test_two_devices_count_the_images_of_both(results):
    for name in ("one", "two"):
        np.testing.assert_allclose(results[name]["images"], [10, 10], rtol=1e-9)


@pytest.mark.parametrize("name", ["two", "two_per_replica"])
def test_devices_have_the_same_weights_and_moving_statistics(results, name):
    for first, second in results[name]["weights"]:
        assert first == second


def test_statistics_per_replica_differ_from_the_batch(results):
    apart, one = results["two_per_replica"], results["one"]
    difference = np.abs(_first_device(apart) - _first_device(one)).max()
    assert difference > 1e-4
    np.testing.assert_allclose(apart["loss"], one["loss"], rtol=0.1)


def test_run_of_two_devices_continues_on_one(results):
    moved, whole = results["moved_on"], results["three"]
    assert len(moved["loss"]) == 3
    np.testing.assert_allclose(moved["loss"], whole["loss"], **TOLERANCE)
    np.testing.assert_allclose(moved["rms"], whole["rms"], **TOLERANCE)


def test_a_bad_step_of_two_devices_names_the_images_of_both(results):
    one, two = (re.findall(r"(\w+) of train-", text) for text in results["bad_steps"])
    assert len(one) >= 2
    assert one == two


def test_a_batch_must_be_a_multiple_of_the_devices(results):
    assert (
        "`batch_size` counts the images of all devices together" in results["odd_batch"]
    )
    assert "Received: 5" in results["odd_batch"]


def test_apply_distributes_images_and_drops_padding(results):
    # Convolutions of 3 and 5 images may be summed in another order.
    assert results["applied"] < 1e-6


def test_shares_together_are_the_batches_of_one_process(tmp_path, rng):
    directory = write_small_record_set(
        tmp_path / "records", rng, splits={"train": 26, "test": 1}
    )
    records = RecordSet.open(directory, "train")

    def batches(share):
        dataset = make_training_dataset(
            records,
            batch_size=8,
            augmentation=AugmentationConfig(flip=True, colour=0.1),
            seed=3,
            epoch=1,
            start_batch=1,
            share=share,
        )
        return list(dataset.as_numpy_iterator())

    whole = batches(BatchShare())
    shares = [batches(BatchShare(worker, 2, pieces=2)) for worker in range(2)]
    # One of 4 batches is finished; each is 4 pieces of 2. The last has 2 records.
    assert [len(share) for share in shares] == [6, 6]
    for number, batch in enumerate(whole):
        pieces = [piece for share in shares for piece in share[2 * number :][:2]]
        for key, values in batch.items():
            together = np.concatenate([piece[key] for piece in pieces])
            np.testing.assert_array_equal(together, values)
