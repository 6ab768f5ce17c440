"""Tests that the pages and stored tables agree with the stored results."""

import json
import pathlib
import re

import pytest

from dpde_tf.runs.trained_networks import (
    SHIPPED_CONTEXT_RUN,
    SHIPPED_DEPTH_RUN,
    weights_sha256,
)
from experiments import tables

ROOT = pathlib.Path(__file__).parents[2]
RESULTS = ROOT / "experiments" / "results"
# Epochs of the last training of the depth and of the context network. It continues from
# networks of half resolution (`nyu_first`), or from those (`nyu`, `nyu_longer`).
EPOCHS = {
    "make3d": (8, 8),
    "middlebury": (8, 8),
    "middlebury_first": (8, 8),
    "middlebury_half": (30, 30),
    "middlebury_paper": (30, 0),
    "nyu": (8, 8),
    "nyu_first": (8, 8),
    "nyu_guided": (0, 5),  # Depth that other runs predicted, refined.
    "nyu_half": (30, 30),
    "nyu_longer": (9, 6),
    "nyu_paper": (30, 0),
}
SHIPPED = SHIPPED_DEPTH_RUN.parent
# Runs whose compact weights are in the package.
PACKAGED = {
    "experiments/results/nyu/depth": SHIPPED_DEPTH_RUN,
    "experiments/results/nyu/gradient": SHIPPED_CONTEXT_RUN,
}
# Scores of depth alone.
WITHOUT_GRADIENTS = ("depth_paper", "fcrn", "lateral")
# Trained from the start, unlike the networks beside it.
PAPER_GRADIENTS = ("dpde_paper", "dpde_paper_calibrated")
_SUMMARIES = "*/scores/*/summary.json"


def _scored_runs():
    """All stored scores, labelled as `make tables` does."""
    folders = sorted(p.parent.relative_to(ROOT) for p in RESULTS.glob(_SUMMARIES))
    return tables.read_runs([f"{f.parts[-3]}/{f.name}={f}" for f in folders])


def test_results_are_small():
    assert sum(f.stat().st_size for f in RESULTS.rglob("*") if f.is_file()) <= 5.0e6


def test_results_name_no_folder_of_another_machine():
    records = list(RESULTS.rglob("*.json"))
    assert len(records) > 10
    for record in records:
        assert not re.search(r'"/', record.read_text(encoding="utf-8")), record


def test_predictions_of_packaged_networks_are_of_their_present_weights():
    checked = 0
    for path in RESULTS.rglob("predictions/*/run.json"):
        config = json.loads(path.read_text(encoding="utf-8"))["config"]
        for name, run in config.get("networks", {}).items():
            packaged = PACKAGED.get(run, ROOT / run)
            if SHIPPED in packaged.parents:
                recorded = config["weights_sha256"][name]
                assert recorded == weights_sha256(packaged), (path, name)
                checked += 1
    assert checked >= 20


def test_scores_name_the_training_of_their_networks(monkeypatch):
    monkeypatch.chdir(ROOT)
    runs = _scored_runs()
    assert len(runs) > 5
    for run in runs:
        if run.prediction.record.get("program") == "experiments.transfer_depth":
            assert run.depth.epochs == run.gradient.epochs == 0, run.label
            continue
        of_depth, of_gradients = EPOCHS[run.label.partition("/")[0]]
        assert run.depth.epochs == of_depth, run.label
        if run.name in WITHOUT_GRADIENTS:
            of_gradients = 0
        if run.name in PAPER_GRADIENTS:
            of_gradients = 30
        assert run.gradient.epochs == of_gradients, run.label


# Metric of each column of the documents; other columns hold no scores.
METRICS = {
    "RMS (m)": "rms",
    "RMS (log)": "rms_log",
    "Rel": "rel",
    "log10": "log10",
    "delta 1": "delta1",
    "delta 2": "delta2",
    "delta 3": "delta3",
    "SSIM": "ssim",
    "GSM": "gsm",
    "MGE (m)": "mge",
    "edge F1 (0.5 m)": "edge_f1_0.5",
    "boundary F1": "boundary_f1",
    "boundary accuracy (px)": "dbe_acc",
    "completeness (px)": "dbe_comp",
    "RMS within 2 px of edges (m)": "rms_edge_2",
    "RMS far from edges (m)": "rms_edge_far",
}


def _tables(text):
    """Each table of a document: its headings, and its rows of cells."""
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in table.splitlines()
        ]
        yield rows[0], rows[2:]


def _scored_rows(text):
    """(folder, key), protocol, and cells by heading, of rows that name a score."""
    for headings, rows in _tables(text):
        for cells in rows:
            named = re.search(r"`(\w+/scores/\w+)` `(\w+)`", "|".join(cells))
            if named:
                row = dict(zip(headings, cells, strict=True))
                yield named.groups(), row.get("protocol", "paper").strip("`"), row


@pytest.mark.parametrize(
    ("document", "least"),
    [
        ("README.md", 4),
        ("experiments/REPRODUCTION.md", 60),
        ("dpde_tf/runs/pretrained/README.md", 5),
    ],
)
def test_pages_agree_with_the_stored_results(document, least):
    rows = list(_scored_rows((ROOT / document).read_text(encoding="utf-8")))
    assert len(rows) >= least
    for (folder, key), protocol, row in rows:
        summary = json.loads((RESULTS / folder / "summary.json").read_text())
        part = summary["protocols"][protocol]
        scores = part["results"][key][part["mean"]]
        # SSIM and GSM by another range of depth are not shown.
        columns = [name for name in row if name in METRICS and row[name] != "-"]
        assert len(columns) >= 4, row
        for column in columns:
            digits = len(row[column].partition(".")[2])
            value = f"{scores[METRICS[column]]:.{digits}f}"
            assert digits >= 3 and row[column] == value, (folder, key, column)


def test_protocol_of_fcrn_agrees_with_that_of_the_paper():
    # Our records are of 240x320, and a smaller truth is compared at its own size.
    for path in RESULTS.glob("nyu*/scores/*/summary.json"):
        protocols = json.loads(path.read_text())["protocols"]
        if "fcrn" in protocols:
            for key, result in protocols["fcrn"]["results"].items():
                of_paper = protocols["paper"]["results"][key]["pooled"]
                for metric in ("rms", "rel", "log10", "delta1"):
                    difference = result["pooled"][metric] - of_paper[metric]
                    assert abs(difference) < 5e-5, (path, key, metric)


def test_stored_tables_agree_with_the_results(monkeypatch):
    monkeypatch.chdir(ROOT)
    made = tables.score_tables([2, 3, 4], _scored_runs())
    for name, (title, table) in made.items():
        written = (RESULTS / "tables" / f"{name}.md").read_text(encoding="utf-8")
        assert tables.to_markdown((tables.Heading(title), table)).strip() in written
