"""Tests of the benchmark program."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from experiments.benchmarks import rows as benchmark
from experiments.benchmarks.comparison import format_parts, format_ratios, ratios
from experiments.benchmarks.first_predictions import phases
from experiments.benchmarks.row_timing import seconds_of
from experiments.benchmarks.rows import (
    CONVOLUTION,
    FCRN,
    INTERLEAVED,
    LITERAL,
    MATRIX,
    PYTORCH,
    ROWS,
    STEP,
    Measurement,
    Row,
)


def _measurement(*seconds, images=1, flops=None):
    return Measurement(list(seconds), images, 3 * 2**30, flops)


def test_seconds_of_does_not_count_the_first_runs():
    runs = []
    seconds = seconds_of(lambda: runs.append(None), 3)
    assert len(runs) == 5
    assert len(seconds) == 3
    assert min(seconds) >= 0


def test_whole_programs_are_timed_without_tensorflow(monkeypatch, tmp_path):
    """A program is run once more than it is timed, and its memory counts."""
    (tmp_path / "tensorflow.py").write_text(
        f"print(1, file=open({str(tmp_path / 'runs')!r}, 'a')); x = bytearray(2**28)"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    measured = benchmark.measure(benchmark.IMPORT, 8, 3, "float32")
    assert (tmp_path / "runs").read_text() == "1\n" * 4
    assert len(measured.seconds) == 3 and measured.images == 1
    assert 2**28 < measured.peak_memory < 2**28 + 100e6


def test_peak_memory_is_not_that_of_the_process_before():
    large = np.ones(2**28, np.uint8)
    command = (
        "from row_timing import print_measurement as p; x = bytearray(2**26); p([])"
    )
    result = subprocess.run(
        [sys.executable, "-c", command],
        cwd=benchmark._FOLDER,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert 2**26 < json.loads(result.stdout)["peak_memory"] < large.size / 2


def test_time_of_a_phase_is_what_its_program_prints(monkeypatch, tmp_path):
    package = tmp_path / "experiments" / "benchmarks"
    package.mkdir(parents=True)
    here = benchmark._FOLDER
    for name in ("whole_programs.py", "row_timing.py", "photograph_copies.py"):
        (package / name).write_text((here / name).read_text())
    (package / "first_predictions.py").write_text(
        "import sys\nprint('a line')\nprint({'first': 1.5, 'next': 2.5}[sys.argv[1]])"
    )
    monkeypatch.setattr(benchmark, "_FOLDER", package)
    row = benchmark._whole_program("row", "next")
    monkeypatch.setattr(benchmark, "ROWS", (row,))
    assert benchmark.measure("row", 8, 2, "float32").seconds == [2.5, 2.5]


def test_rows_have_distinct_names():
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_format_parts_shows_medians_and_rates():
    results = {
        MATRIX: _measurement(1.0, flops=1_000_000_000_000),
        CONVOLUTION: _measurement(1.0, flops=2_000_000_000_000),
        STEP: _measurement(0.4, 0.1, 0.2, images=8, flops=100_000_000_000),
        "other": _measurement(0.02),
    }
    lines = format_parts(results).splitlines()
    assert lines[-2] == f"| {STEP} | 200 ms | 40.0 | 500 | 25% | 3.0 GiB |"
    assert lines[-1] == "| other | 20 ms | 50.0 |  |  | 3.0 GiB |"


def test_ratios_use_only_the_timed_rows():
    results = {
        STEP: _measurement(0.2, images=8),
        LITERAL: _measurement(0.5, images=8),
        INTERLEAVED: _measurement(0.25, images=8),
        FCRN: _measurement(0.3),
        PYTORCH: _measurement(0.6),
    }
    found = ratios(results)
    assert found == [
        ("the step / literal form", 0.4, "<= 0.5"),
        ("the step / interleaved", 0.8, "<= 0.9"),
        ("FCRN's step / PyTorch", 0.5, "<= 1"),
    ]
    last = format_ratios(found).splitlines()[-1]
    assert last == "| FCRN's step / PyTorch | 0.50 | <= 1 |"
    assert ratios({}) == []


def _run(*arguments):
    command = [sys.executable, "-m", "experiments.benchmark", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _needs(row):
    """Skips a row whose optional modules are not installed."""
    for module in row.needs:
        pytest.importorskip(module)


@pytest.mark.slow
@pytest.mark.parametrize("row", [r for r in ROWS if r.make], ids=lambda row: row.name)
def test_every_part_runs_in_its_precision(row):
    _needs(row)
    keras.config.set_dtype_policy(row.precision or "mixed_bfloat16")
    row.make(1)()
    assert row.work(1) >= 1
    assert row.flops is None or row.flops() > 0


@pytest.mark.slow
def test_every_phase_of_the_first_predictions_is_timed():
    scripts = [row.script for row in ROWS if row.script and not row.needs]
    named = {arguments(1, 1, "float32")[0] for _, arguments in scripts}
    found = dict(phases())
    assert named - found.keys() == {"import", "predict", "predict-folder"}
    assert found.keys() <= named
    assert min(found.values()) > 0


@pytest.mark.slow
def test_benchmark_times_parts_and_whole_programs(tmp_path):
    path = tmp_path / "benchmark.json"
    for only in ("1 photograph", "context network, forward"):
        result = _run(
            f"--output={path}", "--repetitions=1", "--batch_size=1", f"--only={only}"
        )
        assert result.returncode == 0, result.stderr
        record = json.loads(path.read_text())
        assert set(record["rows"]) == {row.name for row in ROWS if only in row.name}
        for name, row in record["rows"].items():
            assert len(row["seconds"]) == 1
            assert row["seconds"][0] > 0
            assert row["peak_memory"] > 1e8
            assert f"| {name} |" in result.stdout
        assert record["commit"]
        assert record["versions"]["tensorflow"]


@pytest.mark.slow
def test_benchmark_accepts_another_precision():
    result = _run(
        "--precision=float32", "--repetitions=1", "--only=context network, forward"
    )
    assert result.returncode == 0, result.stderr
    assert "float32 unless stated" in result.stdout
    assert f"| {benchmark.CONTEXT_FORWARD} |" in result.stdout


def test_measure_uses_the_precision_of_the_row_or_the_run(monkeypatch):
    def run(_):
        seen.append(keras.config.dtype_policy().name)
        return lambda: None

    seen = []
    rows = (Row("free", run), Row("fixed", run, "float32"))
    monkeypatch.setattr(benchmark, "ROWS", rows)
    for name in ("free", "fixed"):
        benchmark.be_row(name, 2, 1, "mixed_bfloat16")
    assert seen == ["mixed_bfloat16", "float32"]


@pytest.fixture
def measure_script(monkeypatch, tmp_path):
    """Measures a row whose process runs a script in place of PyTorch's."""

    def measure(script, precision="float32"):
        path = tmp_path / "script.py"
        path.write_text(script)
        arguments = benchmark._pytorch_arguments
        row = Row("row", script=(path, arguments), flops=lambda: 7)
        monkeypatch.setattr(benchmark, "ROWS", (row,))
        return benchmark.measure("row", 3, 2, precision)

    return measure


def test_row_of_pytorch_is_measured_without_tensorflow(measure_script):
    script = (
        "import json, sys\n"
        "assert sys.argv[1:] == ['3', '240', '320', '2', '0'], sys.argv\n"
        "print('a line of its own')\n"
        "loaded = float('tensorflow' in sys.modules)\n"
        "print(json.dumps({'seconds': [1.0, loaded], 'peak_memory': 5}))"
    )
    assert measure_script(script) == Measurement([1.0, 0.0], 3, 5, 21)
    with pytest.raises(benchmark.RowError, match="exit code 1"):
        measure_script(script, precision="mixed_bfloat16")  # Its last argument is 1.


def test_file_of_pytorch_loads_without_tensorflow(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(
        "import sys\nsys.exit(repr({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, benchmark._find_row(PYTORCH).script[0]],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert result.stderr == "set()\n"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("print('no number')", "printed no measurement"),
        ("", "printed no measurement"),
        ("import os; os.kill(os.getpid(), 11)", "ended with SIGSEGV"),
        ("import os; os.kill(os.getpid(), 9)", "ended with SIGKILL"),
        ("raise MemoryError", "ended with exit code 1"),
    ],
)
def test_failure_of_a_row_says_how_its_process_ended(measure_script, script, reason):
    with pytest.raises(benchmark.RowError, match=reason):
        measure_script(script)


def test_row_that_hangs_fails(measure_script, monkeypatch):
    monkeypatch.setattr(benchmark, "_MAX_SECONDS", 0.2)
    with pytest.raises(benchmark.RowError, match="took more than 0 s"):
        measure_script("import time; time.sleep(60)")


def test_rows_that_fail_are_named_and_the_others_are_reported(monkeypatch, capsys):
    def measure(name, *_):
        if name == "bad":
            raise benchmark.RowError("its process ended with SIGSEGV")
        return _measurement(0.25)

    monkeypatch.setattr(benchmark, "measure", measure)
    seen = []
    results, failures = benchmark.measure_all(
        ["a", "bad", "b"],
        1,
        1,
        "float32",
        report=lambda results, failures: seen.append((list(results), list(failures))),
    )
    assert results == {"a": _measurement(0.25), "b": _measurement(0.25)}
    assert failures == {"bad": "its process ended with SIGSEGV"}
    assert seen == [(["a"], []), (["a"], ["bad"]), (["a", "b"], ["bad"])]
    assert capsys.readouterr().out.splitlines() == [
        "1/3 a: 250 ms",
        "2/3 bad: its process ended with SIGSEGV",
        "3/3 b: 250 ms",
    ]


@pytest.mark.slow
def test_benchmark_continues_after_a_crash_and_fails_at_the_end(tmp_path, monkeypatch):
    (tmp_path / "torch").mkdir()
    crash = "import os; os.kill(os.getpid(), 11)"
    (tmp_path / "torch" / "__init__.py").write_text(crash)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = tmp_path / "benchmark.json"
    size = "--repetitions=1", "--batch_size=1"
    result = _run("--only=FCRN with BerHu", f"--output={path}", *size)
    assert result.returncode == 1
    assert f"| {FCRN} |" in result.stdout
    failure = f"{PYTORCH}: its process ended with SIGSEGV"
    assert result.stderr.endswith(f"Error: parts not timed:\n  {failure}\n")
    record = json.loads(path.read_text())
    assert list(record["rows"]) == [FCRN]
    assert record["failed"] == {PYTORCH: "its process ended with SIGSEGV"}


@pytest.mark.slow
def test_benchmark_refuses_rows_that_do_not_exist():
    result = _run("--only=nothing")
    assert result.returncode != 0
    assert "--only='nothing' matches no row of: matrix product" in result.stderr
