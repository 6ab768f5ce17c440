r"""Times the parts of the method on this machine.

    python -m experiments.benchmark --output=benchmark.json

Every part runs in a process of its own, one after another in one run, several times
after a warm-up; the tables give medians and their ratios, and the JSON all times, the
versions and the hardware. Peak memory is that of the whole process. With PyTorch
(`pip install .[bench]`) its FCRN is timed too. Each part is printed, and written to the
JSON, when it is done; one that fails is named at the end, with exit code 1.
"""

import dataclasses
import importlib.util
import json
import sys
from collections.abc import Sequence

import tensorflow as tf
from absl import app, flags

from dpde_tf.cli.config_flags import given_flags
from dpde_tf.cli.path_flags import define_path
from dpde_tf.files.atomic import write_whole
from dpde_tf.files.errors import readable_errors
from dpde_tf.runs.run_record import circumstances
from experiments.benchmarks.comparison import format_parts, format_ratios, ratios
from experiments.benchmarks.parts import SIZE
from experiments.benchmarks.rows import (
    PYTORCH,
    ROWS,
    Measurement,
    be_row,
    measure_all,
)

FLAGS = flags.FLAGS
_PRECISIONS = ("mixed_bfloat16", "float32")


def _chosen_rows() -> list[str]:
    """Names of the rows that the flags ask for."""
    names = [row.name for row in ROWS if FLAGS.only in row.name]
    if not names:
        raise app.UsageError(
            f"--only={FLAGS.only!r} is part of no row's name: "
            f"{'; '.join(row.name for row in ROWS)}."
        )
    if PYTORCH in names and importlib.util.find_spec("torch") is None:
        print(f"Without PyTorch (`pip install .[bench]`): no row {PYTORCH!r}.")
        names.remove(PYTORCH)
    return names


def _define_flags() -> None:
    """Defines the flags of this program."""
    flags.DEFINE_integer("batch_size", 8, "Images a step.", lower_bound=1)
    flags.DEFINE_integer("repetitions", 7, "Times that each part runs.", lower_bound=1)
    flags.DEFINE_enum(
        "precision", _PRECISIONS[0], _PRECISIONS, "Of all rows that name none."
    )
    flags.DEFINE_string("only", "", "Only the parts with this in their name.")
    flags.DEFINE_string("be_row", None, "Be the process of a part; not for people.")
    define_path("output", None, "JSON file to write.")


def _write(
    path: str,
    results: dict[str, Measurement],
    failures: dict[str, str],
    made_with: dict,
) -> None:
    """Writes all that was measured so far."""
    rows = {name: dataclasses.asdict(result) for name, result in results.items()}
    record = {"rows": rows, "failed": failures, "flags": given_flags()} | made_with
    with write_whole(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def main(argv: Sequence[str]) -> None:
    """Times the parts and prints the tables."""
    if len(argv) > 1:
        raise app.UsageError(f"Unknown argument: {argv[1]}.")
    options = FLAGS.batch_size, FLAGS.repetitions, FLAGS.precision
    if FLAGS.be_row:
        be_row(FLAGS.be_row, *options)
        return
    made_with = circumstances()

    def report(results: dict[str, Measurement], failures: dict[str, str]) -> None:
        if FLAGS.output:
            _write(FLAGS.output, results, failures, made_with)

    with readable_errors():
        results, failures = measure_all(_chosen_rows(), *options, report=report)
    hardware = made_with["hardware"]
    print(
        f"\n{SIZE[0]}x{SIZE[1]}, batch {FLAGS.batch_size}, "
        f"{FLAGS.precision} unless said, {hardware['processor']}, "
        f"{hardware['cores']} cores, TensorFlow {tf.__version__}\n\n"
        f"{format_parts(results)}\n\n{format_ratios(ratios(results))}"
    )
    if failures:
        lines = [f"  {name}: {reason}" for name, reason in failures.items()]
        sys.exit("\n".join(["Error: could not be timed:", *lines]))


if __name__ == "__main__":
    _define_flags()
    app.run(main)
