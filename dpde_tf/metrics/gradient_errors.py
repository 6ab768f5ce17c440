"""Errors of depth gradients: MGE and the RMS error of the gradient."""

import numpy as np

from dpde_tf.metrics.support import ratio


class GradientErrors:
    """Gradient errors of predictions for one ground truth.

    The gradients are forward differences, in metres per pixel, over all pairs of
    measured neighbours. `mge` is the mean absolute error of the differences,
    `rms_gradient` the root of their mean squared error; horizontal and vertical
    differences have the same weight.

    Table 3 of the paper reports MGE without a definition; this is our reading.

    Source: Xu & Liu (2021), Table 3; MGE is not defined there.
    """

    NAMES = ("mge", "rms_gradient")
    NUM_SUMS = 3

    def __init__(self, ground_truth: np.ndarray, valid_mask: np.ndarray) -> None:
        """Prepares the comparison with a ground truth.

        Args:
            ground_truth: Metres, float64 `[H, W]`.
            valid_mask: Boolean `[H, W]`, the pixels that are measured.
        """
        self._truth = ground_truth
        self._masks = tuple(np.logical_and(*pair) for pair in _neighbours(valid_mask))

    def sums(self, predicted: np.ndarray) -> np.ndarray:
        """Returns the number of differences, and sums of absolute and squared errors.

        Args:
            predicted: Metres, float64 `[H, W]`, finite.

        Returns:
            float64 `[NUM_SUMS]`.
        """
        error = predicted - self._truth
        errors = np.concatenate(
            [
                (after - before)[mask]
                for (before, after), mask in zip(
                    _neighbours(error), self._masks, strict=True
                )
            ]
        )
        return np.array([errors.size, np.sum(np.abs(errors)), np.sum(errors**2)])

    @classmethod
    def values(cls, sums: np.ndarray) -> np.ndarray:
        """Returns the errors that follow from sums.

        Args:
            sums: `[..., NUM_SUMS]`, of one image or added up over several.

        Returns:
            Errors in the order of `NAMES`, `[..., 2]`, metres per pixel; NaN if there
            are no measured neighbours.
        """
        means = ratio(sums[..., 1:], sums[..., :1])
        means[..., 1] = np.sqrt(means[..., 1])
        return means


def _neighbours(
    values: np.ndarray,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Each pixel with its right neighbour, and each with its lower one."""
    return (values[:, :-1], values[:, 1:]), (values[:-1], values[1:])
