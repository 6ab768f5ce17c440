"""Tests of the benchmark program."""

import json
import subprocess
import sys

import pytest

from experiments.benchmark import format_table, seconds_of


def test_seconds_of_does_not_count_the_first_run():
    runs = []
    seconds = seconds_of(lambda: runs.append(None), 3)
    assert len(runs) == 4
    assert len(seconds) == 3
    assert min(seconds) >= 0


def test_format_table_shows_median_and_minimum():
    table = format_table({"part": [0.004, 0.001, 0.002]})
    assert table.splitlines()[-1] == "| part | 2 ms | 1 ms |"


@pytest.mark.slow
def test_benchmark_times_every_part(tmp_path):
    path = tmp_path / "benchmark.json"
    command = [sys.executable, "-m", "experiments.benchmark", f"--output={path}"]
    command += ["--repetitions=1", "--batch_size=1"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    record = json.loads(path.read_text())
    assert len(record["seconds"]) == 10
    assert all(len(s) == 1 and s[0] > 0 for s in record["seconds"].values())
    assert all(f"| {name} |" in result.stdout for name in record["seconds"])
    assert record["commit"]
    assert record["versions"]["tensorflow"]
