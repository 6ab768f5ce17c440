"""Measurements of the benchmark of the fusion."""

import concurrent.futures
import functools
import importlib.util
import multiprocessing
import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
import tensorflow as tf

from dpde_tf.fusion import TO_CONVERGENCE, fuse_depth_and_gradients
from experiments.benchmarks import fusion_baselines as baselines
from experiments.benchmarks.process_memory import kept_memory, peak_memory
from experiments.benchmarks.row_timing import seconds_of

GAP = 1e-4
# Largest number of pixels for each solver; more take minutes per run.
MAX_PIXELS = {
    "SciPy spsolve": 240 * 320,
    "SciPy Jacobi-CG, tolerance 1e-5": 960 * 1280,
    "PyAMG-CG, tolerance 0.2": 960 * 1280,
    "tf.sparse Jacobi-CG, tolerance 0.2": 480 * 640,
}
# More take a minute per step, and all memory.
MAX_PIXELS_OF_ONE_STEP = 960 * 1280

_fuse = functools.partial(fuse_depth_and_gradients, jit_compile=True)

Maps = tuple[np.ndarray, np.ndarray, np.ndarray]
Row = dict[str, float]


def make_scene(size: tuple[int, int], seed: int = 0) -> Maps:
    """Returns a blurred, noisy depth and sharp, noisy gradients with 1 % of outliers.

    Args:
        size: (height, width).
        seed: Seed of the random numbers.

    Returns:
        `depth`, `gradient_x` and `gradient_y`, float32 `[H, W]`.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32) / max(size)
    truth = 3 + 2 * rows - columns
    for _ in range(12):
        top, left = rng.uniform(0, 0.8, 2)
        inside = (abs(rows - top) < 0.12) & (abs(columns - left) < 0.12)
        slope_y, slope_x = rng.uniform(-1, 1, 2)
        truth[inside] = (rng.uniform(1, 4) + slope_y * rows + slope_x * columns)[inside]
    depth = cv2.GaussianBlur(truth, (0, 0), 0.02 * max(size))
    depth += 0.7 * cv2.GaussianBlur(_noise(rng, size), (0, 0), 0.01 * max(size))
    depth += 0.01 * _noise(rng, size)
    gradients = []
    for axis in (1, 0):
        gradient = np.diff(truth, axis=axis, append=0) + 0.005 * _noise(rng, size)
        outliers = 0.5 * (rng.random(size) < 0.01) * _noise(rng, size)
        gradients.append((gradient + outliers).astype(np.float32))
    return depth, *gradients


def _noise(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    return rng.standard_normal(size, np.float32)


def bandwidth(size: tuple[int, int]) -> float:
    """Returns the memory bandwidth of a compiled a + b -> a, bytes per second.

    Args:
        size: (height, width) of the images; three are in memory.

    Returns:
        Bytes read and written per second.
    """
    count = 200 if size[0] * size[1] < 1e6 else 20

    @tf.function(jit_compile=True)
    def run(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        return tf.while_loop(
            lambda i, a: i < count, lambda i, a: (i + 1, 0.5 * a + b), (0, a)
        )[1]

    a, b = tf.random.normal(size), tf.random.normal(size)
    seconds = statistics.median(seconds_of(lambda: run(a, b).numpy(), 5))
    return count * 3 * 4 * size[0] * size[1] / seconds


def lowest_energy(maps: Maps) -> float:
    """Returns the energy of the minimum, to a relative error of about 1e-7.

    Args:
        maps: Depth and gradients `[H, W]`.

    Returns:
        E.
    """
    options = TO_CONVERGENCE | {"tolerance": 1e-8, "cg_rtol": 0.05}
    result = _fuse(*_batch(maps, 1), **options)
    return float(result.energy[0, -1])


def measure_ours(
    maps: Maps, batch_size: int, lowest: float, repetitions: int, **options: float
) -> Row:
    """Returns the row of our solver.

    Args:
        maps: Depth and gradients `[H, W]`.
        batch_size: Number of copies of the image in a batch.
        lowest: Energy of the minimum.
        repetitions: Number of timed runs.
        **options: Options of `fuse_depth_and_gradients`.

    Returns:
        Row with times and memory per image, and the number of busy cores.
    """
    batch = _batch(maps, batch_size)

    def run() -> None:
        _fuse(*batch, **options).depth.numpy()

    seconds = seconds_of(run, repetitions)
    result = _fuse(*batch, **options)
    energy = result.energy[0].numpy()
    return {
        "seconds": statistics.median(seconds) / batch_size,
        "cores": _busy_cores(run),
        "steps": int(np.count_nonzero(np.diff(energy))),
        "iterations": int(result.num_cg_iterations[0]),
        "gap": energy[-1] / lowest - 1,
        "peak_memory": _in_new_process(_memory_of_ours, maps, batch_size, options)
        / batch_size,
    }


def _busy_cores(run: Callable[[], object]) -> float:
    """Returns the CPU time divided by the wall time."""
    processor, wall = time.process_time(), time.perf_counter()
    run()
    return (time.process_time() - processor) / (time.perf_counter() - wall)


def options_to_gap(maps: Maps, lowest: float) -> dict[str, float]:
    """Returns options with which our solver stops as soon as the gap is reached.

    The other solvers stop there as well, with the help of the known minimum.

    Args:
        maps: Depth and gradients `[H, W]`.
        lowest: Energy of the minimum.

    Returns:
        Options of `fuse_depth_and_gradients`.
    """
    options = TO_CONVERGENCE | {"tolerance": 0.0}
    energy = _fuse(*_batch(maps, 1), **options).energy[0].numpy()
    above = int(np.count_nonzero(energy > lowest * (1 + GAP)))  # It is monotonic.
    return options | {"num_irls_iterations": min(max(above, 1), len(energy) - 1)}


def _in_new_process(function: Callable[..., float], *arguments: object) -> float:
    """Runs a function in a separate process and returns its result."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def _memory_of_ours(maps: Maps, batch_size: int, options: dict[str, float]) -> float:
    """Memory of a call without that of compilation, measured on small images."""

    def growth(*size: int) -> float:
        part = [m[: size[0], : size[1]] for m in maps]
        batch = _batch(part, batch_size)
        return kept_memory(lambda: _fuse(*batch, **options))

    growth(16, 16)
    compiling = growth(16, 32)
    return growth(*maps[0].shape) - compiling


def measure_baselines(maps: Maps, lowest: float) -> dict[str, Row]:
    """Returns the rows of the other solvers.

    Args:
        maps: Depth and gradients `[H, W]`.
        lowest: Energy of the minimum.

    Returns:
        Rows by name.
    """
    problem = baselines.Problem(*maps)
    rows = {}
    for name, make in baselines.SOLVERS.items():
        if "PyAMG" in name and not importlib.util.find_spec("pyamg"):
            print(f"Skipping {name}: it needs `pip install .[bench]`.")
        elif problem.num_pixels <= MAX_PIXELS.get(name, np.inf):
            rows[name] = _measure_baseline(problem, make(), lowest)
        elif make is baselines.exact and problem.num_pixels <= MAX_PIXELS_OF_ONE_STEP:
            one = _measure_baseline(problem, make(), lowest, max_steps=1)
            # Use the number of steps that nearly exact solutions need.
            steps = rows["SciPy Jacobi-CG, tolerance 1e-5"]["steps"]
            one |= {"seconds": steps * one["seconds"], "steps": steps, "gap": np.nan}
            rows[f"{name}, {steps} x one step"] = one
        else:
            print(f"Skipping {name}: it would take minutes at this size.")
    return rows


def _measure_baseline(
    problem: baselines.Problem,
    solver: baselines.Solver,
    lowest: float,
    max_steps: int = 100,
) -> Row:
    """Measures the row of a solver."""

    outcomes = []

    def run() -> None:
        goal = lowest * (1 + GAP)
        outcomes.append(baselines.minimise(problem, solver, goal, max_steps))

    memory = peak_memory(run)
    if problem.num_pixels < 2e5:  # Larger problems run only once.
        run()
        run()
    outcomes.sort(key=lambda outcome: outcome.seconds)
    middle = outcomes[len(outcomes) // 2]
    return {
        "seconds": middle.seconds,
        "steps": middle.num_steps,
        "iterations": middle.num_iterations,
        "gap": middle.energy / lowest - 1,
        "peak_memory": memory,
    }


def _batch(maps: Maps, batch_size: int) -> list[tf.Tensor]:
    """The maps as `[B, H, W, 1]`, with copies of one image."""
    return [tf.constant(np.stack([m] * batch_size)[..., None]) for m in maps]
