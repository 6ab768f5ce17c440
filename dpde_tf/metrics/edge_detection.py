"""Edge detection in depth maps."""

import cv2
import numpy as np

_SIGMA = 2**0.5
_THRESHOLDS = (0.15, 0.3)
# The detector of OpenCV takes 16-bit derivatives. The Sobel response to a map in [0, 1]
# is at most 4, so this factor keeps it in range, in steps of 0.000125.
_STEPS = 8000


def sobel_magnitude(depth: np.ndarray) -> np.ndarray:
    """Returns the length of the Sobel gradient.

    Args:
        depth: Metres, float64 `[H, W]`.

    Returns:
        Metres, float64 `[H, W]`; a step of height 1 along an axis gives 4. The map is
        mirrored at its border.

    Source: Hu et al. (2019), edges of depth maps.
    """
    along_x = cv2.Sobel(depth, cv2.CV_64F, 1, 0)
    along_y = cv2.Sobel(depth, cv2.CV_64F, 0, 1)
    return np.hypot(along_x, along_y)


def canny_edges(depth: np.ndarray) -> np.ndarray:
    """Returns the occlusion edges of a depth map, one pixel wide.

    The map is scaled to [0, 1] and smoothed with sigma = sqrt(2). Canny's detector then
    uses hysteresis thresholds of 0.15 and 0.3 on the Sobel response.

    Args:
        depth: Metres, float64 `[H, W]`, finite.

    Returns:
        Boolean `[H, W]`; no edge in a constant map.

    Source: Koch et al. (2018), depth boundary errors; constants of their program.
    """
    extent = np.ptp(depth)
    if not extent > 0:
        return np.zeros(depth.shape, bool)
    smooth = cv2.GaussianBlur(
        (depth - depth.min()) / extent, (0, 0), _SIGMA, borderType=cv2.BORDER_REPLICATE
    )
    derivatives = [
        np.rint(cv2.Sobel(smooth, cv2.CV_64F, *order) * _STEPS).astype(np.int16)
        for order in ((1, 0), (0, 1))
    ]
    low, high = (threshold * _STEPS for threshold in _THRESHOLDS)
    return cv2.Canny(*derivatives, low, high, L2gradient=True) > 0
