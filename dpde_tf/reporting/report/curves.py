"""Draws small line charts as SVG."""

import html
import math
from collections.abc import Mapping, Sequence

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 360, 210
_LEFT, _RIGHT, _BOTTOM = 52, 12, 30
_TITLE, _LEGEND_ROW, _LEGEND_COLUMNS = 22, 14, 2
"""Heights above the plot, and number of series in a row of the legend."""
_LOG_RATIO = 30.0
"""Ratio of largest to smallest value above which the axis is logarithmic."""

# Mid-tones that contrast with both light and dark pages.
_COLOURS = ("#2f81f7", "#e5730b", "#2da44e", "#a371f7", "#bf3989", "#9a6700")
_STYLE = (
    "<style>svg { color: #1f2328; } "
    "@media (prefers-color-scheme: dark) { svg { color: #e6edf3; } }</style>"
)
"""Style for standalone files, which inherit no colour from a page."""

_TEXT = 'fill="currentColor" font-family="system-ui, sans-serif"'


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """Returns round numbers within a range, about `count` of them.

    Args:
        low: Lower end of the range.
        high: Upper end of the range, above `low`.
        count: Number of ticks wanted.

    Returns:
        Multiples of 1, 2 or 5 times a power of ten.
    """
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(step * index, 12) for index in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Ticks within a range of logarithms: powers of ten, or also 2 and 5 times them."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    factors = (1,) if high - low > 2.5 else (1, 2, 5)
    ticks = [factor * 10.0**power for power in powers for factor in factors]
    return [tick for tick in ticks if low <= math.log10(tick) + 1e-9 <= high + 2e-9]


def _padded(values: Sequence[float], share: float) -> tuple[float, float]:
    """The range of the values with a margin on both sides."""
    low, high = min(values), max(values)
    margin = share * (high - low) or abs(low) * 0.1 or 1.0
    return low - margin, high + margin


def line_chart(title: str, series: Mapping[str, Points], *, x_title: str) -> str:
    """Returns an SVG line chart with a legend, in the colour of the surrounding text.

    Values that are not finite are left out and counted in the title.

    Args:
        title: Title of the chart; the legend adds the last value of each series.
        series: Points (x, y) by name of the series, in the order of x.
        x_title: Title of the horizontal axis.

    Returns:
        An `<svg>` element.
    """
    finite = {
        name: [(x, y) for x, y in points if math.isfinite(y)]
        for name, points in series.items()
    }
    lost = sum(map(len, series.values())) - sum(map(len, finite.values()))
    title += f" ({lost} non-finite values)" if lost else ""
    finite = {name: points for name, points in finite.items() if points}
    text = f'<text x="8" y="18" font-size="13" font-weight="600" {_TEXT}>'
    parts = [f"{text}{html.escape(title)}</text>"]
    if finite:
        parts += _draw(finite, x_title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
        f'height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(title)}">{_STYLE}{"".join(parts)}</svg>'
    )


def _draw(series: Mapping[str, Points], x_title: str) -> list[str]:
    """Draws axes, legend and lines."""
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    logarithmic = min(ys) > 0 and max(ys) / min(ys) > _LOG_RATIO
    y_scale = math.log10 if logarithmic else float
    x_range = (min(xs), max(xs)) if min(xs) < max(xs) else (xs[0] - 1, xs[0] + 1)
    y_range = _padded([y_scale(y) for y in ys], 0.06)
    top = _TITLE + _LEGEND_ROW * math.ceil(len(series) / _LEGEND_COLUMNS) + 8

    def x_pixel(x: float) -> float:
        """The pixel of a value on the horizontal axis."""
        share = (x - x_range[0]) / (x_range[1] - x_range[0])
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y_pixel(y: float) -> float:
        """The pixel of a value on the vertical axis, which grows downwards."""
        share = (y_scale(y) - y_range[0]) / (y_range[1] - y_range[0])
        return HEIGHT - _BOTTOM - share * (HEIGHT - top - _BOTTOM)

    y_ticks = _log_ticks(*y_range) if logarithmic else nice_ticks(*y_range, 4)
    x_ticks = [x for x in nice_ticks(*x_range, 6) if x == int(x)]
    parts = [_y_tick(y, y_pixel(y)) for y in y_ticks]
    parts += [_x_tick(x, x_pixel(x)) for x in x_ticks]
    parts.append(
        f'<text x="{WIDTH - _RIGHT}" y="{HEIGHT - 3}" font-size="10" opacity="0.75" '
        f'text-anchor="end" {_TEXT}>{html.escape(x_title)}</text>'
    )
    for index, (name, points) in enumerate(series.items()):
        pixels = [(x_pixel(x), y_pixel(y)) for x, y in points]
        parts.append(_line(pixels, _COLOURS[index % len(_COLOURS)]))
        parts.append(_legend(f"{name} {points[-1][1]:.4g}", index))
    return parts


def _y_tick(value: float, y: float) -> str:
    """A grid line and its number."""
    return (
        f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
        'stroke="currentColor" stroke-opacity="0.15"/>'
        f'<text x="{_LEFT - 6}" y="{y + 3.5:.1f}" font-size="10" opacity="0.75" '
        f'text-anchor="end" {_TEXT}>{value:.6g}</text>'
    )


def _x_tick(value: float, x: float) -> str:
    """A number below the chart."""
    return (
        f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 14}" font-size="10" opacity="0.75" '
        f'text-anchor="middle" {_TEXT}>{value:.6g}</text>'
    )


def _line(pixels: Points, colour: str) -> str:
    """A line through the points; short series get dots."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in pixels)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{colour}"/>'
        for x, y in (pixels if len(pixels) <= 40 else ())
    )
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8" '
        f'stroke-linejoin="round"/>{dots}'
    )


def _legend(text: str, index: int) -> str:
    """The colour, name and last value of a series."""
    row, column = divmod(index, _LEGEND_COLUMNS)
    x, y = 8 + 165 * column, _TITLE + 10 + _LEGEND_ROW * row
    return (
        f'<rect x="{x}" y="{y - 5}" width="12" height="3" '
        f'fill="{_COLOURS[index % len(_COLOURS)]}"/>'
        f'<text x="{x + 17}" y="{y}" font-size="11" {_TEXT}>{html.escape(text)}</text>'
    )
