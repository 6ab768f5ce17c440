"""Selection of the detail of a map to magnify."""

import cv2
import numpy as np

MAGNIFICATION = 4
"""Enlargement of a detail; its window is that much smaller than the picture."""


def busiest_window(variation: np.ndarray) -> tuple[slice, slice]:
    """Returns the window, a quarter of each side, with the greatest sum.

    Args:
        variation: Variation at each pixel, float32 `[H, W]`.

    Returns:
        Slices of rows and of columns; the first of several equal windows.
    """
    height, width = (max(1, length // MAGNIFICATION) for length in variation.shape)
    # Sums over the windows inside the map, by their first pixels.
    sums = cv2.boxFilter(variation, -1, (width, height), anchor=(0, 0))
    sums = sums[: len(variation) - height + 1, : variation.shape[1] - width + 1]
    row, column = np.unravel_index(np.argmax(sums), sums.shape)
    return slice(row, row + height), slice(column, column + width)
