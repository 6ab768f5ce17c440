"""The part of a map that is worth magnifying."""

import cv2
import numpy as np

MAGNIFICATION = 4
"""Times that a detail is enlarged; its window has this part of each side."""


def busiest_window(variation: np.ndarray) -> tuple[slice, slice]:
    """Returns the window of a quarter of each side with the greatest sum.

    Args:
        variation: How much each pixel has to show, float32 `[H, W]`.

    Returns:
        Slices of rows and of columns; of equal windows the first.
    """
    height, width = (max(1, length // MAGNIFICATION) for length in variation.shape)
    # Sums over the windows that lie inside, by their first pixels.
    sums = cv2.boxFilter(variation, -1, (width, height), anchor=(0, 0))
    sums = sums[: len(variation) - height + 1, : variation.shape[1] - width + 1]
    row, column = np.unravel_index(np.argmax(sums), sums.shape)
    return slice(row, row + height), slice(column, column + width)
