"""Cells and lines for tables of scores: published numbers, our own, and gaps."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dpde_tf.reporting.blocks import NOT_RUN, Cell
from dpde_tf.reporting.paper_values import PaperValue
from dpde_tf.reporting.published_values import PublishedValue

TITLES = {
    "rms": "RMS (m) ↓",
    "rms_log": "RMS (log) ↓",
    "log10": "log10 ↓",
    "rel": "Rel ↓",
    "delta1": "δ < 1.25 ↑",
    "delta2": "δ < 1.25² ↑",
    "delta3": "δ < 1.25³ ↑",
    "ssim": "SSIM ↑",
    "gsm": "GSM ↑",
    "mge": "MGE (m) ↓",
    "edge_f1_0.5": "edge F1 ↑",
}
"""Titles of the measures; an arrow shows which direction is better."""

NOT_FOUND = "not found"
LEGEND = (
    "Implied: the paper does not print the number, but it follows from the text. Not "
    "found: neither the paper's text nor any source that was read gives the number. A "
    "gap is our number minus the other; arrows show which direction is better."
)

_HIGHER_IS_BETTER = ("delta1", "delta2", "delta3", "ssim", "gsm", "edge_f1_0.5")


class Line(NamedTuple):
    """One line in a table of scores.

    Attributes:
        source: Origin of the numbers.
        cells: Cells by measure.
        missing: Text for measures without a number.
        details: Description of how they were obtained.
    """

    source: str
    cells: Mapping[str, Cell]
    missing: str = NOT_RUN
    details: str = ""


def line_rows(
    title: str, lines: Iterable[Line], measures: Iterable[str], *, details: bool = False
) -> list[tuple[Cell, ...]]:
    """Returns the lines of one method as rows of a table.

    Args:
        title: Name of the method.
        lines: Lines of the method.
        measures: Measures to show as columns.
        details: Whether to add the details as the last column.

    Returns:
        One row per line, with the title in the first.
    """
    measures = tuple(measures)
    return [
        (
            Cell("" if index else title),
            Cell(line.source),
            *(line.cells.get(m, Cell(line.missing, "missing")) for m in measures),
            *([Cell(line.details)] if details else []),
        )
        for index, line in enumerate(lines)
    ]


def published_cells(
    values: Mapping[str, PaperValue | PublishedValue],
) -> dict[str, Cell]:
    """Returns cells of published numbers, with the implied ones marked.

    Args:
        values: Published values by measure.

    Returns:
        Cells by measure; values of 2 and more have two decimals, others three.
    """
    cells = {}
    for name, value in values.items():
        digits = 2 if value.value >= 2 else 3
        mark = "\nimplied" if value.status == "implied" else ""
        cells[name] = Cell(f"{value.value:.{digits}f}{mark}")
    return cells


def measured(results: Mapping[str, dict], mean: str = "pooled") -> dict[str, float]:
    """Returns the measures of a run that the tables show.

    Args:
        results: Results of one array under one protocol, from `summary.json`.
        mean: `pooled` or `per_image_mean`.

    Returns:
        Numbers by measure, where they are defined.
    """
    values = results.get(mean, {})
    return {
        name: value
        for name in TITLES
        if (value := values.get(name)) is not None and math.isfinite(value)
    }


def own_cells(
    numbers: Mapping[str, float], intervals: Mapping[str, Sequence[float]] | None = None
) -> dict[str, Cell]:
    """Returns cells of our own numbers.

    Args:
        numbers: Numbers by measure.
        intervals: Ends of the 95 % intervals by measure, as far as known.

    Returns:
        Cells by measure.
    """
    cells = {}
    for name, value in numbers.items():
        low, high = (intervals or {}).get(name) or (None, None)
        interval = "" if low is None else f"\n[{low:.4f}, {high:.4f}]"
        cells[name] = Cell(f"{value:.4f}{interval}", "strong")
    return cells


def change_cells(
    ours: Mapping[str, float], base: Mapping[str, float]
) -> dict[str, Cell]:
    """Returns cells of differences with their percentages.

    Args:
        ours: Our numbers by measure.
        base: Numbers to subtract by measure.

    Returns:
        Cells by measure, for the measures that both have.
    """
    cells = {}
    for name in ours.keys() & base.keys():
        change = ours[name] - base[name]
        better = change > 0 if name in _HIGHER_IS_BETTER else change < 0
        tone = "better" if better else "worse" if change else ""
        share = f"\n{signed(100 * change / base[name], 1)} %" if base[name] else ""
        cells[name] = Cell(signed(change, 4) + share, tone)
    return cells


def paired_cells(comparison: Mapping[str, Mapping]) -> dict[str, Cell]:
    """Returns cells of differences between two predictions of the same images.

    Args:
        comparison: `difference` and `interval` by measure, see `bootstrap.difference`.

    Returns:
        Cells by measure; coloured where the interval excludes 0.
    """
    cells = {}
    for name in TITLES:
        found = comparison.get(name, {})
        if found.get("difference") is None:
            continue
        low, high = found["interval"] or (-math.inf, math.inf)
        gain = (low, high) if name in _HIGHER_IS_BETTER else (-high, -low)
        tone = "better" if gain[0] > 0 else "worse" if gain[1] < 0 else ""
        text = signed(found["difference"], 5)
        if found["interval"]:
            text += f"\n[{signed(low, 5)}, {signed(high, 5)}]"
        cells[name] = Cell(text, tone)
    return cells


def signed(value: float, digits: int) -> str:
    """Returns a number with its sign, with a minus as wide as the plus."""
    return f"{value:+.{digits}f}".replace("-", "−")
