r"""Times the parts of the method on this machine.

    python -m experiments.benchmark --output=benchmark.json

Each part runs in a separate process, one after another, several times after a warm-up.
The tables give medians and their ratios; the JSON file holds all times, versions and
the hardware. Peak memory is that of the whole process. If PyTorch and ONNX Runtime are
installed (`pip install .[bench,export]`), they are timed too. Every part is printed
and written to the JSON file as soon as it is done. Parts that fail are named at the
end, and the exit code is 1.
"""

import dataclasses
import importlib.util
import sys

import tensorflow as tf
from absl import app, flags

from dpde_tf.cli.config_flags import given_flags
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.files.json_files import write_json
from dpde_tf.runs.precision import PRECISIONS, resolve_precision
from dpde_tf.runs.run_record import environment
from experiments.benchmarks.comparison import format_parts, format_ratios, ratios
from experiments.benchmarks.parts import SIZE
from experiments.benchmarks.rows import (
    FLOAT32,
    ROWS,
    Measurement,
    be_row,
    measure_all,
)

FLAGS = flags.FLAGS


def _chosen_rows(precision: str) -> list[str]:
    """Names of the rows that the flags select."""
    rows = [row for row in ROWS if FLAGS.only in row.name]
    if not rows:
        raise app.UsageError(
            f"--only={FLAGS.only!r} matches no row of: "
            f"{'; '.join(row.name for row in ROWS)}."
        )
    names = []
    for row in rows:
        missing = [n for n in row.needs if importlib.util.find_spec(n) is None]
        if missing:
            print(f"Skipping {row.name!r}: it needs `pip install .[bench,export]`.")
        elif row.name != FLOAT32 or precision != "float32":  # Else it is there twice.
            names.append(row.name)
    return names


def _define_flags() -> None:
    """Defines the flags of this program."""
    flags.DEFINE_integer("batch_size", 8, "Images per step.", lower_bound=1)
    flags.DEFINE_integer("repetitions", 7, "Timed runs of each part.", lower_bound=1)
    flags.DEFINE_enum(
        "precision",
        "auto",
        PRECISIONS,
        "Default dtype policy; auto is mixed_bfloat16 where that is faster.",
    )
    flags.DEFINE_string("only", "", "Time only parts whose name contains this text.")
    flags.DEFINE_string("be_row", None, "Internal: run as the process of one part.")
    define_path("output", None, "JSON file to write.")


@flags_only
def main() -> None:
    """Times the parts and prints the tables."""
    precision = resolve_precision(FLAGS.precision)
    options = FLAGS.batch_size, FLAGS.repetitions, precision
    if FLAGS.be_row:
        be_row(FLAGS.be_row, *options)
        return
    made_with = environment()

    def report(results: dict[str, Measurement], failures: dict[str, str]) -> None:
        if FLAGS.output:
            rows = {n: dataclasses.asdict(result) for n, result in results.items()}
            record = {"rows": rows, "failed": failures, "flags": given_flags()}
            write_json(FLAGS.output, record | made_with)

    chosen = _chosen_rows(precision)
    results, failures = measure_all(chosen, *options, report=report)
    hardware = made_with["hardware"]
    print(
        f"\n{SIZE[0]}x{SIZE[1]}, batch {FLAGS.batch_size}, "
        f"{precision} unless stated, {hardware['processor']}, "
        f"{hardware['cores']} cores, TensorFlow {tf.__version__}\n\n"
        f"{format_parts(results)}\n\n{format_ratios(ratios(results))}"
    )
    if failures:
        lines = [f"  {name}: {reason}" for name, reason in failures.items()]
        sys.exit("\n".join(["Error: parts not timed:", *lines]))


if __name__ == "__main__":
    _define_flags()
    run_main(main)
