"""Error measures of Sect. 4.3, as sums that add up over images.

A measure pooled over a test set is not the mean of the images' measures: the root of
a mean is not the mean of roots, and images with more measured pixels count for more.
So each image gives sums over its pixels, sums are added, and the division and the root
come last. Everything is float64: summed in single precision, the errors of 654 images
of 480x640 are visibly wrong.
"""

import dataclasses
import math

import numpy as np

MIN_DEPTH = 1e-3
"""Predictions are raised to this depth (metres): a network without a final ReLU can
predict negative depths, which have no logarithm. Value after Karsch et al. (2014)."""

DELTA_THRESHOLDS = (1.25, 1.25**2, 1.25**3)

METRIC_NAMES = ("rms", "rms_log", "rel", "log10", "delta1", "delta2", "delta3")


@dataclasses.dataclass(frozen=True)
class ErrorSums:
    """Sums of errors over pixels; adding two pools their pixels.

    Attributes:
        num_pixels: Number of compared pixels.
        squared: Sum of squared errors, square metres.
        squared_log: Sum of squared differences of natural logarithms.
        relative: Sum of absolute errors divided by the ground truth.
        absolute_log10: Sum of absolute differences of decimal logarithms.
        within: Number of pixels whose ratio is below each of `DELTA_THRESHOLDS`.
    """

    num_pixels: int = 0
    squared: float = 0.0
    squared_log: float = 0.0
    relative: float = 0.0
    absolute_log10: float = 0.0
    within: tuple[int, int, int] = (0, 0, 0)

    def __add__(self, other: "ErrorSums") -> "ErrorSums":
        """Returns the sums over the pixels of both."""
        return ErrorSums(
            num_pixels=self.num_pixels + other.num_pixels,
            squared=self.squared + other.squared,
            squared_log=self.squared_log + other.squared_log,
            relative=self.relative + other.relative,
            absolute_log10=self.absolute_log10 + other.absolute_log10,
            within=tuple(a + b for a, b in zip(self.within, other.within, strict=True)),
        )

    def metrics(self) -> dict[str, float]:
        """Returns the measures pooled over all summed pixels.

        Returns:
            `rms` (metres), `rms_log` (natural logarithm), `rel`, `log10`, and `delta1`
            to `delta3` (fractions of the pixels), in the order of `METRIC_NAMES`.

        Raises:
            ValueError: If no pixel was compared.

        Source: Xu & Liu (2021), Sect. 4.3; pooled as Laina et al. (2016) do.
        """
        if self.num_pixels == 0:
            raise ValueError(
                "No pixel was compared, so there is no error to report: no pixel of "
                "the ground truth is measured, or none lies within the depth range."
            )
        values = (
            math.sqrt(self.squared / self.num_pixels),
            math.sqrt(self.squared_log / self.num_pixels),
            self.relative / self.num_pixels,
            self.absolute_log10 / self.num_pixels,
            *(count / self.num_pixels for count in self.within),
        )
        return dict(zip(METRIC_NAMES, values, strict=True))


def image_scores(
    ground_truth: np.ndarray,
    predicted: np.ndarray,
    *,
    valid_mask: np.ndarray | None = None,
) -> ErrorSums:
    """Returns the sums of errors of one image.

    Predictions below `MIN_DEPTH` are raised to it first.

    Args:
        ground_truth: Depth in metres, `[H, W]`; 0 = no measurement.
        predicted: Depth in metres, `[H, W]`.
        valid_mask: Boolean `[H, W]`, the pixels to compare; None for all pixels with
            `ground_truth` > 0.

    Returns:
        The sums over the compared pixels; all 0 if there is none.

    Raises:
        ValueError: If shapes differ, if the mask holds pixels without a positive
            ground truth, or if a prediction to compare is not finite.

    Source: Xu & Liu (2021), Sect. 4.3.
    """
    if valid_mask is None:
        valid_mask = ground_truth > 0
    if not ground_truth.shape == predicted.shape == valid_mask.shape:
        raise ValueError(
            "`ground_truth`, `predicted` and `valid_mask` must have the same shape. "
            f"Received: {ground_truth.shape}, {predicted.shape}, {valid_mask.shape}."
        )
    truth = ground_truth[valid_mask].astype(np.float64)
    depth = predicted[valid_mask].astype(np.float64)
    if not np.all(truth > 0):
        raise ValueError("`valid_mask` must leave out pixels with `ground_truth` <= 0.")
    if not np.all(np.isfinite(depth)):
        raise ValueError(
            "`predicted` must be finite wherever the ground truth is measured. "
            f"Received: {np.count_nonzero(~np.isfinite(depth))} other pixels."
        )
    return _sum_errors(truth, np.maximum(depth, MIN_DEPTH))


def _sum_errors(truth: np.ndarray, depth: np.ndarray) -> ErrorSums:
    """Sums over positive depths `[N]`."""
    error = depth - truth
    log_error = np.log(depth) - np.log(truth)
    ratio = np.maximum(truth / depth, depth / truth)
    return ErrorSums(
        num_pixels=truth.size,
        squared=float(np.sum(error**2)),
        squared_log=float(np.sum(log_error**2)),
        relative=float(np.sum(np.abs(error) / truth)),
        absolute_log10=float(np.sum(np.abs(log_error)) / math.log(10)),
        within=tuple(int(np.sum(ratio < limit)) for limit in DELTA_THRESHOLDS),
    )
