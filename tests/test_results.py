"""Tests that README and stored tables agree with the stored results."""

import json
import pathlib
import re

from experiments import tables

ROOT = pathlib.Path(__file__).parent.parent
RESULTS = ROOT / "experiments" / "results"
# Of the gradient or context network of each folder; scores of depth alone have none.
GRADIENT_EPOCHS = {
    "make3d": 12,
    "middlebury": 12,
    "middlebury_half": 30,
    "nyu": 12,
    "nyu_half": 30,
}
WITHOUT_GRADIENTS = ("depth_paper", "fcrn", "lateral")
_SUMMARIES = "*/scores/*/summary.json"


def _scored_runs():
    """All stored scores, labelled as `make tables` does."""
    folders = sorted(p.parent.relative_to(ROOT) for p in RESULTS.glob(_SUMMARIES))
    return tables.read_runs([f"{f.parts[-3]}/{f.name}={f}" for f in folders])


def test_results_are_small():
    assert sum(f.stat().st_size for f in RESULTS.rglob("*") if f.is_file()) <= 5e6


def test_results_name_no_folder_of_another_machine():
    records = list(RESULTS.rglob("*.json"))
    assert len(records) > 10
    for record in records:
        assert not re.search(r'"/', record.read_text(encoding="utf-8")), record


def test_scores_know_the_training_that_they_are_of(monkeypatch):
    monkeypatch.chdir(ROOT)
    runs = _scored_runs()
    assert len(runs) > 5
    for run in runs:
        assert run.depth.epochs == 30, run.label
        epochs = GRADIENT_EPOCHS[run.label.partition("/")[0]]
        if run.name in WITHOUT_GRADIENTS:
            epochs = 0
        assert run.gradient.epochs == epochs, run.label


def _readme_rows(text):
    """Label and numbers of the rows of the table below the mark."""
    table = text.split("<!-- nyu, protocol paper -->")[1].strip().split("\n\n")[0]
    for line in table.splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if folder := re.search(r"`(\w+/scores/\w+)` `(\w+)`", cells[0]):
            yield folder.groups(), cells[2:]


def test_readme_has_the_numbers_of_the_results():
    rows = list(_readme_rows((ROOT / "README.md").read_text(encoding="utf-8")))
    assert len(rows) >= 10
    for (folder, key), cells in rows:
        summary = json.loads((RESULTS / folder / "summary.json").read_text())
        scores = summary["protocols"]["paper"]["results"][key]
        names = ("rms", "rms_log", "rel", "log10", "delta1", "delta2", "delta3")
        for name, cell in zip(names, cells, strict=True):
            value = scores["pooled"][name]
            digits = len(cell.partition(".")[2])
            assert digits >= 3 and cell == f"{value:.{digits}f}", (folder, key, name)


def test_stored_tables_are_those_of_the_results(monkeypatch):
    monkeypatch.chdir(ROOT)
    made = tables.score_tables([2, 3, 4], _scored_runs())
    for name, (title, table) in made.items():
        written = (RESULTS / "tables" / f"{name}.md").read_text(encoding="utf-8")
        assert tables.to_markdown((tables.Heading(title), table)).strip() in written
