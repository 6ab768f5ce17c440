"""Rows of the benchmark, each timed in its own process."""

import dataclasses
import functools
import json
import pathlib
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence

import keras

from experiments.benchmarks import parts
from experiments.benchmarks.photograph_copies import NUM_PHOTOGRAPHS
from experiments.benchmarks.row_timing import print_measurement, seconds_of

PROGRAM = "experiments.benchmark"
_FOLDER = pathlib.Path(__file__).parent
# A row that takes longer has failed.
_MAX_SECONDS = 1800.0


@dataclasses.dataclass(frozen=True)
class Row:
    """A part of the benchmark.

    Attributes:
        name: Name in the table.
        make: Returns the function to time for a batch size, or None.
        precision: Keras dtype policy; None for that of the whole run.
        work: Returns the images (or records) per run for a batch size.
        flops: Returns the operations per image, or None.
        script: Instead of `make`, a script that prints the measurement, and a function
            that returns its arguments for batch size, repetitions and precision.
        needs: Modules that only `pip install .[bench,export]` installs.
    """

    name: str
    make: Callable[[int], parts.Part] | None = None
    precision: str | None = None
    work: Callable[[int], int] = int
    flops: Callable[[], int] | None = None
    script: tuple[pathlib.Path, Callable[[int, int, str], Sequence[object]]] | None = (
        None
    )
    needs: tuple[str, ...] = ()


class RowError(RuntimeError):
    """The process that times a row ended without a result."""


@dataclasses.dataclass(frozen=True)
class Measurement:
    """Measurement of a row.

    Attributes:
        seconds: Time of each run.
        images: Number of images per run.
        peak_memory: Peak memory of the process, bytes.
        flops: Operations per run, or None.
    """

    seconds: list[float]
    images: int
    peak_memory: int
    flops: int | None

    @property
    def median(self) -> float:
        """Median time, seconds."""
        return statistics.median(self.seconds)

    @property
    def flops_per_second(self) -> float:
        """Operations per second at the median time; 0 if not counted."""
        return (self.flops or 0) / self.median


def _one(batch_size: int) -> int:
    """One image, whatever the batch size."""
    del batch_size
    return 1


def _pytorch_arguments(batch_size: int, repetitions: int, precision: str) -> tuple:
    return batch_size, *parts.SIZE, repetitions, int(precision != "float32")


def _whole_program(row: str, name: str, images: int = 1) -> Row:
    """The row of a whole program, or of a phase of the first predictions."""
    script = (
        _FOLDER / "whole_programs.py",
        lambda _, repetitions, __: (
            name,
            repetitions,
        ),
    )
    return Row(row, script=script, precision="float32", work=lambda _: images)


_FCRN = {"lateral_connections": False}
_fcrn_flops = functools.partial(parts.depth_training_flops, **_FCRN)
_step = parts.depth_training_step

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
FOLDER = f"prediction of {NUM_PHOTOGRAPHS} photographs, file to file, float32"
FOLDER_COMPUTATION = f"networks and fusion alone, {NUM_PHOTOGRAPHS} images, float32"
NETWORKS = "shipped networks, forward, 1 image, float32"
NETWORKS_ONNX = "shipped networks, forward, 1 image, float32, ONNX Runtime"
IMPORT = "python -c 'import tensorflow'"
NEXT = "next predictions"
FUSION = "fusion of a photograph, without XLA"
COMMAND = "dpde predict, 1 photograph, the whole command"

ROWS = (
    Row(MATRIX, lambda _: parts.matrix_product(), work=_one, flops=lambda: 2 * 4096**3),
    Row(CONVOLUTION, parts.convolution, flops=lambda: 2 * 60 * 80 * 9 * 128**2),
    Row(STEP, _step, flops=parts.depth_training_flops),
    Row(LITERAL, functools.partial(_step, unpool_form="literal")),
    Row(TRANSPOSED, functools.partial(_step, unpool_form="transposed")),
    Row(INTERLEAVED, functools.partial(_step, unpool_form="interleaved")),
    Row(FLOAT32, _step, "float32", flops=parts.depth_training_flops),
    Row(FCRN, functools.partial(_step, **_FCRN, lambda_fsim=0.0), flops=_fcrn_flops),
    Row(
        PYTORCH,
        script=(_FOLDER / "pytorch_fcrn.py", _pytorch_arguments),
        flops=_fcrn_flops,
        needs=("torch",),
    ),
    Row(FSIM, parts.feature_similarity),
    Row(CROPS, parts.gradient_training_step, flops=parts.gradient_training_flops),
    Row(CONTEXT, parts.context_training_step, flops=parts.context_training_flops),
    Row(PIPELINE, parts.input_pipeline, work=lambda _: parts.NUM_RECORDS),
    Row(FCRN_FORWARD, lambda _: parts.depth_forward(**_FCRN), work=_one),
    Row(DEPTH_FORWARD, lambda _: parts.depth_forward(), work=_one),
    Row(GRADIENT_FORWARD, lambda _: parts.gradient_forward(), work=_one),
    Row(CONTEXT_FORWARD, lambda _: parts.context_forward(), work=_one),
    Row("fusion, 10 IRLS iterations, 1 image", lambda _: parts.fusion(1), work=_one),
    Row("fusion, 10 IRLS iterations, a batch", parts.fusion),
    Row(PREDICTION, lambda _: parts.photograph_prediction(), work=_one),
    Row(NETWORKS, lambda _: parts.shipped_networks(), "float32", work=_one),
    Row(FUSION, lambda _: parts.photograph_fusion(), "float32", work=_one),
    Row(
        NETWORKS_ONNX,
        lambda _: parts.shipped_networks_in_onnx_runtime(),
        "float32",
        work=_one,
        needs=("onnxruntime", "tf2onnx"),
    ),
    Row(
        FOLDER_COMPUTATION,
        lambda _: parts.folder_computation(),
        "float32",
        work=lambda _: NUM_PHOTOGRAPHS,
    ),
    Row(
        FOLDER,
        lambda _: parts.folder_prediction(),
        "float32",
        work=lambda _: NUM_PHOTOGRAPHS,
    ),
    _whole_program(IMPORT, "import"),
    _whole_program("from_preset", "from_preset"),
    _whole_program("first prediction", "first"),
    _whole_program(NEXT, "next"),
    _whole_program("first prediction of another size", "new_size"),
    _whole_program(COMMAND, "predict"),
    _whole_program(
        f"dpde predict, {NUM_PHOTOGRAPHS} photographs, the whole command",
        "predict-folder",
        NUM_PHOTOGRAPHS,
    ),
)


def _find_row(name: str) -> Row:
    """Returns the row with a given name."""
    return next(row for row in ROWS if row.name == name)


def be_row(name: str, batch_size: int, repetitions: int, precision: str) -> None:
    """Times a row in this process and prints the measurement.

    Args:
        name: Name of the row.
        batch_size: Images per step.
        repetitions: Number of timed runs.
        precision: Keras dtype policy for rows that do not set one.
    """
    row = _find_row(name)
    keras.config.set_dtype_policy(row.precision or precision)
    print_measurement(seconds_of(row.make(batch_size), repetitions))


def measure(
    name: str, batch_size: int, repetitions: int, precision: str
) -> Measurement:
    """Returns the times of a row, measured in a separate process.

    Args:
        name: Name of the row.
        batch_size: Images per step.
        repetitions: Number of timed runs.
        precision: Keras dtype policy for rows that do not set one.

    Returns:
        The measurement.

    Raises:
        RowError: If that process fails; its messages are on stderr.
    """
    row = _find_row(name)
    if row.script:
        file, arguments = row.script
        chosen = arguments(batch_size, repetitions, row.precision or precision)
        command = [sys.executable, str(file), *map(str, chosen)]
    else:
        command = [sys.executable, "-m", PROGRAM, f"--be_row={name}"]
        command += [f"--batch_size={batch_size}", f"--repetitions={repetitions}"]
        command += [f"--precision={precision}"]
    images = row.work(batch_size)
    flops = row.flops and images * row.flops()
    return Measurement(images=images, flops=flops, **_measured(command))


def _measured(command: Sequence[str]) -> dict:
    """What a process prints in its last line."""
    try:
        result = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, timeout=_MAX_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise RowError(f"its process took more than {_MAX_SECONDS:.0f} s") from None
    if code := result.returncode:
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        raise RowError(f"its process ended with {how}")
    try:
        return json.loads(result.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        raise RowError("its process printed no measurement") from None


def measure_all(
    names: Sequence[str],
    batch_size: int,
    repetitions: int,
    precision: str,
    *,
    report: Callable[[dict[str, Measurement], dict[str, str]], None],
) -> tuple[dict[str, Measurement], dict[str, str]]:
    """Returns the measurements of rows, each made in a new process.

    Args:
        names: Names of the rows.
        batch_size: Images per step.
        repetitions: Number of timed runs.
        precision: Keras dtype policy for rows that do not set one.
        report: Called after each row with the results so far.

    Returns:
        Measurements by name, and reasons by name for the rows that failed.
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
