"""Hostile input, by entry point: the cases of the fast tests, for the table."""

import pytest
from hostile.__main__ import table
from hostile.all_cases import cases

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore:Reading .* required additional header")
def test_hostile_input(tmp_path, monkeypatch, outcome):
    # Where an attack would make its folder.
    monkeypatch.chdir(tmp_path)
    rows, failures = table(cases())
    for entry, tries, right, refused, _ in rows:
        result = f"{refused} refused in one line, {right} read right"
        outcome(f"hostile input: {entry}", tries, result)
    assert not failures
    assert not list(tmp_path.iterdir())
