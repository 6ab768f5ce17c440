"""Tests of the table of experiments.benchmark_distribution, without its trainings."""

import pytest
from absl import app

from experiments import benchmark_distribution
from tests.fixtures.program_flags import flags_of
from tests.fixtures.record_sets import write_small_record_set


@pytest.fixture
def run(tmp_path, rng, monkeypatch):
    """Runs the program on 12 records; a process takes 0.5 s a step, two take 0.8 s."""
    monkeypatch.setattr(benchmark_distribution, "_measure", {1: 0.5, 2: 0.8}.get)
    records = write_small_record_set(tmp_path / "records", rng)
    with flags_of(benchmark_distribution) as run_main:
        yield lambda **values: run_main(records=records, **values)


def test_efficiency_is_the_rate_of_a_process_beside_others(run, capsys):
    run(batch_size=2, steps=1)
    rows = capsys.readouterr().out.splitlines()[-2:]
    # By hand: 2 / 0.5 = 4 images/s; 4 / 0.8 = 5 images/s, of 2 x 4.
    assert rows == [
        "| 1 | 2 | 0.500 | 4.00 | 100% |",
        "| 2 | 4 | 0.800 | 5.00 | 62% |",
    ]


def test_efficiency_without_a_single_process_is_unknown(run, capsys):
    run(batch_size=2, steps=1, processes=2)
    assert capsys.readouterr().out.endswith("| 2 | 4 | 0.800 | 5.00 | unknown |\n")


def test_more_steps_than_an_epoch_has_are_refused(run):
    # 12 records are 3 batches of 4 for two processes: 2 untimed steps and one more.
    run(batch_size=2, steps=1)
    with pytest.raises(app.UsageError, match=r"^4 steps of 4 images, 2 .* 12 records"):
        run(batch_size=2, steps=2)
