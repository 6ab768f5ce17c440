"""Tables 1 to 4: numbers of the paper, of other publications and of our runs."""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dpde_tf.reporting.blocks import NOT_RUN, Cell, Table
from dpde_tf.reporting.comparability import (
    PAPER,
    is_paper_protocol,
    is_paper_split,
    paper_protocols,
)
from dpde_tf.reporting.paper_values import (
    DATASET_TABLES,
    SPLIT_SIZES,
    TABLE_TITLES,
    row_values,
)
from dpde_tf.reporting.published_searches import PLACES, search_text
from dpde_tf.reporting.published_values import (
    METHODS,
    compared_methods,
    published_values,
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
)
from dpde_tf.reporting.tables.protocols import paired_lines, protocol_table
from dpde_tf.reporting.tables.scored_runs import ScoredRun, runs_table

MEASURES = {
    1: ("rel", "rms", "log10"),
    2: ("rms", "log10", "rel", "delta1", "delta2", "delta3"),
    3: ("rms", "log10", "rel", "ssim", "gsm", "mge"),
    4: (
        *("rms", "log10", "rel", "delta1", "delta2", "delta3"),
        *("mge", "edge_f1_0.5"),
    ),
}
"""Columns of each table."""

DATASETS = {table: dataset for dataset, table in DATASET_TABLES.items()} | {
    4: "nyu_depth_v2"
}
"""Data set of each table."""

Tables = dict[str, tuple[str, Table]]
"""Titles and tables by file name."""

_OTHER_PROTOCOLS = {3: ("calibrated",)}
"""Protocols shown in addition to those that the paper may have used."""

_OWN_ROWS = {
    "fcrn": "FCRN [23]",
    "modified_fcrn": "DPDE without gradient stream (modified FCRN)",
    "dpde": "DPDE",
    "context": "DPDE with the context network (ours)",
    "guided": "DPDE with the guided network (ours)",
}
_ABLATION_ROWS = {
    "fcrn": "FCRN",
    "lateral": "+ lateral links",
    "modified_fcrn": "+ FSIM loss (modified FCRN)",
    "dpde": "+ gradient stream (DPDE)",
    "zero_gradients": "fusion with zero gradients (TV-L1 smoothing)",
    "image_gradients": "fusion with the gradients of the image",
    "true_gradients": "fusion with the true gradients (upper bound)",
    "context_depth": "context network alone (ours)",
    "context_gradients": "fusion with the gradients of the context network (ours)",
    "context": "fusion of the mean depth of both networks with its gradients (ours)",
    "guided": "fusion of the mean depth with gradients of the guided network (ours)",
}
_COMPETITORS = {method.name for method in METHODS}
_SEARCHED = f"Published numbers were searched for in {PLACES}."
_INTERVALS = "Brackets hold 95 % intervals, where computed."
_NOTES = {
    1: "The text gives only the improvement by the gradient stream: log10 by 0.005 and "
    "Rel by 0.002. It does not say whether depths beyond 70 m count.",
    2: "The text lists 14 gaps in RMS for 15 methods; those that match no published "
    "number (competitors at 1.120, 0.600, 0.569, 1.040 and 0.863) cannot be assigned. "
    "No sentence names [40]; it is listed here because its reference number is between "
    "those of Tables 2 and 3.",
    3: "The text gives five numbers for six measures, and none for MGE, which it does "
    "not define. All networks are trained on NYU Depth v2. No sentence names [44]; it "
    "is listed here because its reference number follows [43].",
    4: "The paper has three rows: FCRN, the modified FCRN and DPDE. Gradients of the "
    "image are those of its luminance, converted to metres by the ratio of the total "
    "variations of predicted depth and luminance, with the sign that agrees with the "
    "predicted depth. MGE is the mean absolute error of the depth gradients. Edge F1 "
    "compares pixels whose Sobel gradient exceeds 0.5 (Hu et al.). Both measure "
    "details.",
}


def score_tables(numbers: Iterable[int], runs: Sequence[ScoredRun]) -> Tables:
    """Returns tables of scores, of protocols and of the commands of the runs.

    Args:
        numbers: Numbers of the tables, 1 to 4.
        runs: Scored runs on any data set.

    Returns:
        `table<number>`, and with runs also `protocols` and `runs`.
    """
    tables = {}
    for number in numbers:
        made = ablation_table(runs) if number == 4 else comparison_table(number, runs)
        tables[f"table{number}"] = (f"Table {number}: {TABLE_TITLES[number]}", made)
    if tables and runs:
        tables["protocols"] = ("Our runs under every protocol", protocol_table(runs))
        tables["runs"] = ("Our runs", runs_table(runs))
    return tables


def comparison_table(number: int, runs: Sequence[ScoredRun]) -> Table:
    """Returns Table 1, 2 or 3.

    Args:
        number: Number of the table.
        runs: Scored runs on any data set.

    Returns:
        The competitors, with our implementations of some, then FCRN and DPDE with our
        runs.

    Source: Xu & Liu (2021), Tables 1-3.
    """
    groups = {}
    for method in compared_methods(number, DATASETS[number]):
        if method.name not in _OWN_ROWS:
            groups[f"{method.title} [{method.reference}]"] = [
                *_paper_lines(number, method.name),
                *_published_lines(number, method.name),
                *_run_lines(number, method.name, runs),
            ]
    if cited := list(_run_lines(number, "konrad_2012", runs)):
        groups["Konrad et al. (2012) [10], which the paper does not score"] = cited
    for row, title in _OWN_ROWS.items():
        published = _published_lines(number, row)
        groups[title] = _own_lines(number, row, runs, published)
    return _table(number, groups)


def ablation_table(runs: Sequence[ScoredRun]) -> Table:
    """Returns Table 4 with additional rows.

    Args:
        runs: Scored runs on any data set.

    Returns:
        The parts of the method, and the fusion with other gradients.

    Source: Xu & Liu (2021), Table 4.
    """
    groups = {title: _own_lines(4, row, runs) for row, title in _ABLATION_ROWS.items()}
    return _table(4, groups)


def _table(number: int, groups: Mapping[str, Sequence[Line]]) -> Table:
    """Makes the table from the lines of each method."""
    measures = MEASURES[number]
    rows = []
    for title, lines in groups.items():
        rows += line_rows(title, lines, measures, details=True)
    header = ("Method", "Source", *(TITLES[name] for name in measures), "Details")
    ours = " and ".join(f"`{name}`" for name in _protocols(number))
    note = f"{LEGEND} {_INTERVALS} Our scores use the protocol {ours}. {_NOTES[number]}"
    if number in DATASET_TABLES.values():
        note += f" {_SEARCHED}"
    return Table(header, tuple(rows), note=note)


def _paper_lines(number: int, row: str) -> Iterator[Line]:
    """Yields the line of the paper if its text gives a number."""
    if values := row_values(number, row):
        sources = "; ".join(dict.fromkeys(value.source for value in values.values()))
        yield Line(PAPER, published_cells(values), NOT_FOUND, sources)


def _published_lines(number: int, method: str) -> Iterator[Line]:
    """Yields one line for each source with numbers of a method."""
    dataset = DATASETS[number]
    published = published_values(dataset, method)
    for source, values in published.items():
        details = next(iter(values.values())).details
        yield Line(source, published_cells(values), NOT_FOUND, details)
    if not published and method in _COMPETITORS:
        yield Line("their publication", {}, NOT_FOUND, search_text(dataset, method))


def _own_lines(
    number: int, row: str, runs: Sequence[ScoredRun], published: Iterable[Line] = ()
) -> list[Line]:
    """Lines of a reproduced row: the paper, other sources, our runs with gaps."""
    paper = list(_paper_lines(number, row))
    ours = list(_run_lines(number, row, runs))
    return [
        *(paper or [Line(PAPER, {}, NOT_FOUND, NOT_FOUND)]),
        *published,
        *(ours or [Line("ours", {}, NOT_RUN, _not_run(number))]),
    ]


def _not_run(number: int) -> str:
    """Text for a row without scores."""
    return f"{NOT_RUN} under the protocol {' or '.join(_protocols(number))}"


def _protocols(number: int) -> tuple[str, ...]:
    """Protocols whose scores a table shows."""
    return (*paper_protocols(DATASETS[number]), *_OTHER_PROTOCOLS.get(number, ()))


def _run_lines(number: int, row: str, runs: Sequence[ScoredRun]) -> Iterator[Line]:
    """Yields the lines of our runs with their gaps.

    Runs with the same depth network have the same numbers for it, up to rounding: the
    first is shown.
    """
    protocols, shown = _protocols(number), []
    for run, protocol in itertools.product(runs, protocols):
        if run.summary["dataset"] != DATASETS[number]:
            continue
        for key, results in run.results(protocol).items():
            if run.row(key) == row:
                several = len(protocols) > 1 and run.name != protocol
                name = f"{run.label}, {protocol}" if several else run.label
                numbers = measured(results)
                if any(_are_same((protocol, numbers), one) for one in shown):
                    continue
                shown.append((protocol, numbers))
                cells = own_cells(numbers, results.get("intervals", {}).get("pooled"))
                yield Line(f"ours, {name}", cells, NOT_RUN, run.details(key))
                yield from paired_lines(run, key, protocol)
                yield from _gap_lines(number, row, run, protocol, numbers)


def _are_same(
    line: tuple[str, dict[str, float]], other: tuple[str, dict[str, float]]
) -> bool:
    """Whether two lines, of a protocol and its numbers, are the same up to rounding."""
    (protocol, numbers), (other_protocol, others) = line, other
    return (protocol, set(numbers)) == (other_protocol, set(others)) and all(
        math.isclose(number, others[name], abs_tol=1e-4)
        for name, number in numbers.items()
    )


def _is_comparable(run: ScoredRun, protocol: str, dataset: str) -> bool:
    """Whether the paper may have used the protocol, on the same split."""
    return is_paper_protocol(protocol, dataset) and is_paper_split(run.summary, dataset)


def _gap_lines(
    number: int, row: str, run: ScoredRun, protocol: str, ours: dict[str, float]
) -> Iterator[Line]:
    """Yields the gap to the paper, or else to the first other source."""
    dataset = DATASETS[number]
    if not _is_comparable(run, protocol, dataset):
        return
    bases = {PAPER: row_values(number, row)}
    bases |= published_values(dataset, row, protocol)
    for source, values in bases.items():
        if values:
            base = {name: value.value for name, value in values.items()}
            missing = base.keys() - ours.keys()
            cells = {name: Cell(NOT_RUN, "missing") for name in missing}
            cells |= change_cells(ours, base)
            details = "our number minus the other"
            count = SPLIT_SIZES[dataset][run.summary["split"]]
            if run.summary["num_images"] != count:
                details += f", which uses {count} images"
            yield Line(f"gap to {source}", cells, NOT_FOUND, details)
            return
