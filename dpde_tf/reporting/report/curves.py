"""Draws small line charts as SVG, with matplotlib."""

import io
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dpde_tf.reporting.extra import import_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points = Sequence[tuple[float, float]]

_SIZE = 5.0, 2.9
"""Width and height, inches."""
_LOG_RATIO = 30.0
"""Ratio of largest to smallest value above which the axis is logarithmic."""
_MAX_DOTS = 40
"""Number of points up to which they are marked."""

# Stands for the colour of text, which depends on the page: see `_STYLE`.
_TEXT_COLOUR = "#010203"
# Mid-tones that contrast with both light and dark pages.
_COLOURS = ("#2f81f7", "#e5730b", "#2da44e", "#a371f7", "#bf3989", "#9a6700")
_STYLE = (
    "<style>svg { color: #1f2328; } "
    "@media (prefers-color-scheme: dark) { svg { color: #e6edf3; } }</style>"
)
_SETTINGS = {
    # The same chart gives the same bytes, with text as text.
    "svg.hashsalt": "dpde_tf",
    "svg.fonttype": "none",
    "font.sans-serif": ["DejaVu Sans"],
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color"),
        _TEXT_COLOUR,
    ),
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "legend.frameon": False,
    "legend.borderaxespad": 0.2,
    "legend.handlelength": 1.0,
    "lines.markersize": 3.5,
    "axes.ymargin": 0.06,
    "xaxis.labellocation": "right",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": _TEXT_COLOUR,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.alpha": 0.15,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
}


def line_chart(title: str, series: Mapping[str, Points], *, x_title: str) -> str:
    """Returns an SVG line chart with a legend, for light and dark pages.

    Values that are not finite are left out and counted in the title.

    Args:
        title: Title of the chart; the legend adds the last value of each series.
        series: Points (x, y) by name of the series, in the order of x.
        x_title: Title of the horizontal axis.

    Returns:
        An SVG document; the same arguments give the same text.

    Raises:
        ValueError: If matplotlib is not installed.
    """
    finite = {
        name: [(x, y) for x, y in points if math.isfinite(y)]
        for name, points in series.items()
    }
    lost = sum(map(len, series.values())) - sum(map(len, finite.values()))
    title += f" ({lost} non-finite values)" if lost else ""
    matplotlib = import_extra("matplotlib")
    plots = import_extra("matplotlib.figure")
    text = io.StringIO()
    with matplotlib.rc_context(_SETTINGS):
        figure = plots.Figure(_SIZE, layout="constrained")
        axes = figure.subplots()
        # Names are plain text: a dollar sign begins no formula.
        figure.suptitle(title, x=0.02, ha="left", parse_math=False)
        axes.set_xlabel(x_title, parse_math=False)
        _draw(axes, {name: points for name, points in finite.items() if points})
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = text.getvalue().replace(_TEXT_COLOUR, "currentColor")
    return svg.replace("<defs>", f"{_STYLE}<defs>", 1)


def _draw(axes: "Axes", series: Mapping[str, Points]) -> None:
    """Draws lines, legend and ticks; without points, nothing."""
    if not series:
        axes.set_axis_off()
        return
    for (name, points), colour in zip(series.items(), itertools.cycle(_COLOURS)):
        x, y = zip(*points, strict=True)
        marker = "o" if len(points) <= _MAX_DOTS else ""
        label = f"{name} {y[-1]:.4g}"
        axes.plot(x, y, color=colour, marker=marker, label=label, clip_on=False)
    legend = axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    for text in legend.texts:
        text.set_parse_math(False)
    _set_ticks(axes, [y for points in series.values() for _, y in points])


def _set_ticks(axes: "Axes", values: Sequence[float]) -> None:
    """Sets whole numbers as horizontal ticks, and a logarithmic axis if it helps."""
    ticker = import_extra("matplotlib.ticker")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(ticker.MaxNLocator(4))
    if min(values) > 0 and (ratio := max(values) / min(values)) > _LOG_RATIO:
        axes.set_yscale("log")
        factors = (1,) if math.log10(ratio) > 2.5 else (1, 2, 5)
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=factors))
        axes.yaxis.set_minor_locator(ticker.NullLocator())
    axes.yaxis.set_major_formatter("{x:.6g}")
