"""Tests of the predictions for records: which ones, and their files."""

import json

import numpy as np
import pytest

from dpde_tf.config import PredictionConfig
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.files.predictions import read_prediction, write_prediction
from dpde_tf.inference.records import (
    first_records,
    held_out_records,
    predict_records,
    record_files,
    share_of_worker,
)
from tests.fixtures.prediction_program import BrightnessPredictor
from tests.fixtures.record_sets import write_small_record_set


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
    predictor = BrightnessPredictor()
    predict_records(predictor, some, output, batch_size=3, size=(32, 48))
    assert predictor.shapes == [(3, 32, 48, 3), (1, 32, 48, 3)]
    assert sorted(output.iterdir()) == record_files(some, output)
    assert read_prediction(there)["depth"].shape == (2, 2)
    # Images show their depth, 2 m as 80 of 255 and more.
    depth = read_prediction(record_files(some, output)[4])["depth"]
    assert depth.shape == (32, 48) and 3.0 < depth.min() < depth.max() < 10.0
    predict_records(predictor, some, output, batch_size=3, size=(32, 48))
    assert len(predictor.shapes) == 2


def test_networks_see_the_requested_size(records, tmp_path):
    predictor, one = BrightnessPredictor(), first_records(records, 1)
    predict_records(predictor, one, tmp_path / "out", batch_size=3, size=(16, 24))
    assert predictor.shapes == [(1, 16, 24, 3)]
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


def test_program_predicts_the_records_that_a_run_held_out(tmp_path, rng, run_predict):
    folder = write_small_record_set(tmp_path / "set", rng, splits={"train": 12})
    data = {"num_records": 12, "image_size": [32, 48]}
    config = {"TrainingConfig": {"num_validation": 3}, "data": data}
    run, output = tmp_path / "run", tmp_path / "out"
    run.mkdir()
    (run / "run.json").write_text(json.dumps({"config": config}))
    (run / "weights.weights.h5").write_bytes(b"weights")
    given = {"records": folder, "split": "train", "depth_run": run, "output": output}

    def predict(**more):
        predictor = BrightnessPredictor()
        predictor.options = PredictionConfig()
        run_predict(predictor=predictor, **given, **more)

    predict(held_out=True)
    held_out = RecordSet.open(folder, "train").hold_out(3)[1]
    assert sorted(output.glob("*.npz")) == record_files(held_out, output)
    # Those of the others would be taken for held-out ones.
    predict(overwrite=True)
    with pytest.raises(SystemExit, match="data for other records of the split"):
        predict(held_out=True, overwrite=True)
