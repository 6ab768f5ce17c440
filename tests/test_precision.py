"""Tests of the choice of precision."""

import pytest
import tensorflow as tf

from dpde_tf.training import precision


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])


@pytest.mark.parametrize(
    ("cpu_flags", "expected"),
    [
        ("flags : fpu avx2 avx512f", "float32"),
        # Measured: its step takes 1.5 times as long in bfloat16.
        ("flags : fpu avx512_bf16 sse", "float32"),
        ("flags : avx512_bf16 amx_bf16 amx_tile", "mixed_bfloat16"),
    ],
)
def test_resolve_precision_reads_the_processor(
    tmp_path, monkeypatch, no_gpu, cpu_flags, expected
):
    path = tmp_path / "cpuinfo"
    path.write_text(cpu_flags)
    monkeypatch.setattr(precision, "_CPU_INFO", path)
    assert precision.resolve_precision("auto") == expected


def test_resolve_precision_without_processor_information(tmp_path, monkeypatch, no_gpu):
    monkeypatch.setattr(precision, "_CPU_INFO", tmp_path / "missing")
    assert precision.resolve_precision("auto") == "float32"


@pytest.mark.parametrize(
    ("capability", "expected"), [((7, 5), "float32"), ((8, 0), "mixed_bfloat16")]
)
def test_resolve_precision_asks_the_gpu(monkeypatch, capability, expected):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu"])
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda gpu: {"compute_capability": capability},
    )
    assert precision.resolve_precision("auto") == expected


def test_resolve_precision_keeps_a_choice_and_refuses_other_words():
    assert precision.resolve_precision("mixed_float16") == "mixed_float16"
    with pytest.raises(ValueError, match=r"mixed_float16. Received: 'half'"):
        precision.resolve_precision("half")
