"""Errors of single pixels: RMS, RMS(log), Rel, squared Rel, log10, deltas."""

import math

import numpy as np

from dpde_tf.metrics.support import ratio

MIN_DEPTH = 1e-3
"""Smaller predictions are set to this depth (metres): a network without a final ReLU
can predict negative depths, which have no logarithm. From Karsch et al. (2014)."""

DELTA_THRESHOLDS = (1.25, 1.25**2, 1.25**3)


class PixelErrors:
    """Errors of predictions for one ground truth.

    With e = predicted - truth, RMS is the root of the mean of e^2, and RMS(log) the
    root of the mean squared difference of the natural logarithms. Rel is the mean of
    |e| / truth, squared Rel the mean of e^2 / truth (metres), and log10 the mean of
    |log10 predicted - log10 truth|. Delta k is the share of pixels with
    max(predicted / truth, truth / predicted) < 1.25^k.

    Source: Xu & Liu (2021), Sect. 4.3; squared Rel: Eigen et al. (2014).
    """

    NAMES = (
        "rms",
        "rms_log",
        "rel",
        "sq_rel",
        "log10",
        "delta1",
        "delta2",
        "delta3",
    )
    NUM_SUMS = 9

    def __init__(self, ground_truth: np.ndarray, valid_mask: np.ndarray) -> None:
        """Prepares the comparison with a ground truth.

        Args:
            ground_truth: Metres, `[H, W]`.
            valid_mask: Boolean `[H, W]`, the pixels to compare.

        Raises:
            ValueError: If the shapes differ, or a compared pixel is not positive.
        """
        if ground_truth.shape != valid_mask.shape:
            raise ValueError(
                "`ground_truth` and `valid_mask` must have the same shape. "
                f"Received: {ground_truth.shape} and {valid_mask.shape}."
            )
        self._mask = valid_mask
        self._truth = ground_truth[valid_mask].astype(np.float64)
        if not np.all(self._truth > 0):
            raise ValueError(
                "`valid_mask` must leave out pixels with `ground_truth` <= 0."
            )
        self._log_truth = np.log(self._truth)

    def sums(self, predicted: np.ndarray) -> np.ndarray:
        """Returns the sums over the compared pixels, the number of pixels first.

        Args:
            predicted: Metres, `[H, W]`; smaller values are set to `MIN_DEPTH`.

        Returns:
            float64 `[NUM_SUMS]`; all 0 if no pixel is compared.

        Raises:
            ValueError: If the shapes differ, or a compared pixel is not finite.
        """
        if predicted.shape != self._mask.shape:
            raise ValueError(
                "`ground_truth` and `predicted` must have the same shape. "
                f"Received: {self._mask.shape} and {predicted.shape}."
            )
        depth = predicted[self._mask].astype(np.float64)
        if not np.all(np.isfinite(depth)):
            raise ValueError(
                "`predicted` must be finite wherever the ground truth is measured. "
                f"Received: {np.count_nonzero(~np.isfinite(depth))} other pixels."
            )
        depth = np.maximum(depth, MIN_DEPTH)
        truth = self._truth
        error = depth - truth
        relative = error / truth
        log_error = np.abs(np.log(depth) - self._log_truth)
        larger = np.maximum(truth / depth, depth / truth)
        return np.array(
            [
                truth.size,
                np.sum(error**2),
                np.sum(log_error**2),
                np.sum(np.abs(relative)),
                np.sum(error * relative),
                np.sum(log_error) / math.log(10),
                *(np.count_nonzero(larger < limit) for limit in DELTA_THRESHOLDS),
            ],
            np.float64,
        )

    @classmethod
    def values(cls, sums: np.ndarray) -> np.ndarray:
        """Returns the errors that follow from sums.

        Args:
            sums: `[..., NUM_SUMS]`, of one image or added up over several.

        Returns:
            Errors in the order of `NAMES`, `[..., 8]`; NaN if no pixel was compared.
        """
        means = ratio(sums[..., 1:], sums[..., :1])
        means[..., :2] = np.sqrt(means[..., :2])
        return means
