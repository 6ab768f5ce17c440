"""Tables of scores beside the paper's numbers and FCRN's."""

import dataclasses
from collections.abc import Mapping

from dpde_tf import paper_values
from dpde_tf.paper_values import PaperValue, PublishedValue
from dpde_tf.report.blocks import NOT_RUN, Cell, Table
from dpde_tf.report.comparison import (
    PAPER,
    is_paper_protocol,
    is_paper_split,
    references,
)

COLUMNS = {
    "rms": "RMS (m) ↓",
    "rms_log": "RMS (log) ↓",
    "log10": "log10 ↓",
    "rel": "Rel ↓",
    "delta1": "δ < 1.25 ↑",
    "delta2": "δ < 1.25² ↑",
    "delta3": "δ < 1.25³ ↑",
}
"""Measures and their titles, with the side that is better."""

_NOT_GIVEN = Cell("not given", "missing")
_NOT_RUN = Cell(NOT_RUN, "missing")
_NO_GAP = Cell("–", "missing")
_OWN = "this run"

Scores = Mapping[str, dict]
"""Name of a scores folder to the content of its `summary.json`."""


@dataclasses.dataclass(frozen=True)
class Method:
    """A row of the paper's tables that this project can fill.

    Attributes:
        row: Name in `paper_values`.
        title: Name in the report.
        folder: Scores folder that holds it.
        key: Predicted array that is it.
    """

    row: str
    title: str
    folder: str
    key: str


METHODS = (
    Method("fcrn", "FCRN", "fcrn", "depth"),
    Method("modified_fcrn", "Modified FCRN", "dpde", "depth"),
    Method("dpde", "DPDE", "dpde", "fused"),
)
_STEPS = (
    ("Lateral connections", METHODS[0], METHODS[1]),
    ("Gradient stream", METHODS[1], METHODS[2]),
)


def find_results(
    scores: Scores, folder: str, key: str, protocol: str
) -> dict[str, dict] | None:
    """Returns the results of one array under one protocol, or None if not run.

    Args:
        scores: The scores.
        folder: Name of the scores folder.
        key: Predicted array.
        protocol: Name of the protocol.

    Returns:
        `pooled` and `per_image_mean` measures, and counts.
    """
    summary = scores.get(folder, {"protocols": {}})
    return summary["protocols"].get(protocol, {"results": {}})["results"].get(key)


def score_table(scores: Scores, *, dataset: str, protocol: str) -> Table:
    """Returns pooled scores beside the published numbers, with the gaps.

    Args:
        scores: The scores.
        dataset: Such as `nyu_depth_v2`.
        protocol: Name of the protocol.

    Returns:
        A table; what is not run says so.

    Source: Xu & Liu (2021), Tables 1-4.
    """
    rows = []
    for method in METHODS:
        lines = []
        summary = scores.get(method.folder)
        published = references(summary, dataset, protocol=protocol, row=method.row)
        for source, values in published.items():
            cells = {name: _published_cell(value) for name, value in values.items()}
            lines.append((source, cells, _NOT_GIVEN))
        own = find_results(scores, method.folder, method.key, protocol)
        lines.append((_OWN, _own_cells(own, "pooled"), _NOT_RUN))
        source = next((source for source, values in published.items() if values), None)
        if own and source:
            base = {name: value.value for name, value in published[source].items()}
            gap = _change_cells(own["pooled"], base)
            lines.append((f"gap to {source}", gap, _NO_GAP))
        rows += _group(method.title, lines)
    for folder, key in _other_arrays(scores, protocol):
        cells = _own_cells(find_results(scores, folder, key, protocol), "pooled")
        rows += _group(f"`{folder}/{key}`", [(_OWN, cells, _NOT_RUN)])
    return Table(
        ("Method", "Source", *COLUMNS.values()),
        tuple(rows),
        note="A number with * is not printed in the paper's text, but implied by it. A "
        "gap is this run minus the other number; arrows show which side is better.",
    )


def mean_table(scores: Scores, *, protocol: str) -> Table:
    """Returns the means over images of the images' own scores.

    Args:
        scores: The scores.
        protocol: Name of the protocol.

    Returns:
        A table; what is not run says so.
    """
    arrays = {method.title: (method.folder, method.key) for method in METHODS}
    arrays |= {f"`{f}/{key}`": (f, key) for f, key in _other_arrays(scores, protocol)}
    rows = []
    for title, (folder, key) in arrays.items():
        results = find_results(scores, folder, key, protocol)
        cells = _own_cells(results, "per_image_mean")
        rows += _group(title, [(_OWN, cells, _NOT_RUN)])
    return Table(("Method", "Source", *COLUMNS.values()), tuple(rows))


def gain_table(scores: Scores, *, dataset: str, protocol: str) -> Table:
    """Returns what each part of the method adds, here and in the paper.

    Args:
        scores: The scores.
        dataset: Such as `nyu_depth_v2`.
        protocol: Name of the protocol.

    Returns:
        Differences of the pooled scores; an error that falls is a gain.

    Source: Xu & Liu (2021), Table 4.
    """
    rows = []
    for title, before, after in _STEPS:
        steps = (before, after)
        own = [find_results(scores, m.folder, m.key, protocol) for m in steps]
        changes = _change_cells(own[1]["pooled"], own[0]["pooled"]) if all(own) else {}
        lines = []
        same = all(is_paper_split(scores.get(m.folder), dataset) for m in steps)
        if same and is_paper_protocol(protocol, dataset):
            paper = paper_values.changes(dataset, before.row, after.row)
            cells = {name: Cell(_signed(change, 3)) for name, change in paper.items()}
            lines.append((PAPER, cells, _NOT_GIVEN))
        lines.append((_OWN, changes, _NOT_RUN))
        rows += _group(title, lines)
    return Table(("Part", "Source", *COLUMNS.values()), tuple(rows))


def footnotes(scores: Scores, *, dataset: str, protocol: str) -> tuple[str, ...]:
    """Returns how the published numbers that `score_table` shows were measured.

    Args:
        scores: The scores.
        dataset: Such as `nyu_depth_v2`.
        protocol: Name of the protocol.

    Returns:
        Sentences, one for each source but the paper.
    """
    published = [
        references(scores.get(m.folder), dataset, protocol=protocol, row=m.row)
        for m in METHODS
    ]
    return tuple(
        f"{source}: {next(iter(values.values())).protocol}."
        for sources in published
        for source, values in sources.items()
        if source != PAPER
    )


def _other_arrays(scores: Scores, protocol: str) -> list[tuple[str, str]]:
    """Scored arrays that are no row of the paper's tables."""
    known = {(method.folder, method.key) for method in METHODS}
    return [
        (folder, key)
        for folder, summary in scores.items()
        for key in summary["protocols"].get(protocol, {"results": {}})["results"]
        if (folder, key) not in known
    ]


def _group(
    title: str, lines: list[tuple[str, Mapping[str, Cell], Cell]]
) -> list[tuple[Cell, ...]]:
    """Rows of (source, cells, what stands for a missing one) under one title."""
    return [
        (
            Cell("" if index else title),
            Cell(source),
            *(cells.get(name, missing) for name in COLUMNS),
        )
        for index, (source, cells, missing) in enumerate(lines)
    ]


def _published_cell(value: PaperValue | PublishedValue) -> Cell:
    """A number with as many digits as were published, and a mark if implied."""
    digits = 2 if value.value >= 2 else 3
    return Cell(f"{value.value:.{digits}f}" + "*" * (value.status == "implied"))


def _own_cells(results: dict | None, mean: str) -> dict[str, Cell]:
    """Our own numbers, none if not run."""
    if results is None:
        return {}
    return {name: Cell(f"{results[mean][name]:.4f}", "strong") for name in COLUMNS}


def _change_cells(
    ours: Mapping[str, float], base: Mapping[str, float]
) -> dict[str, Cell]:
    """Differences and their percentages; errors get better downwards."""
    cells = {}
    for name in COLUMNS:
        if name in base:
            change = ours[name] - base[name]
            better = change > 0 if name.startswith("delta") else change < 0
            tone = "better" if better else "worse" if change else ""
            share = f"\n{_signed(100 * change / base[name], 1)} %" if base[name] else ""
            cells[name] = Cell(_signed(change, 4) + share, tone)
    return cells


def _signed(value: float, digits: int) -> str:
    """A number with its sign, and a minus that is as wide as the plus."""
    return f"{value:+.{digits}f}".replace("-", "−")
