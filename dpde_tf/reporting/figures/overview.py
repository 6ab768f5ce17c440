"""The picture of the README: image, truth and predictions, one column per image."""

from collections.abc import Sequence

import cv2
import numpy as np

from dpde_tf.reporting.examples import Example
from dpde_tf.reporting.figures.columns import Column, column_depth
from dpde_tf.visualization.colours import colorize_depth
from dpde_tf.visualization.layout import Row, stack_rows

_WIDTH = 200  # of each picture, pixels


def overview_figure(
    examples: Sequence[Example], columns: Sequence[Column]
) -> np.ndarray:
    """Returns the images side by side, with their depth maps below them.

    All depth maps of an image have one scale, from its nearest to its farthest measured
    depth, which is written above the truth. Predictions are titled with their RMS over
    the measured pixels of the image.

    Args:
        examples: The images, at least one.
        columns: The predicted depth maps to show below the truth.

    Returns:
        RGB, uint8.

    Raises:
        ValueError: If there is no image.
    """
    if not examples:
        raise ValueError("A figure needs at least one image. Received: none.")
    rows = [
        Row(
            [_resized(example.image) for example in examples],
            [f"image {example.name}" for example in examples],
        ),
        Row(
            [_depth_picture(example, example.ground_truth) for example in examples],
            ["truth, {:.1f} to {:.1f} m".format(*e.depth_range) for e in examples],
        ),
    ]
    for column in columns:
        depths = [column_depth(example, column) for example in examples]
        pairs = list(zip(examples, depths, strict=True))
        rows.append(
            Row(
                [_depth_picture(example, depth) for example, depth in pairs],
                [
                    f"{column.title}, RMS {example.rms(depth):.2f} m"
                    for example, depth in pairs
                ],
            )
        )
    return stack_rows(rows)


def _depth_picture(example: Example, depth: np.ndarray) -> np.ndarray:
    """A depth map in the colours of the image's measured range."""
    low, high = example.depth_range
    # Nearer than the nearest measured depth is no hole.
    shown = np.where(depth > 0, np.maximum(depth, low), depth)
    return _resized(colorize_depth(shown, min_depth=low, max_depth=high))


def _resized(picture: np.ndarray) -> np.ndarray:
    """The picture at the width of a column."""
    height = max(round(picture.shape[0] * _WIDTH / picture.shape[1]), 1)
    return cv2.resize(picture, (_WIDTH, height), interpolation=cv2.INTER_AREA)
