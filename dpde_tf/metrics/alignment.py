"""Aligns a depth map with another by a scale, or by a scale and a shift."""

import numpy as np

ALIGNMENTS = ("none", "median", "least_squares", "least_squares_disparity")
# Relative differences up to this size are rounding errors.
_ROUNDING = 1e-12


def align_depth(
    ground_truth: np.ndarray,
    predicted: np.ndarray,
    valid_mask: np.ndarray,
    *,
    alignment: str,
) -> np.ndarray:
    """Returns the predicted depth, aligned with the ground truth.

    `median` multiplies by the ratio of the medians. `least_squares` applies the scale
    and the shift with the least squared error in depth; a constant map has scale 0.
    `least_squares_disparity` does so for inverse depth, and limits the depth to the
    largest of the ground truth.

    Args:
        ground_truth: Depth in metres, `[H, W]`.
        predicted: Depth in metres, `[H, W]`.
        valid_mask: Boolean `[H, W]`, the pixels to align; True somewhere.
        alignment: One of `ALIGNMENTS`.

    Returns:
        The aligned depth, `[H, W]`.

    Raises:
        ValueError: If the predicted median (`median`) or a predicted depth
            (`least_squares_disparity`) is not positive.

    Source: Zhou et al. (2017) for `median`, Ranftl et al. (2020) for disparity.
    """
    truth = ground_truth[valid_mask].astype(np.float64)
    depth = predicted[valid_mask].astype(np.float64)
    if alignment == "median":
        median = np.median(depth)
        if not median > 0:
            raise ValueError(
                "Alignment by the median needs a prediction with a positive median. "
                f"Received: a median of {median}."
            )
        return predicted * (np.median(truth) / median)
    if alignment == "least_squares":
        return _least_squares(truth, depth, predicted)
    if alignment == "least_squares_disparity":
        if not np.all(depth > 0):
            raise ValueError(
                "Alignment in disparity needs positive predictions. "
                f"Received: a least depth of {depth.min()}."
            )
        inverse = 1.0 / np.where(predicted > 0, predicted, np.inf)
        aligned = _least_squares(1.0 / truth, 1.0 / depth, inverse)
        return 1.0 / np.maximum(aligned, 1.0 / truth.max())
    return predicted


def _least_squares(
    truth: np.ndarray, samples: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Values after the scale and shift that fit the samples to the truth."""
    centred = samples - samples.mean()
    variance = np.sum(centred**2)
    # The mean of equal numbers is rounded.
    rounding = samples.size * (_ROUNDING * np.abs(samples).max()) ** 2
    scale = np.sum(centred * truth) / variance if variance > rounding else 0.0
    return scale * (values - samples.mean()) + truth.mean()
