"""Tables of the benchmark: its rows, and the ratios between them."""

import operator
from collections.abc import Sequence

from experiments.benchmarks.rows import (
    COMMAND,
    CONTEXT_FORWARD,
    CONVOLUTION,
    CROPS,
    DEPTH_FORWARD,
    FCRN,
    FLOAT32,
    FOLDER,
    FOLDER_COMPUTATION,
    FSIM,
    FUSION,
    GRADIENT_FORWARD,
    IMPORT,
    INTERLEAVED,
    LITERAL,
    MATRIX,
    NETWORKS,
    NETWORKS_ONNX,
    NEXT,
    PIPELINE,
    PREDICTION,
    PYTORCH,
    STEP,
    TRANSPOSED,
    Measurement,
)

_BEST = "best dense"
_time = operator.attrgetter("median")
_flops = operator.attrgetter("flops_per_second")


def _rate(result: Measurement) -> float:
    """Images per second."""
    return result.images / result.median


# Description, quantity, its row, the rows whose sum it is divided by, and target.
_COMPARISONS = (
    ("the step / literal form", _time, STEP, [LITERAL], "<= 0.5"),
    ("the step / transposed form", _time, STEP, [TRANSPOSED], ""),
    ("the step / interleaved", _time, STEP, [INTERLEAVED], "<= 0.9"),
    ("the step / float32", _time, STEP, [FLOAT32], "<= 0.6"),
    ("FLOP/s of the step / best dense", _flops, STEP, [_BEST], ">= 0.6"),
    (
        "FLOP/s of the gradient network's step / best dense",
        *(_flops, CROPS, [_BEST], ">= 0.6"),
    ),
    ("1 - FSIM / the step", _time, FSIM, [STEP], "<= 0.08"),
    ("images/s of the pipeline / the step", _rate, PIPELINE, [STEP], ">= 5"),
    (
        "prediction / both forward passes",
        *(_time, PREDICTION, [DEPTH_FORWARD, GRADIENT_FORWARD], "<= 1.3"),
    ),
    (
        "context network / gradient network, forward",
        *(_time, CONTEXT_FORWARD, [GRADIENT_FORWARD], "<= 0.5"),
    ),
    (
        "the folder / its networks and fusion",
        *(_time, FOLDER, [FOLDER_COMPUTATION], "<= 1.15"),
    ),
    (
        "the shipped networks / ONNX Runtime",
        *(_time, NETWORKS, [NETWORKS_ONNX], "<= 1"),
    ),
    (
        "the next predictions / the shipped networks and the fusion",
        *(_time, NEXT, [NETWORKS, FUSION], "<= 1.1"),
    ),
    ("dpde predict / import tensorflow", _time, COMMAND, [IMPORT], "<= 2"),
    ("FCRN's step / PyTorch", _time, FCRN, [PYTORCH], "<= 1"),
)


def _best_dense(results: dict[str, Measurement]) -> Measurement | None:
    """The faster dense operation, or None if none was timed."""
    dense = [results[name] for name in (MATRIX, CONVOLUTION) if name in results]
    return max(dense, key=_flops, default=None)


def format_parts(results: dict[str, Measurement]) -> str:
    """Returns the Markdown table of all rows.

    Args:
        results: Measurements by name.

    Returns:
        Table with the median, images per second, rate, its share of the best dense
        rate, and peak memory.
    """
    fastest = _best_dense(results)
    best = fastest.flops_per_second if fastest else 0.0
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
    """Returns the comparisons between the timed rows.

    Args:
        results: Measurements by name.

    Returns:
        Description, ratio and target of each comparison.
    """
    if best := _best_dense(results):
        results = results | {_BEST: best}
    found = []
    for text, quantity, above, below, target in _COMPARISONS:
        try:
            divisor = sum(quantity(results[name]) for name in below)
            found.append((text, quantity(results[above]) / divisor, target))
        except (KeyError, ZeroDivisionError):  # A row was not timed.
            continue
    return found


def format_ratios(comparisons: Sequence[tuple[str, float, str]]) -> str:
    """Returns the Markdown table of comparisons, as `ratios` gives them."""
    lines = ["| ratio | measured | target |", "|---|---|---|"]
    lines += [f"| {name} | {ratio:.2f} | {goal} |" for name, ratio, goal in comparisons]
    return "\n".join(lines)
