r"""Draws one quantity of several runs by epoch as an SVG chart.

    python -m experiments.curves --metric=berhu --title="BerHu in training" \
        --run="FCRN=runs/nyu/fcrn" --run="modified FCRN=runs/nyu/depth" \
        --output=curves/berhu.svg

Quantities are the entries of the runs' `metrics.jsonl`; those of the held-out images
start with `validation.`, such as `validation.rms`. The report draws a separate chart
for every quantity of a run.
"""

import pathlib

from absl import flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path, define_paths
from dpde_tf.cli.program import run_main
from dpde_tf.files.atomic import atomic_write
from dpde_tf.reporting.report.curves import Points, line_chart
from dpde_tf.runs.run_folder import METRICS_FILE, read_metrics
from experiments.labelled_folders import split_labels

FLAGS = flags.FLAGS


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_paths("run", None, "LABEL=DIR; repeatable.", labelled=True, required=True)
    flags.DEFINE_string("metric", "loss", "Quantity, as in metrics.jsonl.")
    flags.DEFINE_string("title", None, "Title of the chart; default: the metric.")
    define_path("output", None, "SVG file to write.", required=True)


def read_points(folder: str | pathlib.Path, metric: str) -> Points:
    """Returns one quantity of a run by epoch.

    Args:
        folder: Folder of the run.
        metric: Key in `metrics.jsonl`; those of held-out images start with
            `validation.`.

    Returns:
        (epoch, value) for each epoch that has the quantity.

    Raises:
        FileNotFoundError: If the run has no epochs.
        ValueError: If no epoch has the quantity.
    """
    rows = [_with_dotted_names(row) for row in read_metrics(folder)]
    if not rows:
        raise FileNotFoundError(
            f"{folder} has no epochs in {METRICS_FILE}. Name the folder of a run, such "
            "as `make train-nyu` writes."
        )
    points = [(row["epoch"], row[metric]) for row in rows if metric in row]
    if not points:
        raise ValueError(
            f"No epoch of {folder} has {metric!r}. Use a --metric of: "
            f"{', '.join(sorted(set().union(*rows)))}."
        )
    return points


def _with_dotted_names(row: dict) -> dict:
    """Flattens the validation metrics in a line of `metrics.jsonl`."""
    held_out = row.get("validation", {})
    training = {name: value for name, value in row.items() if name != "validation"}
    return training | {f"validation.{name}": value for name, value in held_out.items()}


@flags_only
def main() -> None:
    """Writes the chart."""
    runs = split_labels(FLAGS.run, flag="run", example="FCRN=runs/nyu/fcrn")
    series = {name: read_points(run, FLAGS.metric) for name, run in runs.items()}
    chart = line_chart(FLAGS.title or FLAGS.metric, series, x_title="epoch")
    with atomic_write(FLAGS.output) as path:
        path.write_text(chart, encoding="utf-8")
    print(f"Written: {FLAGS.output}")


if __name__ == "__main__":
    _define_flags()
    run_main(main)
