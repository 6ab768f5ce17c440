"""Helpers for measures: windows without holes, filling of holes, safe division."""

import cv2
import numpy as np
import scipy  # Its parts are loaded when they are first used.


def whole_windows(valid_mask: np.ndarray, size: int) -> np.ndarray:
    """Returns the centres of the square windows in which every pixel is measured.

    Args:
        valid_mask: Boolean `[H, W]`.
        size: Side of the windows, pixels, odd.

    Returns:
        Boolean `[H, W]`; False where a window extends beyond the map.
    """
    kernel = np.ones((size, size), np.uint8)
    whole = cv2.erode(
        valid_mask.astype(np.uint8),
        kernel,
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return whole.astype(bool)


def nearest_measured(valid_mask: np.ndarray) -> tuple[np.ndarray, ...] | None:
    """Returns the indices of the nearest measured pixel for each pixel.

    Args:
        valid_mask: Boolean `[H, W]`, True somewhere.

    Returns:
        Rows and columns, each `[H, W]`. Indexing a map with them fills its holes with
        the nearest measured values. None if every pixel is measured.
    """
    if np.all(valid_mask):
        return None
    indices = scipy.ndimage.distance_transform_edt(
        ~valid_mask, return_distances=False, return_indices=True
    )
    return tuple(indices)


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Returns numerator / denominator, NaN where the denominator is 0.

    Args:
        numerator: Any shape.
        denominator: A shape that can be broadcast with the numerator.

    Returns:
        float64.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator != 0, numerator / denominator, np.nan)
