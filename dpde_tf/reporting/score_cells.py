"""Cells and lines of tables of scores: published numbers, our own, and gaps."""

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
"""Measures of the tables and their titles, with the side that is better."""

NOT_FOUND = "not found"
LEGEND = (
    "Implied: the paper's text does not print the number, but it follows from it. Not "
    "found: not in the paper's text, or in no source that was read. A gap is ours "
    "minus the other number; arrows show which side is better."
)

_HIGHER_IS_BETTER = ("delta1", "delta2", "delta3", "ssim", "gsm", "edge_f1_0.5")


class Line(NamedTuple):
    """A line of a table of scores.

    Attributes:
        source: Whose numbers they are.
        cells: Measure to number.
        missing: What stands for the measures without a number.
        details: How they came about.
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
        title: The method.
        lines: Its lines.
        measures: The columns.
        details: Whether the details are the last column.

    Returns:
        A row a line, the title in the first.
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
    """Returns published numbers, the implied ones marked.

    Args:
        values: Measure to value.

    Returns:
        Measure to cell; metres of 2 and more with two decimals, others with three.
    """
    cells = {}
    for name, value in values.items():
        digits = 2 if value.value >= 2 else 3
        mark = "\nimplied" if value.status == "implied" else ""
        cells[name] = Cell(f"{value.value:.{digits}f}{mark}")
    return cells


def measured(results: Mapping[str, dict], mean: str = "pooled") -> dict[str, float]:
    """Returns the measures of the tables that a run has.

    Args:
        results: Of one array under one protocol, from `summary.json`.
        mean: `pooled` or `per_image_mean`; measures that are only of whole images
            are taken from the latter.

    Returns:
        Measure to number, where it is defined.
    """
    whole = results.get("per_image_mean", {})
    numbers = {
        name: results.get(mean, {}).get(name, whole.get(name)) for name in TITLES
    }
    return {
        name: number
        for name, number in numbers.items()
        if number is not None and math.isfinite(number)
    }


def own_cells(
    numbers: Mapping[str, float], intervals: Mapping[str, Sequence[float]] | None = None
) -> dict[str, Cell]:
    """Returns our own numbers.

    Args:
        numbers: Measure to number.
        intervals: Measure to the two ends of its 95 % interval, as far as known.

    Returns:
        Measure to cell.
    """
    cells = {}
    for name, value in numbers.items():
        low, high = (intervals or {}).get(name, (None, None))
        interval = "" if low is None else f"\n[{low:.4f}, {high:.4f}]"
        cells[name] = Cell(f"{value:.4f}{interval}", "strong")
    return cells


def change_cells(
    ours: Mapping[str, float], base: Mapping[str, float]
) -> dict[str, Cell]:
    """Returns differences with their percentages.

    Args:
        ours: Measure to number.
        base: Measure to the number that is subtracted.

    Returns:
        Measure to cell, of those that both have.
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
    """Returns differences between two predictions of the same images.

    Args:
        comparison: Measure to `difference` and `interval`, as `bootstrap.difference`
            gives them.

    Returns:
        Measure to cell; coloured where the interval leaves 0 out.
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
    """Returns a number with its sign, and a minus that is as wide as the plus."""
    return f"{value:+.{digits}f}".replace("-", "−")
