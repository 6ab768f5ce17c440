"""Scale-invariant boundary F1 (Depth Pro)."""

import numpy as np

THRESHOLDS = np.linspace(1.05, 1.25, 10)
"""Ratios of the depths of two neighbours at which one occludes the other."""

_WEIGHTS = THRESHOLDS / THRESHOLDS.sum()
_DIRECTIONS = 4


class BoundaryF1:
    """Occlusion hits of predictions for one ground truth.

    Two neighbours form an occluding contour at threshold t if the ratio of their depths
    exceeds t. Precision P and recall R are means over the four directions (left, right,
    above, below the nearer pixel), where a direction without contours gives 0. F1 is
    2 P R / (P + R). The measure is the mean of F1 over ten thresholds from 1.05 to
    1.25, weighted by the threshold. It does not change with the scale of the depth. An
    image without any contour scores 0, as in the program of the authors, so the measure
    is meaningful only for sharp ground truth.

    Source: Bochkovskii et al. (2025), boundary F1 from depth; their program.
    """

    NAMES = ("boundary_f1",)
    NUM_SUMS = 3 * _DIRECTIONS * len(THRESHOLDS)

    def __init__(self, ground_truth: np.ndarray, valid_mask: np.ndarray) -> None:
        """Prepares the comparison with a ground truth.

        Args:
            ground_truth: Metres, float64 `[H, W]`, positive.
            valid_mask: Boolean `[H, W]`, the pixels that are measured.
        """
        self._masks = (
            valid_mask[:, 1:] & valid_mask[:, :-1],
            valid_mask[1:] & valid_mask[:-1],
        )
        self._levels = self._find_levels(ground_truth)
        self._counts = [_count(levels) for levels in self._levels]

    def sums(self, predicted: np.ndarray) -> np.ndarray:
        """Returns counts of hits, predicted and true contours.

        Args:
            predicted: Metres, float64 `[H, W]`, positive.

        Returns:
            Counts by direction, kind and threshold, float64 `[NUM_SUMS]`.
        """
        found = self._find_levels(predicted)
        counts = [
            (_count(np.minimum(levels, true)), _count(levels), true_count)
            for levels, true, true_count in zip(
                found, self._levels, self._counts, strict=True
            )
        ]
        return np.array(counts, np.float64).ravel()

    def _find_levels(self, depth: np.ndarray) -> list[np.ndarray]:
        """Number of thresholds that each pair of neighbours exceeds, by direction."""
        pairs = ((depth[:, :-1], depth[:, 1:]), (depth[:-1], depth[1:]))
        levels = []
        for (before, after), mask in zip(pairs, self._masks, strict=True):
            ratios = before[mask] / after[mask]
            levels += [_levels(ratios), _levels(1.0 / ratios)]
        return levels

    @classmethod
    def values(cls, sums: np.ndarray) -> np.ndarray:
        """Returns the measure that follows from sums.

        Args:
            sums: `[..., NUM_SUMS]`, of one image or added up over several.

        Returns:
            `[..., 1]`.
        """
        counts = sums.reshape(*sums.shape[:-1], _DIRECTIONS, 3, len(THRESHOLDS))
        hits, found, true = np.moveaxis(counts, -2, 0)
        precision = np.mean(hits / np.maximum(found, 1), axis=-2)
        recall = np.mean(hits / np.maximum(true, 1), axis=-2)
        total = precision + recall
        f1 = 2 * precision * recall / np.where(total > 0, total, 1)
        return np.sum(_WEIGHTS * f1, axis=-1, keepdims=True)


def _levels(ratios: np.ndarray) -> np.ndarray:
    """Number of thresholds that each ratio exceeds, `[N]`."""
    levels = np.zeros(ratios.shape, np.uint8)
    above = np.flatnonzero(ratios > THRESHOLDS[0])
    levels[above] = np.searchsorted(THRESHOLDS, ratios[above], side="left")
    return levels


def _count(levels: np.ndarray) -> np.ndarray:
    """Number of pairs that exceed each threshold."""
    histogram = np.bincount(levels, minlength=len(THRESHOLDS) + 1)
    return histogram[::-1].cumsum()[::-1][1:]
