"""Table of the same predictions under every protocol."""

import pathlib
from collections.abc import Iterator, Sequence

from dpde_tf.reporting.blocks import NOT_RUN, Table
from dpde_tf.reporting.score_cells import (
    TITLES,
    Line,
    line_rows,
    measured,
    own_cells,
    paired_cells,
)
from dpde_tf.reporting.tables.scored_runs import ScoredRun

MEASURES = ("rms", "rel", "log10", "delta1", "delta2", "delta3")

_NOTE = (
    "The same files are scored under each protocol, with the mean that the source of "
    "the protocol uses. Brackets hold 95 % intervals. Two rows with the same numbers "
    "compare the same pixels."
)
_MEANS = {"pooled": "pooled", "per_image_mean": "mean over images"}


def protocol_table(runs: Sequence[ScoredRun]) -> Table:
    """Returns a table of all runs under all protocols that scored them.

    Args:
        runs: Scored runs on any data set.

    Returns:
        One row for each array and protocol.
    """
    rows = []
    for run in runs:
        keys = {
            key: None for name in run.summary["protocols"] for key in run.results(name)
        }
        for key in keys:
            title = f"{run.label}, `{key}` ({run.summary['dataset']})"
            rows += line_rows(title, _lines(run, key), MEASURES, details=True)
    header = (
        "Run",
        "Protocol",
        *(TITLES[name] for name in MEASURES),
        "Compared pixels",
    )
    return Table(header, tuple(rows), note=_NOTE)


def paired_lines(run: ScoredRun, key: str, protocol: str) -> Iterator[Line]:
    """Yields the differences between an array and those it was compared with.

    Args:
        run: Scored run.
        key: Name of the array.
        protocol: Name of the protocol.

    Yields:
        One line for each other array, with intervals of the paired bootstrap.
    """
    names = (key, f"{pathlib.Path(run.summary['predictions']).name}/{key}")
    found = run.summary["protocols"].get(protocol, {}).get("comparisons", {})
    for title, comparison in found.items():
        minuend, _, subtrahend = title.partition(" - ")
        if minuend in names:
            by_scene = "scenes" in run.summary.get("bootstrap", {})
            over = "images and over rooms, the wider" if by_scene else "images"
            details = f"{title}, paired bootstrap over the {over}"
            cells = paired_cells(comparison["pooled"])
            yield Line(f"difference to {subtrahend}", cells, NOT_RUN, details)


def _lines(run: ScoredRun, key: str) -> Iterator[Line]:
    """Yields one line per protocol."""
    for name, protocol in run.summary["protocols"].items():
        results = run.results(name).get(key)
        if results is None:
            continue
        mean = protocol.get("mean", "pooled")
        cells = own_cells(
            measured(results, mean), results.get("intervals", {}).get(mean)
        )
        source = f"`{name}`, {_MEANS[mean]}"
        details = " ".join(
            filter(None, (protocol["description"], protocol.get("note")))
        )
        yield Line(source, cells, NOT_RUN, details)
