"""Formats scores as text."""

_SHOWN = (
    *("rms", "rms_log", "rel", "log10", "delta1", "ssim", "mge"),
    *("edge_f1_0.5", "boundary_f1", "dbe_acc", "planarity"),
)


def format_table(summary: dict) -> str:
    """Returns the main scores and the comparisons of a summary as text.

    Args:
        summary: Result of `write_scores`.

    Returns:
        One line for each protocol and array, with the mean that the protocol uses; then
        notes on the size of the ground truth, and the comparisons.
    """
    header = "".join(f"{name:>12}" for name in _SHOWN)
    lines = [
        f"{summary['dataset']}, {summary['split']}, {summary['num_images']} images; "
        "more measures and intervals in summary.json",
        f"{'protocol':36}{'mean':10}{'array':14}{header}",
    ]
    notes, differences = [], []
    for name, entry in summary["protocols"].items():
        mean = entry["mean"]
        notes += [f"{name}: {entry['note']}"] if entry["note"] else []
        for key, results in entry["results"].items():
            values = "".join(_number(results[mean][shown]) for shown in _SHOWN)
            lines.append(f"{name:36}{mean.split('_mean')[0]:10}{key:14}{values}")
        for title, comparison in entry["comparisons"].items():
            differences.append(
                f"{name}, {title}: {format_difference(comparison[mean])}"
            )
    return "\n".join([*lines, *notes, *differences])


def format_difference(comparison: dict) -> str:
    """Returns differences with their intervals, such as `RMS -0.007 [-0.010, -0.004]`.

    Args:
        comparison: `difference` and `interval` by measure.

    Returns:
        One line; undefined measures are left out.
    """
    parts = []
    for name in _SHOWN:
        value, interval = comparison[name]["difference"], comparison[name]["interval"]
        if value is not None:
            bounds = "" if interval is None else " [{:+.5f}, {:+.5f}]".format(*interval)
            parts.append(f"{name.replace('rms', 'RMS')} {value:+.5f}{bounds}")
    return "; ".join(parts)


def _number(value: float | None) -> str:
    """A cell of the table."""
    return f"{'-':>12}" if value is None else f"{value:12.4f}"
