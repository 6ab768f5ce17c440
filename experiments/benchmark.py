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
import pathlib
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf
from absl import app, flags

from dpde_tf.cli.config_flags import given_flags
from dpde_tf.cli.path_flags import define_path
from dpde_tf.files.atomic import atomic_write
from dpde_tf.files.errors import readable_errors
from dpde_tf.runs.run_record import environment
from experiments import benchmark_parts as parts
from experiments.row_timing import print_measurement

FLAGS = flags.FLAGS

_PROGRAM = "experiments.benchmark"
_PYTORCH_FILE = pathlib.Path(__file__).with_name("pytorch_fcrn.py")
_PRECISIONS = ("mixed_bfloat16", "float32")


@dataclasses.dataclass(frozen=True)
class Row:
    """A part and how it is timed.

    Attributes:
        name: What the table calls it.
        make: Gives the function to time, for a batch size; None: it is PyTorch's.
        precision: Keras's dtype policy; None for that of the whole run.
        work: Images (or records) that one run handles, for a batch size.
        flops: Gives the operations for one of them, or None.
    """

    name: str
    make: Callable[[int], parts.Part] | None
    precision: str | None = None
    work: Callable[[int], int] = int
    flops: Callable[[], int] | None = None


class RowError(RuntimeError):
    """The process that was to time a row has ended without a result."""


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What was measured of a row.

    Attributes:
        seconds: Of each run.
        images: That each run handled.
        peak_memory: Of the process, bytes.
        flops: Of each run, or None.
    """

    seconds: list[float]
    images: int
    peak_memory: int
    flops: int | None

    @property
    def median(self) -> float:
        """The median time, seconds."""
        return statistics.median(self.seconds)

    @property
    def flops_per_second(self) -> float:
        """Operations a second at the median time; 0 if they are not counted."""
        return (self.flops or 0) / self.median


def _one(batch_size: int) -> int:
    """One image, whatever the batch size."""
    del batch_size
    return 1


def _fcrn_step(batch_size: int) -> parts.Part:
    return parts.depth_training_step(
        batch_size, lateral_connections=False, lambda_fsim=0.0
    )


def _fcrn_forward(batch_size: int) -> parts.Part:
    del batch_size
    return parts.depth_forward(lateral_connections=False)


def _fcrn_flops() -> int:
    return parts.depth_training_flops(lateral_connections=False)


def _unpool_form_step(form: str) -> Callable[[int], parts.Part]:
    return lambda batch_size: parts.depth_training_step(batch_size, unpool_form=form)


STEP = "modified FCRN, training step"
LITERAL = f"{STEP}, literal unpooling and 5x5"
TRANSPOSED = f"{STEP}, transposed convolution"
INTERLEAVED = f"{STEP}, Laina's interleaving"
FLOAT32 = f"{STEP}, float32"
FCRN = "FCRN with BerHu, training step"
PYTORCH = "FCRN with BerHu, training step, PyTorch"
FSIM = "1 - FSIM and gradient, 120x160"
CROPS = f"gradient network, training step, {parts.CROP_SIZE[0]}x{parts.CROP_SIZE[1]}"
CONTEXT = "context network, training step"
PIPELINE = "input pipeline with augmentation, one core"
MATRIX = "matrix product, 4096"
CONVOLUTION = "3x3 convolution, 128 channels, 60x80"
FCRN_FORWARD = "FCRN, forward, 1 image"
DEPTH_FORWARD = "modified FCRN, forward, 1 image"
GRADIENT_FORWARD = "gradient network, forward, 1 image"
CONTEXT_FORWARD = "context network, forward, 1 image"
PREDICTION = "prediction of 1 photograph, file to file"

ROWS = (
    Row(MATRIX, lambda _: parts.matrix_product(), work=_one, flops=lambda: 2 * 4096**3),
    Row(CONVOLUTION, parts.convolution, flops=lambda: 2 * 60 * 80 * 9 * 128**2),
    Row(STEP, parts.depth_training_step, flops=parts.depth_training_flops),
    Row(LITERAL, _unpool_form_step("literal")),
    Row(TRANSPOSED, _unpool_form_step("transposed")),
    Row(INTERLEAVED, _unpool_form_step("interleaved")),
    Row(
        FLOAT32, parts.depth_training_step, "float32", flops=parts.depth_training_flops
    ),
    Row(FCRN, _fcrn_step, flops=_fcrn_flops),
    Row(PYTORCH, None, flops=_fcrn_flops),
    Row(FSIM, parts.feature_similarity),
    Row(CROPS, parts.gradient_training_step, flops=parts.gradient_training_flops),
    Row(CONTEXT, parts.context_training_step, flops=parts.context_training_flops),
    Row(PIPELINE, parts.input_pipeline, work=lambda _: parts.NUM_RECORDS),
    Row(FCRN_FORWARD, _fcrn_forward, work=_one),
    Row(DEPTH_FORWARD, lambda _: parts.depth_forward(), work=_one),
    Row(GRADIENT_FORWARD, lambda _: parts.gradient_forward(), work=_one),
    Row(CONTEXT_FORWARD, lambda _: parts.context_forward(), work=_one),
    Row("fusion, 10 IRLS iterations, 1 image", lambda _: parts.fusion(1), work=_one),
    Row("fusion, 10 IRLS iterations, a batch", parts.fusion),
    Row(PREDICTION, lambda _: parts.photograph_prediction(), work=_one),
)


def _find_row(name: str) -> Row:
    """The row of that name."""
    return next(row for row in ROWS if row.name == name)


def be_row(name: str, batch_size: int, repetitions: int, precision: str) -> None:
    """Times a row in this process, and prints what was measured.

    Args:
        name: Of the row.
        batch_size: Images a step.
        repetitions: Runs that count.
        precision: Keras's dtype policy, for rows without one of their own.
    """
    row = _find_row(name)
    keras.config.set_dtype_policy(row.precision or precision)
    print_measurement(row.make(batch_size), repetitions)


def measure(
    name: str, batch_size: int, repetitions: int, precision: str
) -> Measurement:
    """Returns the times of a row, measured in a process of its own.

    Args:
        name: Of the row.
        batch_size: Images a step.
        repetitions: Runs that count.
        precision: Keras's dtype policy, for rows without one of their own.

    Returns:
        The measurement.

    Raises:
        RowError: If that process fails; what it said of it is on stderr.
    """
    row = _find_row(name)
    if row.make is None:
        low = int((row.precision or precision) != "float32")
        numbers = map(str, (batch_size, *parts.SIZE, repetitions, low))
        command = [sys.executable, str(_PYTORCH_FILE), *numbers]
    else:
        command = [sys.executable, "-m", _PROGRAM, f"--be_row={name}"]
        command += [f"--batch_size={batch_size}", f"--repetitions={repetitions}"]
        command += [f"--precision={precision}"]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if code := result.returncode:
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        raise RowError(f"its process ended with {how}")
    measured = json.loads(result.stdout.splitlines()[-1])
    images = row.work(batch_size)
    flops = row.flops and images * row.flops()
    return Measurement(images=images, flops=flops, **measured)


def measure_all(
    names: Sequence[str],
    batch_size: int,
    repetitions: int,
    precision: str,
    *,
    report: Callable[[dict[str, Measurement], dict[str, str]], None],
) -> tuple[dict[str, Measurement], dict[str, str]]:
    """Returns the measurements of rows, each made in a fresh process.

    Args:
        names: Of the rows.
        batch_size: Images a step.
        repetitions: Runs that count.
        precision: Keras's dtype policy, for rows without one of their own.
        report: Called after each row with what will be returned, so far.

    Returns:
        Name to measurement, and name to reason for the rows that failed.
    """
    results, failures = {}, {}
    for number, name in enumerate(names, 1):
        try:
            results[name] = measure(name, batch_size, repetitions, precision)
            outcome = f"{1e3 * results[name].median:.0f} ms"
        except RowError as error:
            failures[name] = outcome = str(error)
        print(f"{number}/{len(names)} {name}: {outcome}", flush=True)
        report(results, failures)
    return results, failures


def best_flops_per_second(results: dict[str, Measurement]) -> float:
    """Returns the rate of the faster dense operation, 0 if none was timed."""
    dense = [results[name] for name in (MATRIX, CONVOLUTION) if name in results]
    return max((result.flops_per_second for result in dense), default=0.0)


def format_parts(results: dict[str, Measurement]) -> str:
    """Returns the Markdown table of all rows.

    Args:
        results: Name to measurement.

    Returns:
        Median, images a second, rate, its share of the best dense rate, peak memory.
    """
    best = best_flops_per_second(results)
    lines = [
        "| part | median | per second | GFLOP/s | share of the best | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    for name, result in results.items():
        rate = result.flops_per_second
        cells = [
            name,
            f"{1e3 * result.median:.0f} ms",
            f"{result.images / result.median:.1f}",
            f"{rate / 1e9:.0f}" if rate else "",
            f"{rate / best:.0%}" if rate and best else "",
            f"{result.peak_memory / 2**30:.1f} GiB",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def ratios(results: dict[str, Measurement]) -> list[tuple[str, float, str]]:
    """Returns the comparisons that the rows allow.

    Args:
        results: Name to measurement.

    Returns:
        What is compared, the ratio, and what it should be.
    """

    def time_of(name: str) -> float:
        return results[name].median

    def rate_of(name: str) -> float:
        return results[name].images / time_of(name)

    step, best = "the step / ", best_flops_per_second(results)
    comparisons = {
        step + "literal form": (lambda: time_of(STEP) / time_of(LITERAL), "<= 0.5"),
        step + "transposed form": (lambda: time_of(STEP) / time_of(TRANSPOSED), ""),
        step + "interleaved": (lambda: time_of(STEP) / time_of(INTERLEAVED), "<= 0.9"),
        step + "float32": (lambda: time_of(STEP) / time_of(FLOAT32), "<= 0.6"),
        "FLOP/s of the step / best dense": (
            lambda: results[STEP].flops_per_second / best,
            ">= 0.6",
        ),
        "FLOP/s of the gradient network's step / best dense": (
            lambda: results[CROPS].flops_per_second / best,
            ">= 0.6",
        ),
        "1 - FSIM / the step": (lambda: time_of(FSIM) / time_of(STEP), "<= 0.08"),
        "images/s of the pipeline / the step": (
            lambda: rate_of(PIPELINE) / rate_of(STEP),
            ">= 5",
        ),
        "prediction / both forward passes": (
            lambda: (
                time_of(PREDICTION)
                / (time_of(DEPTH_FORWARD) + time_of(GRADIENT_FORWARD))
            ),
            "<= 1.3",
        ),
        "context network / gradient network, forward": (
            lambda: time_of(CONTEXT_FORWARD) / time_of(GRADIENT_FORWARD),
            "<= 0.5",
        ),
        "FCRN's step / PyTorch": (lambda: time_of(FCRN) / time_of(PYTORCH), "<= 1"),
    }
    found = []
    for name, (ratio, goal) in comparisons.items():
        try:
            found.append((name, ratio(), goal))
        except (KeyError, ZeroDivisionError):  # A row was left out.
            continue
    return found


def format_ratios(comparisons: Sequence[tuple[str, float, str]]) -> str:
    """Returns the Markdown table of comparisons, as `ratios` gives them."""
    lines = ["| ratio | measured | to reach |", "|---|---|---|"]
    lines += [f"| {name} | {ratio:.2f} | {goal} |" for name, ratio, goal in comparisons]
    return "\n".join(lines)


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
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def main(argv: Sequence[str]) -> None:
    """Times the parts and prints the tables."""
    if len(argv) > 1:
        raise app.UsageError(f"Unknown argument: {argv[1]}.")
    options = FLAGS.batch_size, FLAGS.repetitions, FLAGS.precision
    if FLAGS.be_row:
        be_row(FLAGS.be_row, *options)
        return
    made_with = environment()

    def report(results: dict[str, Measurement], failures: dict[str, str]) -> None:
        if FLAGS.output:
            _write(FLAGS.output, results, failures, made_with)

    with readable_errors():
        results, failures = measure_all(_chosen_rows(), *options, report=report)
    hardware = made_with["hardware"]
    print(
        f"\n{parts.SIZE[0]}x{parts.SIZE[1]}, batch {FLAGS.batch_size}, "
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
