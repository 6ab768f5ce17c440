r"""Times the fusion and other solvers, to the same energy, on this machine.

    python -m experiments.benchmark_fusion --sizes=240x320 --output=fusion.json

Every solver runs until its energy is within 1e-4 of the minimum, which is found first
by many accurate steps. Our solver is timed as it is used, with its checks and energies.
For the others only the IRLS steps are timed, image by image. Times are medians after a
warm-up, all measured in one run. Scenes are synthetic, with noise and outliers in the
gradients; predictions (files with `depth`, `gradient_x` and `gradient_y`) are added if
given. The program starts by comparing the derivatives of the fused depth with finite
differences.
"""

import pathlib
import statistics
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf
from absl import app, flags

from dpde_tf.cli.config_flags import given_flags, parse_counts
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.files.json_files import write_json
from dpde_tf.files.predictions import read_prediction
from dpde_tf.fusion import TO_CONVERGENCE
from dpde_tf.runs.precision import resolve_precision
from dpde_tf.runs.run_record import environment
from experiments.benchmarks.fusion_gradient_check import format_errors, relative_errors
from experiments.benchmarks.fusion_measurements import (
    Maps,
    Row,
    bandwidth,
    lowest_energy,
    make_scene,
    measure_baselines,
    measure_ours,
    options_to_gap,
)
from experiments.benchmarks.parts import depth_forward
from experiments.benchmarks.row_timing import seconds_of

FLAGS = flags.FLAGS
_MAPS = ("depth", "gradient_x", "gradient_y")

# Number of images that an iteration of the conjugate gradients reads and writes:
# direction 3, product 4, its inner product 2, solution 3, residual 3, preconditioner 4,
# inner product 2.
IMAGES_AN_ITERATION = 21


def _define_flags() -> None:
    """Defines the flags of this program."""
    flags.DEFINE_list(
        "sizes",
        ["240x320", "480x640", "960x1280", "1920x2560"],
        "Height x width.",
    )
    flags.DEFINE_list("batch_sizes", ["1", "8"], "Batch sizes of our solver.")
    define_path("predictions", None, "Folder of NPZ predictions to fuse as well.")
    flags.DEFINE_integer("num_predictions", 2, "Number to fuse.", lower_bound=1)
    flags.DEFINE_integer("repetitions", 5, "Timed runs of our solver.", lower_bound=1)
    flags.DEFINE_bool("network", True, "Whether to time the forward pass of the FCRN.")
    flags.DEFINE_bool("baselines", True, "Whether to time the other solvers.")
    define_path("output", None, "JSON file to write.")


def _scenes() -> Iterator[tuple[str, Maps]]:
    """Yields the name and the maps of each scene."""
    for text in FLAGS.sizes:
        height, _, width = text.partition("x")
        if not (height.isdigit() and width.isdigit()):
            raise app.UsageError(f"--sizes must be like 240x320. Received: {text}.")
        yield f"synthetic {text}", make_scene((int(height), int(width)))
    if FLAGS.predictions:
        files = sorted(pathlib.Path(FLAGS.predictions).glob("[!.]*.npz"))
        if not files:
            raise app.UsageError(f"--predictions={FLAGS.predictions} has no NPZ files.")
        spread = files[:: max(1, len(files) // FLAGS.num_predictions)]
        for path in spread[: FLAGS.num_predictions]:
            arrays = read_prediction(path, _MAPS)
            maps = tuple(arrays[key] for key in _MAPS)
            height, width = maps[0].shape
            yield f"prediction {path.stem}, {height}x{width}", maps


def measure_scene(maps: Maps, batch_sizes: Sequence[int]) -> dict[str, Row]:
    """Returns the rows of all solvers on one scene.

    Args:
        maps: Depth and gradients `[H, W]`.
        batch_sizes: Numbers of scenes that are fused together.

    Returns:
        Rows by name.
    """
    lowest = lowest_energy(maps)
    rows = {}
    to_gap = options_to_gap(maps, lowest)
    for batch_size in batch_sizes:
        rows[f"ours, batch of {batch_size}"] = measure_ours(
            maps, batch_size, lowest, FLAGS.repetitions, **to_gap
        )
    for name, options in (
        ("ours, until convergence", TO_CONVERGENCE),
        ("ours, the paper's 10 exact steps", {}),
    ):
        rows[name] = measure_ours(maps, 1, lowest, FLAGS.repetitions, **options)
    if FLAGS.baselines:
        rows |= measure_baselines(maps, lowest)
    return rows


def format_scene(maps: Maps, rows: dict[str, Row]) -> str:
    """Returns the table of a scene.

    Args:
        maps: Depth and gradients `[H, W]`.
        rows: Result of `measure_scene`.

    Returns:
        Markdown text.
    """
    lines = [
        "| solver | per image | per pixel | IRLS steps | CG iterations | peak memory "
        "| energy gap | time / ours |",
        "|---|---|---|---|---|---|---|---|",
    ]
    ours = next(iter(rows.values()))["seconds"]
    for name, row in rows.items():
        lines.append(
            f"| {name} | {1e3 * row['seconds']:.1f} ms "
            f"| {1e9 * row['seconds'] / maps[0].size:.0f} ns | {row['steps']} "
            f"| {row['iterations']} | {row['peak_memory'] / 1e6:.0f} MB "
            f"| {row['gap']:.0e} | {row['seconds'] / ours:.1f} |"
        )
    return "\n".join(lines)


def format_limit(maps: Maps, row: Row, bytes_per_second: float) -> str:
    """Returns the best time that the memory bandwidth allows.

    Args:
        maps: Depth and gradients `[H, W]`.
        row: Row of our solver.
        bytes_per_second: Result of `bandwidth`.

    Returns:
        A sentence.
    """
    moved = IMAGES_AN_ITERATION * maps[0].nbytes * row["iterations"]
    limit = moved / bytes_per_second
    return (
        f"Limit: {row['iterations']} iterations move {moved / 1e9:.2f} GB, which takes "
        f"{1e3 * limit:.1f} ms at the measured {bytes_per_second / 1e9:.0f} GB/s. Our "
        f"solver takes {row['seconds'] / limit:.1f} times as long."
    )


def format_cores(rows: dict[str, Row]) -> str:
    """Returns how many cores our solver keeps busy.

    Args:
        rows: Result of `measure_scene`.

    Returns:
        A sentence.
    """
    cores = [
        f"{name} {row['cores']:.1f}" for name, row in rows.items() if "cores" in row
    ]
    return f"Busy cores: {'; '.join(cores)}."


def time_network() -> float:
    """Returns the time of a forward pass of the FCRN on one 240x320 image, seconds."""
    keras.config.set_dtype_policy(resolve_precision("auto"))
    seconds = statistics.median(seconds_of(depth_forward(), FLAGS.repetitions))
    keras.config.set_dtype_policy("float32")
    return seconds


@flags_only
def main() -> None:
    """Times all solvers and prints the tables."""
    made_with = environment()
    hardware = made_with["hardware"]
    print(
        f"{hardware['processor']}, {hardware['cores']} cores, TensorFlow "
        f"{tf.__version__}, float32; the others float64 except tf.sparse"
    )
    # Wrong flags end the program before hours are spent.
    batch_sizes = parse_counts(FLAGS.batch_sizes, flag="batch_sizes")
    scenes = list(_scenes())
    derivatives = relative_errors(make_scene((48, 64)))
    print(f"\n{format_errors(derivatives)}", flush=True)
    record = {"scenes": {}, "flags": given_flags(), "derivatives": derivatives}
    for name, maps in scenes:
        rows = measure_scene(maps, batch_sizes)
        speed = bandwidth(maps[0].shape)
        print(f"\n### {name}\n\n{format_scene(maps, rows)}\n")
        print(format_limit(maps, next(iter(rows.values())), speed))
        print(format_cores(rows), flush=True)
        record["scenes"][name] = {"solvers": rows, "bytes_per_second": speed}
        _write(record | made_with)
    if FLAGS.network:
        record["network_seconds"] = time_network()
        print(f"\nFCRN, forward, 240x320: {1e3 * record['network_seconds']:.0f} ms")
        _write(record | made_with)


def _write(record: dict) -> None:
    """Writes the measurements so far if a file is requested."""
    if FLAGS.output:
        write_json(FLAGS.output, record)


if __name__ == "__main__":
    _define_flags()
    run_main(main)
