"""Figs. 3, 4, 5 and 8: depth of several methods with details and errors."""

from collections.abc import Sequence

import cv2
import numpy as np

from dpde_tf.reporting.examples import (
    GRADIENT_PERCENTILE,
    Example,
    detail_window,
)
from dpde_tf.reporting.figures.columns import GRADIENTS, Column, column_depth
from dpde_tf.visualization.colours import (
    colorize_depth,
    colorize_error,
    colorize_gradients,
)
from dpde_tf.visualization.layout import (
    ColorBar,
    Row,
    stack_rows,
    text_lines,
)
from dpde_tf.visualization.magnification import MAGNIFICATION

_BAR_STEPS = 256
_ERROR_SHARE = 0.2  # of the largest depth: errors saturate there


def comparison_figure(
    examples: Sequence[Example], columns: Sequence[Column], *, note: str = ""
) -> np.ndarray:
    """Returns three rows for each image: depth, a magnified detail, and errors.

    Depth ranges from red (near) to blue (far), with one scale per image, that of the
    measured depth. Errors are red where the depth is too far and blue where it is too
    near; pixels without a measurement are black. The true gradients are shown below the
    predicted ones in the same colours (`colorize_gradients`). A legend below the input
    and the ground truth explains the colours.

    Args:
        examples: Images to show.
        columns: Predictions to show after the input and the ground truth.
        note: Text below the figure, ASCII; possibly empty.

    Returns:
        RGB, uint8.

    Raises:
        ValueError: If there is no image.

    Source: Xu & Liu (2021), Fig. 3, Fig. 4, Fig. 5 and Fig. 8.
    """
    if not examples:
        raise ValueError("A figure needs at least one image. Received: none.")
    rows = [row for e in examples for row in _example_rows(e, columns)]
    return stack_rows(rows, note=note)


def _example_rows(example: Example, columns: Sequence[Column]) -> list[Row]:
    """The three rows of an image."""
    low, high = example.depth_range
    window = detail_window(example.ground_truth)
    truth = colorize_depth(example.ground_truth, min_depth=low, max_depth=high)
    pictures = [example.image, truth, *(_picture(example, c) for c in columns)]
    whole = [_marked(picture, window) for picture in pictures]
    details = [_magnified(picture, window) for picture in pictures]
    scale = np.linspace(low, high, _BAR_STEPS)[:, np.newaxis]
    colors = colorize_depth(scale, min_depth=low, max_depth=high)[:, 0]
    bar = ColorBar(colors, low, high)
    titles = [example.name, "ground truth", *(_title(example, c) for c in columns)]
    blank = [""] * (len(titles) - 1)
    return [
        Row(whole, titles, bar),
        Row(details, [f"magnified {MAGNIFICATION} x", *blank], bar),
        _error_row(example, columns),
    ]


def _picture(example: Example, column: Column) -> np.ndarray:
    """Colours of a prediction."""
    low, high = example.depth_range
    if column.key == GRADIENTS:
        return _gradient_picture(example, *_predicted_gradients(example, column))
    # A depth below the smallest measured depth is not a hole.
    depth = np.maximum(column_depth(example, column), low)
    return colorize_depth(depth, min_depth=low, max_depth=high)


def _predicted_gradients(
    example: Example, column: Column
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of a column along x and y."""
    arrays = example.predictions[column.method]
    return arrays["gradient_x"], arrays["gradient_y"]


def _title(example: Example, column: Column) -> str:
    """The title of a column; gradients get their magnitude, as they may look blank."""
    if column.key != GRADIENTS:
        return column.title
    return f"{column.title}, {_size(*_predicted_gradients(example, column))}"


def _size(gradient_x: np.ndarray, gradient_y: np.ndarray) -> str:
    """Magnitude of gradients in words."""
    percentile = np.percentile(np.hypot(gradient_x, gradient_y), GRADIENT_PERCENTILE)
    return f"{GRADIENT_PERCENTILE} % below {percentile:.3f} m/pixel"


def _error_row(example: Example, columns: Sequence[Column]) -> Row:
    """Row with errors of depth, and true gradients below the predicted ones."""
    truth = example.ground_truth
    limit = _ERROR_SHARE * example.depth_range[1]
    wheel = any(column.key == GRADIENTS for column in columns)
    pictures = [_legend(example, limit), _wheel(example) if wheel else None]
    titles = ["", "deeper towards" if wheel else ""]
    for column in columns:
        if column.key == GRADIENTS:
            pictures.append(_gradient_picture(example, *example.true_gradients))
            titles.append(f"true gradients, {_size(*example.true_gradients)}")
        else:
            depth = column_depth(example, column)
            pictures.append(colorize_error(truth, depth, limit=limit))
            titles.append(f"error, RMS {example.rms(depth):.3f} m")
    errors = np.linspace(limit, -limit, _BAR_STEPS)[:, np.newaxis]
    middle = np.full_like(errors, 2 * limit)
    colors = colorize_error(middle, middle + errors, limit=limit)[:, 0]
    return Row(pictures, titles, ColorBar(colors, limit, -limit))


def _legend(example: Example, limit: float) -> np.ndarray:
    """Explains the colours of the error row."""
    lines = [
        "error = predicted - true depth:",
        "red too far, blue too near, white correct,",
        f"full colour from {limit:.2f} m",
        "black: not measured",
    ]
    lines += [example.note] if example.note else []
    return text_lines(lines, example.ground_truth.shape)


def _wheel(example: Example) -> np.ndarray:
    """Colour wheel of gradients by direction; the rim is the limit."""
    height, width = example.ground_truth.shape
    radius = 0.4 * min(height, width)
    down, right = np.indices((height, width)) - np.reshape(
        [(height - 1) / 2, (width - 1) / 2], (2, 1, 1)
    )
    inside = np.hypot(right, down) <= radius
    shares = [np.where(inside, part / radius, 0) for part in (right, down)]
    picture = colorize_gradients(*shares, limit=1.0)
    text = f"rim: {example.gradient_limit:.2f} m/pixel"
    strip = slice(height - min(20, height // 4), height)
    picture[strip] = text_lines([text], picture[strip].shape[:2])
    return picture


def _gradient_picture(
    example: Example, gradient_x: np.ndarray, gradient_y: np.ndarray
) -> np.ndarray:
    """Gradients with the colour scale of the true gradients."""
    limit = example.gradient_limit
    return colorize_gradients(gradient_x, gradient_y, limit=limit)


def _marked(picture: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    """The picture with a frame around the window."""
    rows, columns = window
    first, last = (columns.start, rows.start), (columns.stop - 1, rows.stop - 1)
    framed = cv2.rectangle(picture.copy(), first, last, (255, 255, 255), 3)
    return cv2.rectangle(framed, first, last, (0, 0, 0), 1)


def _magnified(picture: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    """The window enlarged to the size of the picture without interpolation."""
    size = picture.shape[1::-1]
    return cv2.resize(picture[window], size, interpolation=cv2.INTER_NEAREST)
