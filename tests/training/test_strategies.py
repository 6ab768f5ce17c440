"""Tests of strategies, and of the distribution on one device."""

import json

import numpy as np
import pytest

from dpde_tf.training.distribution import Distribution
from dpde_tf.training.strategies import make_strategy, worker_rank


@pytest.mark.parametrize(
    ("cluster", "task", "place"),
    [
        ({"worker": ["a:1", "b:1"]}, {"type": "worker", "index": 1}, (1, 2)),
        ({"chief": ["a:1"], "worker": ["b:1"]}, {"type": "worker", "index": 0}, (1, 2)),
        ({"chief": ["a:1"], "worker": ["b:1"]}, {"type": "chief", "index": 0}, (0, 2)),
    ],
)
def test_worker_rank_is_read_from_tf_config(monkeypatch, cluster, task, place):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    assert worker_rank("multi_worker") == place
    assert worker_rank("mirrored") == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "{",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
    ],
)
def test_worker_rank_error_shows_a_valid_tf_config(monkeypatch, text):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match="multi_worker` needs TF_CONFIG"):
        worker_rank("multi_worker")


def test_make_strategy_rejects_other_values():
    with pytest.raises(ValueError, match="`distribution` must be one of none"):
        make_strategy("all")


def test_distribution_of_one_device_does_not_change_images():
    distribution = Distribution(make_strategy("mirrored"))
    assert distribution.num_replicas == distribution.num_workers == 1
    images = np.ones([3, 2, 2, 3])
    assert distribution.parts(images) is images
    assert distribution.apply(np.sum, images) == 36


def test_check_same_arrays_detects_different_arrays():
    def unread():
        raise AssertionError

    alone = Distribution()
    alone.check_same_arrays(unread)
    checked = []
    for arrays in ([[1.0, 2.0], [3.0]], [[1.0, 2.0], [3.0]], [[1.0, 2.0], [4.0]]):
        several = Distribution()
        several.num_workers = 2
        several.check_same = checked.append
        several.check_same_arrays(lambda arrays=arrays: [*map(np.float32, arrays)])
    assert checked[0] == checked[1] != checked[2]


def test_measurement_of_the_chief_counts():
    assert Distribution().of_chief(2) == 2
    several = Distribution()
    several.num_workers = 2
    several._of_all = lambda number: np.array([1, number])
    assert several.of_chief(2) == 1
