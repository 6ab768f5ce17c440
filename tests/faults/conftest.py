"""The table that `make faults` prints, and what its tests work on."""

import pytest

from tests.faults import commands
from tests.faults.victims import Victim

_ROWS = []


@pytest.fixture
def outcome():
    """Adds a line to the table: case, number of trials, outcome."""
    return lambda case, tries, result: _ROWS.append((case, str(tries), result))


def pytest_terminal_summary(terminalreporter):
    if not _ROWS:
        return
    rows = [("case", "tries", "outcome"), ("----", "----:", "----"), *_ROWS]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    terminalreporter.section("faults")
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line(f"| {' | '.join(cells)} |")


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """Raw data, and the output of all programs that ran without a fault."""
    work = tmp_path_factory.mktemp("work")
    raw, records = commands.write_raw(work / "raw", 24), work / "records"
    runs = work / "runs"
    commands.conversion(raw, records).run()
    commands.training(records, runs / "gradient").run()
    predictions = runs / "predictions" / "dpde"
    commands.prediction(records, runs / "gradient", predictions).run()
    evaluation = {"records": records, "split": "train", "predictions": predictions}
    Victim("experiments.evaluate", evaluation).run()
    commands.report(records, runs, work / "report").run()
    return work
