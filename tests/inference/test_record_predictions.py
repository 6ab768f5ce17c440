"""Tests of the predictions for records: which ones, and their files."""

import json

import numpy as np
import pytest

from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.files.predictions import read_prediction, write_prediction
from dpde_tf.inference.records import (
    first_records,
    held_out_records,
    predict_records,
    record_files,
    share_of_worker,
)
from tests.fixtures.record_sets import write_small_record_set


class _RedPredictor:
    """A predictor that returns red as depth, and counts its inputs."""

    def __init__(self):
        self.sizes = []

    def predict(self, image):
        self.sizes.append(tuple(image.shape[:3]))
        return {"depth": np.asarray(image)[..., 0] * 10.0}


@pytest.fixture
def records(tmp_path, rng):
    folder = write_small_record_set(tmp_path / "records", rng, splits={"train": 12})
    return RecordSet.open(folder, "train")


def _chosen(records):
    return [int(name[-3:]) for name in np.array(records.split.names)[records.selected]]


def test_every_record_without_a_file_is_predicted(records, tmp_path):
    output = tmp_path / "out"
    some = first_records(records, 5)
    there = record_files(some, output)[1]
    write_prediction(there, {"depth": np.ones([2, 2], np.float32)})
    predictor = _RedPredictor()
    predict_records(predictor, some, output, batch_size=3, size=(32, 48))
    assert predictor.sizes == [(3, 32, 48), (1, 32, 48)]
    assert sorted(output.iterdir()) == record_files(some, output)
    assert read_prediction(there)["depth"].shape == (2, 2)
    # Images show their depth, 2 m as 80 of 255 and more.
    depth = read_prediction(record_files(some, output)[4])["depth"]
    assert depth.shape == (32, 48) and 3.0 < depth.min() < depth.max() < 10.0
    predict_records(predictor, some, output, batch_size=3, size=(32, 48))
    assert len(predictor.sizes) == 2


def test_networks_see_the_requested_size(records, tmp_path):
    predictor, one = _RedPredictor(), first_records(records, 1)
    predict_records(predictor, one, tmp_path / "out", batch_size=3, size=(16, 24))
    assert predictor.sizes == [(1, 16, 24)]
    (path,) = record_files(one, tmp_path / "out")
    assert read_prediction(path)["depth"].shape == (32, 48)


def test_parts_of_a_split(records, tmp_path):
    assert _chosen(first_records(records, 3)) == [0, 1, 2]
    assert _chosen(first_records(records, None)) == list(range(12))
    shares = [share_of_worker(records, worker, 3) for worker in range(3)]
    assert [_chosen(share) for share in shares] == [
        [0, 3, 6, 9],
        [1, 4, 7, 10],
        [2, 5, 8, 11],
    ]
    assert _chosen(share_of_worker(first_records(records, 4), 1, 3)) == [1]
    for swap in (False, True):
        training = {"num_validation": 2, "swap_held_out": swap}
        record = {"config": {"TrainingConfig": training}}
        (tmp_path / "run.json").write_text(json.dumps(record))
        expected = records.hold_out(2, swap=swap)[1]
        assert _chosen(held_out_records(records, tmp_path)) == _chosen(expected)
        assert len(_chosen(expected)) == (10 if swap else 2)


@pytest.mark.parametrize(
    ("num_records", "num_validation", "message"),
    [(795, 2, r"of 795 records, and 'train' of .* has 12"), (12, 0, "held out no")],
)
def test_split_that_the_run_was_not_trained_on_is_refused(
    records, tmp_path, num_records, num_validation, message
):
    config = {
        "TrainingConfig": {"num_validation": num_validation},
        "data": {"num_records": num_records},
    }
    (tmp_path / "run.json").write_text(json.dumps({"config": config}))
    with pytest.raises(ValueError, match=message):
        held_out_records(records, tmp_path)
