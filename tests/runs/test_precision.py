"""Tests of the choice of precision."""

import json

import pytest
import tensorflow as tf

from dpde_tf.runs import precision
from dpde_tf.runs.hardware import hardware


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """The file that stores the measurement, in a separate folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "dpde_tf" / "precision.json"


@pytest.fixture
def measure(monkeypatch):
    """Replaces the measurement; returns how to set its result, and its calls."""
    results, calls = [1.0], []

    def measured():
        calls.append(results[0])
        return results[0]

    monkeypatch.setattr(precision, "_measure_speedup", measured)
    return results, calls


@pytest.mark.parametrize(
    ("speedup", "expected"),
    [
        (1.8, "mixed_bfloat16"),
        (1.1, "mixed_bfloat16"),
        (1.05, "float32"),
        (0, "float32"),
    ],
)
def test_auto_chooses_the_faster_precision(memory, measure, capsys, speedup, expected):
    measure[0][0] = speedup
    assert precision.resolve_precision("auto") == expected
    assert f"Precision: {expected}. " in capsys.readouterr().out


def test_speedup_is_measured_once_for_a_machine(memory, measure, monkeypatch):
    results, calls = measure
    results[0] = 1.23456
    assert precision.bfloat16_speedup() == precision.bfloat16_speedup() == 1.235
    assert len(calls) == 1
    other = {"processor": "another", "cores": 2, "gpus": []}
    monkeypatch.setattr(precision, "hardware", lambda: other)
    results[0] = 0.5
    assert precision.bfloat16_speedup() == 0.5
    machines = [json.loads(key)[0] for key in json.loads(memory.read_text())]
    assert machines == [hardware(), other]


@pytest.mark.parametrize("content", ["{", "[1]", '{"machine": "fast"}', '{"a": null}'])
def test_damaged_cache_is_measured_again(memory, measure, content):
    memory.parent.mkdir(parents=True)
    memory.write_text(content)
    assert precision.bfloat16_speedup() == 1.0
    assert len(measure[1]) == 1
    assert list(json.loads(memory.read_text()).values()) == [1.0]


def test_read_only_cache_is_no_error(tmp_path, measure, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert precision.bfloat16_speedup() == 1.0


def test_user_without_a_home_folder_is_no_error(monkeypatch):
    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(precision.pathlib.Path, "home", nobody)
    assert precision._memory_path().parts[-2:] == ("dpde_tf", "precision.json")


def test_measured_speedup_is_a_ratio_of_times(monkeypatch):
    # The time of each call, by turns: float32, bfloat16.
    seconds = iter([9.0, 2.0, 6.0, 2.5] * precision._REPETITIONS)
    monkeypatch.setattr(precision, "_seconds", lambda step: next(seconds))
    monkeypatch.setattr(precision, "_IMAGE_SHAPE", (1, 4, 4, 8))
    monkeypatch.setattr(precision, "_KERNEL_SHAPE", (3, 3, 8, 8))
    assert precision._measure_speedup() == 3.0


def test_convolution_step_computes_in_the_type(monkeypatch):
    monkeypatch.setattr(precision, "_IMAGE_SHAPE", (1, 4, 4, 8))
    monkeypatch.setattr(precision, "_KERNEL_SHAPE", (3, 3, 8, 8))
    for dtype in (tf.float32, tf.bfloat16):
        step = precision._convolution_step(dtype)
        assert step().dtype == dtype
        graph = step.get_concrete_function().graph
        names = {operation.type for operation in graph.get_operations()}
        assert names >= {"Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"}


def test_machine_without_bfloat16_stays_in_float32(memory, monkeypatch, caplog):
    def fail(dtype):
        raise tf.errors.UnimplementedError(None, None, "no kernel")

    monkeypatch.setattr(precision, "_convolution_step", fail)
    assert precision.resolve_precision("auto") == "float32"


def test_resolve_precision_keeps_or_refuses_a_given_name():
    assert precision.resolve_precision("mixed_float16") == "mixed_float16"
    with pytest.raises(ValueError, match=r"mixed_float16. Received: 'half'"):
        precision.resolve_precision("half")
