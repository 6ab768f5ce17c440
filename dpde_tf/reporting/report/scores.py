"""Tables of scores beside published numbers of the paper and of FCRN."""

import dataclasses
from collections.abc import Mapping

from dpde_tf.reporting import paper_values
from dpde_tf.reporting.blocks import Cell, Table
from dpde_tf.reporting.comparability import (
    PAPER,
    is_paper_protocol,
    is_paper_split,
    references,
)
from dpde_tf.reporting.score_cells import (
    LEGEND,
    NOT_FOUND,
    TITLES,
    Line,
    change_cells,
    line_rows,
    measured,
    own_cells,
    published_cells,
    signed,
)

COLUMNS = {name: TITLES[name] for name in list(TITLES)[:7]}
"""Titles of the measures that every data set has."""

_OWN = "this run"

Scores = Mapping[str, dict]
"""Content of `summary.json` by the name of its folder."""


@dataclasses.dataclass(frozen=True)
class Method:
    """A row in the paper's tables that this project reproduces.

    Attributes:
        row: Name in `paper_values`.
        title: Name in the report.
        folder: Folder with its scores.
        key: Predicted array.
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
    """Returns the results of an array under a protocol, or None if not run.

    Args:
        scores: Scores by folder.
        folder: Name of the scores folder.
        key: Predicted array.
        protocol: Name of the protocol.

    Returns:
        Measures under `pooled` and `per_image_mean`, and counts.
    """
    summary = scores.get(folder, {"protocols": {}})
    return summary["protocols"].get(protocol, {"results": {}})["results"].get(key)


def score_table(
    scores: Scores, *, dataset: str, protocol: str, gradients: str | None = None
) -> Table:
    """Returns a table of pooled scores, published numbers and the gaps.

    Args:
        scores: Scores by folder.
        dataset: Name of the data set, such as `nyu_depth_v2`.
        protocol: Name of the protocol.
        gradients: Which network of ours gave the gradients of DPDE, if one did, see
            `gradient_source`.

    Returns:
        Table in which missing scores are marked as not run.

    Source: Xu & Liu (2021), Tables 1-4.
    """
    rows = []
    for method in METHODS:
        lines = []
        summary = scores.get(method.folder)
        published = references(summary, dataset, protocol=protocol, row=method.row)
        for source, values in published.items():
            lines.append(Line(source, published_cells(values), NOT_FOUND))
        own = measured(find_results(scores, method.folder, method.key, protocol) or {})
        lines.append(Line(_OWN, own_cells(own)))
        source = next((source for source, values in published.items() if values), None)
        if own and source:
            base = {name: value.value for name, value in published[source].items()}
            gap = change_cells(own, base)
            lines.append(Line(f"gap to {source}", gap, NOT_FOUND))
        rows += line_rows(_title(method, gradients), lines, COLUMNS)
    for folder, key in _other_arrays(scores, protocol):
        own = measured(find_results(scores, folder, key, protocol))
        rows += line_rows(f"`{folder}/{key}`", [Line(_OWN, own_cells(own))], COLUMNS)
    return Table(("Method", "Source", *COLUMNS.values()), tuple(rows), note=LEGEND)


def mean_table(scores: Scores, *, protocol: str, gradients: str | None = None) -> Table:
    """Returns a table of the scores averaged over images.

    Args:
        scores: Scores by folder.
        protocol: Name of the protocol.
        gradients: As for `score_table`.

    Returns:
        Table in which missing scores are marked as not run.
    """
    arrays = {_title(m, gradients): (m.folder, m.key) for m in METHODS}
    arrays |= {f"`{f}/{key}`": (f, key) for f, key in _other_arrays(scores, protocol)}
    rows = []
    for title, (folder, key) in arrays.items():
        results = find_results(scores, folder, key, protocol) or {}
        cells = own_cells(measured(results, "per_image_mean"))
        rows += line_rows(title, [Line(_OWN, cells)], COLUMNS)
    return Table(("Method", "Source", *COLUMNS.values()), tuple(rows))


def gain_table(scores: Scores, *, dataset: str, protocol: str) -> Table:
    """Returns a table of the contributions of each part of the method.

    Args:
        scores: Scores by folder.
        dataset: Name of the data set, such as `nyu_depth_v2`.
        protocol: Name of the protocol.

    Returns:
        Differences of the pooled scores, here and in the paper.

    Source: Xu & Liu (2021), Table 4.
    """
    rows = []
    for title, before, after in _STEPS:
        steps = (before, after)
        own = [
            measured(find_results(scores, m.folder, m.key, protocol) or {})
            for m in steps
        ]
        lines = []
        same = all(is_paper_split(scores.get(m.folder), dataset) for m in steps)
        if same and is_paper_protocol(protocol, dataset):
            paper = paper_values.changes(dataset, before.row, after.row)
            cells = {name: Cell(signed(change, 3)) for name, change in paper.items()}
            lines.append(Line(PAPER, cells, NOT_FOUND))
        lines.append(Line(_OWN, change_cells(own[1], own[0])))
        rows += line_rows(title, lines, COLUMNS)
    return Table(("Part", "Source", *COLUMNS.values()), tuple(rows))


def footnotes(scores: Scores, *, dataset: str, protocol: str) -> tuple[str, ...]:
    """Returns notes on how the published numbers in `score_table` were measured.

    Args:
        scores: Scores by folder.
        dataset: Name of the data set, such as `nyu_depth_v2`.
        protocol: Name of the protocol.

    Returns:
        One sentence for each source except the paper.
    """
    published = [
        references(scores.get(m.folder), dataset, protocol=protocol, row=m.row)
        for m in METHODS
    ]
    return tuple(
        f"{source}: {next(iter(values.values())).details}"
        for sources in published
        for source, values in sources.items()
        if source != PAPER
    )


def _title(method: Method, gradients: str | None) -> str:
    """Title of a method; DPDE with other gradients is not the paper's."""
    if method.row != "dpde" or gradients is None:
        return method.title
    return f"{method.title} with the {gradients} network (ours)"


def _other_arrays(scores: Scores, protocol: str) -> list[tuple[str, str]]:
    """Scored arrays that are not a row in the paper's tables."""
    known = {(method.folder, method.key) for method in METHODS}
    return [
        (folder, key)
        for folder, summary in scores.items()
        for key in summary["protocols"].get(protocol, {"results": {}})["results"]
        if (folder, key) not in known
    ]
