"""Descriptors of whole images, by which similar images are found."""

import cv2
import numpy as np

_SIZE = (120, 160)
"""Height and width at which gradients are computed, pixels."""

_CELLS = (8, 10)
"""Rows and columns of cells."""

_ORIENTATIONS = 9


def orientation_histograms(image: np.ndarray) -> np.ndarray:
    """Returns histograms of the directions of the gradients in a grid of cells.

    Args:
        image: RGB, uint8 `[H, W, 3]`.

    Returns:
        float32 `[8 * 10 * 9]`, not negative, with length 1 (0 for a constant image).

    Source: HOG of Dalal & Triggs (2005), used by Konrad et al. (2012), with one block
    and the square root of the histograms; OpenCV 5 has no HOG in its main modules.
    """
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    gray = cv2.resize(gray, _SIZE[::-1], interpolation=cv2.INTER_AREA)
    along_x, along_y = (cv2.Sobel(gray, cv2.CV_32F, *d) for d in ((1, 0), (0, 1)))
    size, angle = cv2.cartToPolar(along_x, along_y)
    bins = np.int32(angle * _ORIENTATIONS / np.pi) % _ORIENTATIONS
    cells = [
        cv2.resize(
            np.where(bins == index, size, np.float32(0)),
            _CELLS[::-1],
            interpolation=cv2.INTER_AREA,
        )
        for index in range(_ORIENTATIONS)
    ]
    histograms = np.sqrt(np.stack(cells)).ravel()
    return histograms / max(float(np.linalg.norm(histograms)), 1e-12)
