"""Where a measure that looks at neighbouring pixels has all of them measured."""

import cv2
import numpy as np
import scipy.ndimage


def whole_windows(valid_mask: np.ndarray, size: int) -> np.ndarray:
    """Returns the centres of the square windows in which every pixel is measured.

    Args:
        valid_mask: Boolean `[H, W]`.
        size: Side of the windows, pixels, odd.

    Returns:
        Boolean `[H, W]`; False too where a window reaches beyond the map.
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
    """Returns which pixel stands for each: itself, or the nearest measured one.

    Args:
        valid_mask: Boolean `[H, W]`, True somewhere.

    Returns:
        Rows and columns, each `[H, W]`, to index a map with, so that its unmeasured
        pixels take neighbours' values; None if every pixel is measured.
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
        denominator: Of the same shape, or one that goes with it.

    Returns:
        float64.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator != 0, numerator / denominator, np.nan)
