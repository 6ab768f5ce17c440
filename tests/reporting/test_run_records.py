"""Tests of the questions that the records of runs answer."""

import json

import pytest

from dpde_tf.config import ContextNetworkConfig, GradientNetworkConfig
from dpde_tf.reporting.run_records import gradient_source


def write_record(folder, config):
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"config": config}))
    return str(folder)


@pytest.mark.parametrize(
    ("training", "source"),
    [(ContextNetworkConfig, "context"), (GradientNetworkConfig, None)],
)
def test_gradient_source_is_told_by_the_training(tmp_path, training, source):
    gradient = write_record(tmp_path / "gradient", {training.__name__: {}})
    networks = {"depth_run": "depth", "gradient_run": gradient}
    folder = write_record(tmp_path / "predictions", {"networks": networks})
    assert gradient_source(folder) == source
    networks |= {"guided_run": "guided"}
    folder = write_record(tmp_path / "guided", {"networks": networks})
    assert gradient_source(folder) == "guided"


def test_gradient_source_without_records_is_none(tmp_path):
    assert gradient_source(tmp_path / "nothing") is None
    networks = {"gradient_run": str(tmp_path / "nothing")}
    folder = write_record(tmp_path / "predictions", {"networks": networks})
    assert gradient_source(folder) is None
