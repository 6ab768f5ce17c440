"""Tests of the questions that the records of runs answer."""

import json
import pathlib

import numpy as np
import pytest

from dpde_tf.config import ContextNetworkConfig, GradientNetworkConfig
from dpde_tf.reporting.run_records import Step, gradient_source, read_step


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
    # The run is gone: its depth tells.
    path = pathlib.Path(folder) / "1.npz"
    np.savez(path, depth=np.ones((2, 2)))
    assert gradient_source(folder) is None
    np.savez(path, depth=np.ones((2, 2)), context_depth=np.ones((2, 2)))
    assert gradient_source(folder) == "context"


def test_step_command_can_be_typed(tmp_path):
    flags = {"records": "my records", "lateral_connections": False, "sizes": [1, 2]}
    record = {"program": "experiments.train_depth", "flags": flags}
    record["config"] = {"TrainingConfig": {"epochs": 30, "seed": 3}}
    (tmp_path / "run.json").write_text(json.dumps(record))
    lines = [json.dumps({"epoch": epoch + 1}) for epoch in range(6)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    step = read_step(tmp_path)
    assert step.command == (
        "python -m experiments.train_depth '--records=my records' "
        "--nolateral_connections --sizes=1,2"
    )
    assert step.summary == "6 epochs, seed 3"
    step.config["data"] = {"image_size": [120, 160]}
    assert step.summary == "6 epochs at 120x160, seed 3"
    step.config["InitialisationConfig"] = {"init_from": None}
    assert step.summary == "6 epochs at 120x160, seed 3"
    step.config["InitialisationConfig"] = {"init_from": "runs/half/nyu/depth"}
    assert (
        step.summary == "6 epochs at 120x160, seed 3, started from runs/half/nyu/depth"
    )
    assert Step({}).command == ""
    assert read_step(tmp_path / "none") == Step({})
