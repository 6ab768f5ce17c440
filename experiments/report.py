r"""Writes a report on runs: scores beside published ones, pictures, curves, settings.

Example:
    python -m experiments.report --runs=runs/nyu \
        --records=data/records/nyu_depth_v2 --split=test --output=report

writes report/index.html, which is self-contained, and report/report.md with its
pictures in report/images/. report/run.json records how they were made. Missing parts of
the runs are listed as not run.
"""

import dataclasses
import pathlib

import numpy as np
from absl import flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.cli.result_record import result_folder, write_result_record
from dpde_tf.data import manifest
from dpde_tf.files.atomic import atomic_write
from dpde_tf.reporting import blocks, markdown
from dpde_tf.reporting.blocks import Table
from dpde_tf.reporting.report import contents, html
from dpde_tf.reporting.report.figures import FigureSet, read_figures
from dpde_tf.reporting.report.runs import Runs, read_runs
from dpde_tf.reporting.tables.scored_runs import read_scored_run
from dpde_tf.reporting.tables.scores import DATASETS, score_tables
from experiments.figure_examples import read_examples

FLAGS = flags.FLAGS
_PROGRAM = "experiments.report"


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("runs", None, "Folder of runs.", required=True)
    define_path("records", None, "Folder of the record set, for pictures.")
    flags.DEFINE_string("split", "test", "Split that was predicted and scored.")
    define_path("output", "report", "Folder of the report.")
    flags.DEFINE_integer(
        "num_images", 6, "Images to show, evenly spaced over the split.", lower_bound=0
    )
    flags.DEFINE_list("names", None, "Names of the records to show instead.")
    define_path("figures", None, "Folder written by experiments.figures.")
    flags.DEFINE_string("note", "", "Text for a banner, such as 'Demonstration'.")


def choose_names(names: tuple[str, ...], count: int) -> list[str]:
    """Returns names that are evenly spaced from the first to the last.

    Args:
        names: All names, in order.
        count: Number of names to return.

    Returns:
        `count` names, or all if there are fewer.
    """
    indices = np.linspace(0, len(names) - 1, min(count, len(names)))
    return [names[index] for index in np.rint(indices).astype(int)]


def write_report(report: tuple[blocks.Block, ...], output: pathlib.Path) -> None:
    """Writes the pictures, `report.md` and `index.html`.

    Args:
        report: Blocks of the report.
        output: Folder, created if missing.
    """
    for picture in blocks.pictures_of(report):
        with atomic_write(output / markdown.IMAGE_FOLDER / picture.file) as path:
            path.write_bytes(picture.data)
    with atomic_write(output / "report.md") as path:
        path.write_bytes(markdown.to_markdown(report).encode("utf-8", "replace"))
    with atomic_write(output / "index.html") as path:
        path.write_bytes(html.to_html(report).encode("utf-8", "replace"))


def make_report(
    runs_directory: pathlib.Path,
    records: pathlib.Path | None,
    *,
    split: str,
    names: list[str] | None,
    num_images: int,
    note: str,
    figures: FigureSet | None = None,
) -> tuple[blocks.Block, ...]:
    """Returns the contents of the report.

    Args:
        runs_directory: Folder of runs.
        records: Folder of the record set, or None for a report without pictures.
        split: Split that was predicted and scored.
        names: Records to show; None for `num_images`, evenly spaced.
        num_images: Number of records to show if `names` is None.
        note: Text for a banner, possibly empty.
        figures: Figures of the paper and 3D pages, or None.

    Returns:
        Blocks of the report.

    Raises:
        ValueError: If the scores belong to another data set than the records.
    """
    runs = read_runs(runs_directory)
    listed, examples = None, []
    if records:
        listed = manifest.read_manifest(records)
        _check_dataset(runs, listed.dataset)
        shown = names or choose_names(listed.split(split).names, num_images)
        if runs.predictions and shown:
            examples = read_examples(
                records, runs.predictions, split=split, names=shown
            )
    source = contents.Source(runs, listed, split, examples, note)
    tables = paper_tables(runs, source.dataset)
    source = dataclasses.replace(source, tables=tables, figures=figures)
    return contents.report_blocks(source)


def paper_tables(runs: Runs, dataset: str) -> tuple[tuple[str, Table], ...]:
    """Returns the tables of the paper on a data set.

    Args:
        runs: Content of the folder of runs.
        dataset: Name of the data set.

    Returns:
        Titles and tables; none for other data sets.
    """
    numbers = [number for number, name in DATASETS.items() if name == dataset]
    folder = runs.directory / "scores"
    scored = [read_scored_run(name, folder / name) for name in runs.scores]
    return tuple(score_tables(numbers, scored).values())


def _check_dataset(runs: Runs, dataset: str) -> None:
    """Checks that the scores belong to the data set of the records."""
    for name, summary in runs.scores.items():
        if summary["dataset"] != dataset:
            raise ValueError(
                f"{runs.directory}/scores/{name} is of {summary['dataset']}, but the "
                f"records are of {dataset}. Give the record set that was scored with "
                "--records."
            )


@flags_only
def main() -> None:
    """Writes the report."""
    output = pathlib.Path(FLAGS.output)
    with result_folder(_PROGRAM, output):
        _run(output)


def _run(output: pathlib.Path) -> None:
    """Writes the report into a folder."""
    figures = read_figures(FLAGS.figures, output) if FLAGS.figures else None
    report = make_report(
        pathlib.Path(FLAGS.runs),
        pathlib.Path(FLAGS.records) if FLAGS.records else None,
        split=FLAGS.split,
        names=FLAGS.names,
        num_images=FLAGS.num_images,
        note=FLAGS.note,
        figures=figures,
    )
    write_report(report, output)
    write_result_record(output, _PROGRAM, {})
    print(f"Written: {output / 'index.html'} and {output / 'report.md'}")


if __name__ == "__main__":
    _define_flags()
    run_main(main, _PROGRAM)
