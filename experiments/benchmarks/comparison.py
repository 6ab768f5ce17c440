"""Tables of the benchmark: its rows, and the ratios between them."""

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
    GRADIENT_FORWARD,
    IMPORT,
    INTERLEAVED,
    LITERAL,
    MATRIX,
    NETWORKS,
    NETWORKS_ONNX,
    PIPELINE,
    PREDICTION,
    PYTORCH,
    STEP,
    TRANSPOSED,
    Measurement,
)


def best_flops_per_second(results: dict[str, Measurement]) -> float:
    """Returns the rate of the faster dense operation, or 0 if none was timed."""
    dense = [results[name] for name in (MATRIX, CONVOLUTION) if name in results]
    return max((result.flops_per_second for result in dense), default=0.0)


def format_parts(results: dict[str, Measurement]) -> str:
    """Returns the Markdown table of all rows.

    Args:
        results: Measurements by name.

    Returns:
        Table with the median, images per second, rate, its share of the best dense
        rate, and peak memory.
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
    """Returns the comparisons between the timed rows.

    Args:
        results: Measurements by name.

    Returns:
        Description, ratio and target of each comparison.
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
        "the folder / its networks and fusion": (
            lambda: time_of(FOLDER) / time_of(FOLDER_COMPUTATION),
            "<= 1.15",
        ),
        "the shipped networks / ONNX Runtime": (
            lambda: time_of(NETWORKS) / time_of(NETWORKS_ONNX),
            "<= 1",
        ),
        "dpde predict / import tensorflow": (
            lambda: time_of(COMMAND) / time_of(IMPORT),
            "<= 2",
        ),
        "FCRN's step / PyTorch": (lambda: time_of(FCRN) / time_of(PYTORCH), "<= 1"),
    }
    found = []
    for name, (ratio, goal) in comparisons.items():
        try:
            found.append((name, ratio(), goal))
        except (KeyError, ZeroDivisionError):  # A row was not timed.
            continue
    return found


def format_ratios(comparisons: Sequence[tuple[str, float, str]]) -> str:
    """Returns the Markdown table of comparisons, as `ratios` gives them."""
    lines = ["| ratio | measured | target |", "|---|---|---|"]
    lines += [f"| {name} | {ratio:.2f} | {goal} |" for name, ratio, goal in comparisons]
    return "\n".join(lines)
