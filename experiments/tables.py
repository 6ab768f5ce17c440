r"""Writes the tables of the paper with published numbers, our own, and the gaps.

Example:
    python -m experiments.tables --scores=dpde=runs/nyu/scores/dpde \
        --scores=fcrn=runs/nyu/scores/fcrn --benchmark=benchmark.json --output=tables

prints Tables 1 to 5 in Markdown and writes each as Markdown, CSV and LaTeX. It also
writes `runs`, a table of the commands behind our numbers, and run.json. Rows without
scores say "not run". The records of prediction and training determine the row of an
array; a label is only a name. `--layers` adds the costs of each layer to Table 5.
"""

import pathlib
import statistics
from collections.abc import Mapping, Sequence

from absl import app, flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path, define_paths
from dpde_tf.cli.program import run_main
from dpde_tf.cli.result_record import result_folder, write_result_record
from dpde_tf.cli.unset_flags import check_unset
from dpde_tf.files.json_files import read_json_object
from dpde_tf.reporting.blocks import Heading
from dpde_tf.reporting.markdown import to_markdown
from dpde_tf.reporting.paper_values import TABLE_TITLES
from dpde_tf.reporting.tables import costs
from dpde_tf.reporting.tables.formats import write_table
from dpde_tf.reporting.tables.scored_runs import ScoredRun, read_scored_run
from dpde_tf.reporting.tables.scores import Tables, score_tables
from experiments.benchmarks import rows as parts
from experiments.labelled_folders import split_labels

FLAGS = flags.FLAGS
_PROGRAM = "experiments.tables"
_IMAGE_SIZE = (240, 320)
_NUMBERS = ("1", "2", "3", "4", "5")
# Row of the benchmark for each network.
_FORWARD = {
    "fcrn": parts.FCRN_FORWARD,
    "modified_fcrn": parts.DEPTH_FORWARD,
    "gradient": parts.GRADIENT_FORWARD,
    "context": parts.CONTEXT_FORWARD,
}
_TRAINING = {
    "fcrn": parts.FCRN,
    "modified_fcrn": parts.STEP,
    "gradient": parts.CROPS,
    "context": parts.CONTEXT,
}


def _define_flags() -> None:
    """Defines the flags of this program."""
    flags.DEFINE_list("table", list(_NUMBERS), "Numbers of the tables.")
    define_paths(
        "scores",
        [],
        "LABEL=DIR, a folder written by experiments.evaluate; repeatable.",
        labelled=True,
    )
    define_path("benchmark", None, "JSON file of experiments.benchmark, for Table 5.")
    define_path("output", None, "Folder for Markdown, CSV and LaTeX.")
    flags.DEFINE_bool(
        "layers", False, "Whether to add the costs of each layer to Table 5."
    )


def read_runs(assignments: Sequence[str]) -> list[ScoredRun]:
    """Returns the scores that --scores names.

    Args:
        assignments: Texts `LABEL=DIR`.

    Returns:
        Scored runs in the same order.

    Raises:
        FileNotFoundError: If a folder holds no scores.
        ValueError: If a text does not have that form, or a label comes twice.
    """
    example = "dpde=runs/nyu/scores/dpde"
    folders = split_labels(assignments, flag="scores", example=example)
    return [read_scored_run(*labelled) for labelled in folders.items()]


def read_benchmark(path: str | pathlib.Path) -> costs.Benchmark | None:
    """Returns the benchmark results of the networks.

    Args:
        path: JSON file written by `experiments.benchmark`.

    Returns:
        Times and memory; networks without a row are left out. None without any.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file has another content.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist. Write it with `python -m experiments.benchmark "
            f"--output={path}`."
        )
    remedy = f"Write it again with `python -m experiments.benchmark --output={path}`."
    record = read_json_object(path, remedy=remedy)
    try:
        hardware, rows = record["hardware"], record["rows"]
        measured = [n for n in (*_FORWARD.values(), *_TRAINING.values()) if n in rows]
        if not measured:
            return None
        return costs.Benchmark(
            forward=_timings(rows, _FORWARD),
            training=_timings(rows, _TRAINING),
            name=f"the parts {'; '.join(measured)}; "
            f"{hardware['processor']}, {hardware['cores']} cores",
        )
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not a file of experiments.benchmark ({error!r}). {remedy}"
        ) from error


def _timings(rows: Mapping[str, dict], names: Mapping[str, str]) -> dict:
    """Timings per image by network."""
    return {
        network: costs.Timing(
            statistics.median(rows[name]["seconds"]) / rows[name]["images"],
            rows[name]["peak_memory"],
        )
        for network, name in names.items()
        if name in rows
    }


def cost_tables(layers: bool, benchmark: costs.Benchmark | None) -> Tables:
    """Returns Table 5 and, on request, the layers of its networks.

    Args:
        layers: Whether to add the costs of layers.
        benchmark: Times and memory; None if not run.

    Returns:
        `table5`, and `table5_<network>`.
    """
    networks = costs.network_costs(_IMAGE_SIZE)
    table = costs.parameter_table(networks, _IMAGE_SIZE, benchmark)
    tables = {"table5": (f"Table 5: {TABLE_TITLES[5]}", table)}
    for name, network in networks.items() if layers else ():
        tables[f"table5_{name}"] = (network.title, costs.layer_table(network))
    return tables


@flags_only
def main() -> None:
    """Runs the program; reports bad input in one line."""
    if unknown := set(FLAGS.table) - set(_NUMBERS):
        raise app.UsageError(
            f"--table must be among 1 to 5. Received: {sorted(unknown)}."
        )
    if "5" not in FLAGS.table:
        check_unset("layers", needs="Table 5")  # `make` always passes --benchmark.
    output = pathlib.Path(FLAGS.output) if FLAGS.output else None
    with result_folder(_PROGRAM, *([output] if output else [])):
        _run(output)


def _run(output: pathlib.Path | None) -> None:
    """Prints the selected tables, and writes them if --output is given."""
    benchmark = read_benchmark(FLAGS.benchmark) if FLAGS.benchmark else None
    numbers = sorted({int(number) for number in FLAGS.table} - {5})
    tables = score_tables(numbers, read_runs(FLAGS.scores))
    if "5" in FLAGS.table:
        tables |= cost_tables(FLAGS.layers, benchmark)
    for name, (title, table) in tables.items():
        print(to_markdown((Heading(title), table)))
        if output:
            write_table(table, output, name, title)
    if output:
        write_result_record(output, _PROGRAM, {})
        print(f"Written: {output}")


if __name__ == "__main__":
    _define_flags()
    run_main(main, _PROGRAM)
