"""Rows of pictures, one per test image, like Fig. 8 of the paper."""

import math
from collections.abc import Sequence

import numpy as np

from dpde_tf.reporting.blocks import Cell, Picture, Table
from dpde_tf.reporting.examples import Example
from dpde_tf.visualization.colours import (
    colorize_depth,
    colorize_gradients,
    encode_jpeg,
)

_BAR_HEIGHT = 0.05
"""Height of the colour bar below the ground truth, relative to the picture."""

_NOTE = (
    "Depth: each row has one colour scale, shown below the ground truth, from the "
    "nearest (red) to the farthest measured depth (blue); pixels without a measurement "
    "are black. Gradients: white = none, red = deeper to the right, cyan = deeper to "
    "the left, yellow-green = deeper downwards, violet = deeper upwards; colours "
    "saturate at the limit given below the true gradients. RMS is computed for each "
    "image over its measured pixels."
)


_TITLES = (
    "Input",
    "Ground truth",
    "FCRN",
    "Modified FCRN",
    "True gradients",
    "Gradient network",
    "DPDE (fused)",
)
_PREDICTED_DEPTHS = (
    ("FCRN", "fcrn", "depth"),
    ("Modified FCRN", "dpde", "depth"),
    ("DPDE (fused)", "dpde", "fused"),
)


def picture_table(examples: Sequence[Example]) -> Table:
    """Returns a table of pictures: input, truth, predictions and gradients.

    Columns that were not run are left out, and named in the note. The titles say if a
    network of ours gave the gradients.

    Args:
        examples: Images, one per row, with the same predictions.

    Returns:
        A table of the kind `pictures`.

    Source: Xu & Liu (2021), Fig. 8.
    """
    rows = [_row(example) for example in examples]
    shown = [title for title in _TITLES if title in rows[0]]
    missing = [title for title in _TITLES if title not in rows[0]]
    cells = tuple(tuple(row[title] for title in shown) for row in rows)
    ours = examples[0].gradient_sources.get("dpde")
    of_ours = {
        "Gradient network": f"{ours} network (ours)".capitalize(),
        "DPDE (fused)": f"DPDE, {ours} network (ours)",
    }
    header = tuple(of_ours.get(title, title) if ours else title for title in shown)
    note = f"{_NOTE} Not run: {', '.join(missing)}." if missing else _NOTE
    return Table(header, cells, kind="pictures", note=note)


def _row(example: Example) -> dict[str, Cell]:
    """Cells by title for the available maps of an example."""
    low, high = example.depth_range
    truth = colorize_depth(example.ground_truth, min_depth=low, max_depth=high)
    cells = {
        "Input": _cell(example, "input", example.image, example.name),
        "Ground truth": _cell(
            example, "truth", _with_bar(truth), f"{low:.2f} to {high:.2f} m"
        ),
    }
    for title, folder, key in _PREDICTED_DEPTHS:
        predicted = example.predictions.get(folder, {}).get(key)
        if predicted is not None:
            colours = colorize_depth(
                np.maximum(predicted, low), min_depth=low, max_depth=high
            )
            rms = example.rms(predicted)
            caption = "" if math.isnan(rms) else f"RMS {rms:.3f} m"
            cells[title] = _cell(example, f"{folder}_{key}", colours, caption)
    return cells | _gradient_cells(example)


def _gradient_cells(example: Example) -> dict[str, Cell]:
    """True and predicted gradients with one colour scale."""
    limit = example.gradient_limit
    true = colorize_gradients(*example.true_gradients, limit=limit)
    caption = f"up to {limit:.2f} m/pixel"
    cells = {"True gradients": _cell(example, "true_gradients", true, caption)}
    arrays = example.predictions.get("dpde", {})
    if {"gradient_x", "gradient_y"} <= set(arrays):
        predicted = colorize_gradients(
            arrays["gradient_x"], arrays["gradient_y"], limit=limit
        )
        cells["Gradient network"] = _cell(example, "gradients", predicted, "same scale")
    return cells


def _with_bar(picture: np.ndarray) -> np.ndarray:
    """The picture with a colour bar below it, from near to far."""
    height, width = picture.shape[:2]
    thickness = max(2, round(_BAR_HEIGHT * height))
    ramp = np.tile(np.linspace(1.0, 2.0, width), (thickness, 1))
    gap = np.full((thickness // 2, width, 3), 255, np.uint8)
    return np.concatenate([picture, gap, colorize_depth(ramp)])


def _cell(example: Example, what: str, rgb: np.ndarray, caption: str) -> Cell:
    """A cell with the encoded picture."""
    text = f"{example.name}: {what.replace('_', ' ')}"
    picture = Picture(f"{example.name}_{what}.jpg", encode_jpeg(rgb), text)
    return Cell(caption, picture=picture)
