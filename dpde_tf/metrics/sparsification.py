"""Sparsification: whether the doubtful pixels are those with large errors."""

from typing import NamedTuple

import numpy as np

SHARES = np.linspace(0.0, 0.99, 100)
"""Shares of the pixels that are removed."""


class Sparsification(NamedTuple):
    """RMS error of the pixels that remain after the most uncertain are removed.

    Attributes:
        curve: RMS after removing pixels by their uncertainty, metres, `[100]`, for
            `SHARES`.
        oracle: RMS after removing pixels by their errors, the best possible order.
    """

    curve: np.ndarray
    oracle: np.ndarray

    @property
    def ause(self) -> float:
        """Area between the curves, over the RMS of all pixels; 0 is perfect."""
        return _area(self.curve - self.oracle) / max(self.curve[0], 1e-12)

    @property
    def aurg(self) -> float:
        """Area between the curve and the total RMS, over the total RMS; 0 is chance."""
        return _area(self.curve[0] - self.curve) / max(self.curve[0], 1e-12)


def sparsification(error: np.ndarray, uncertainty: np.ndarray) -> Sparsification:
    """Returns how the RMS error falls as the most doubtful pixels are removed.

    Args:
        error: Errors of the measured pixels of an image, metres, `[N]`.
        uncertainty: Larger for more doubtful pixels, `[N]`.

    Returns:
        The curves.

    Raises:
        ValueError: If there is no pixel, or the shapes differ.

    Source: Ilg et al. (2018), the area (AUSE); Poggi et al. (2020), the gain (AURG).
    """
    if error.shape != uncertainty.shape or not error.size:
        raise ValueError(
            "`error` and `uncertainty` must have the same pixels, one at least. "
            f"Received: {error.shape} and {uncertainty.shape}."
        )
    square = np.square(error.astype(np.float64))
    return Sparsification(_remaining(square, uncertainty), _remaining(square, square))


def _remaining(square: np.ndarray, order: np.ndarray) -> np.ndarray:
    """RMS of the pixels that remain for each of `SHARES`."""
    sums = np.cumsum(square[np.argsort(order, kind="stable")])
    kept = np.maximum(np.rint((1.0 - SHARES) * square.size).astype(int), 1)
    return np.sqrt(sums[kept - 1] / kept)


def _area(values: np.ndarray) -> float:
    """Area over the removed share."""
    return float(np.trapezoid(values, SHARES))
