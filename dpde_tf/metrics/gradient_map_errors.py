"""Errors of predicted gradient maps, and measures of their information content."""

import numpy as np

from dpde_tf.metrics.support import ratio


class GradientMapErrors:
    """Errors of predicted gradient maps for one ground truth.

    `log_l1` is the loss of the gradient network, and `mean_absolute_error` the mean of
    |e| in that loss, in metres per pixel. Both are means over measured differences.
    `direction_error` is the mean angle in degrees between predicted and true gradient,
    over pixels with both components measured, weighted by the length of the true
    gradient; a prediction of zero counts as 90, the mean of a random guess.
    `size_ratio` is the sum of the lengths of the predicted gradients over the sum for
    the true ones: near 0 for a network that predicts almost nothing.

    Source: Xu & Liu (2021), Eq. 4, for `log_l1`; the others are ours.
    """

    NAMES = ("log_l1", "mean_absolute_error", "direction_error", "size_ratio")
    NUM_SUMS = 6

    def __init__(
        self, ground_truth: np.ndarray, valid_mask: np.ndarray, *, alpha: float
    ) -> None:
        """Prepares the comparison with true gradients.

        Args:
            ground_truth: gradient_x and gradient_y, metres per pixel, `[..., 2]`.
            valid_mask: Boolean `[..., 2]`, the differences that are measured.
            alpha: Constant in the logarithm of Eq. 4, metres per pixel.
        """
        self._mask = valid_mask
        self._both = np.all(valid_mask, axis=-1)
        self._truth = ground_truth.astype(np.float64)
        self._alpha = alpha

    def sums(self, predicted: np.ndarray) -> np.ndarray:
        """Returns the number of differences and sums of errors, angles and lengths.

        Args:
            predicted: gradient_x and gradient_y, metres per pixel, `[..., 2]`.

        Returns:
            float64 `[NUM_SUMS]`.
        """
        predicted = predicted.astype(np.float64)
        error = np.abs(predicted - self._truth)[self._mask]
        truth, predicted = self._truth[self._both], predicted[self._both]
        size, predicted_size = (np.hypot(*maps.T) for maps in (truth, predicted))
        return np.array(
            [
                error.size,
                np.sum(np.log1p(error / self._alpha)),
                np.sum(error),
                np.sum(size * _angles(truth, predicted)),
                np.sum(size),
                np.sum(predicted_size),
            ]
        )

    @classmethod
    def values(cls, sums: np.ndarray) -> np.ndarray:
        """Returns the errors that follow from sums.

        Args:
            sums: `[..., NUM_SUMS]`, of one image or added up over several.

        Returns:
            Errors in the order of `NAMES`, `[..., 4]`; NaN where nothing is measured,
            and for the last two where all true gradients are zero.
        """
        parts = sums[..., 1:4], sums[..., 5:]
        counts = sums[..., [0, 0, 4]], sums[..., 4:5]
        return np.concatenate(
            [ratio(*pair) for pair in zip(parts, counts, strict=True)], axis=-1
        )


def _angles(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Angles between vectors `[N, 2]` in degrees; 90 for a prediction of zero."""
    along = np.sum(truth * predicted, axis=-1)
    across = truth[:, 0] * predicted[:, 1] - truth[:, 1] * predicted[:, 0]
    angles = np.degrees(np.arctan2(np.abs(across), along))
    return np.where(np.any(predicted != 0, axis=-1), angles, 90.0)
