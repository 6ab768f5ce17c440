"""Precision, recall and F1 of depth edges, pixel by pixel (Hu et al.)."""

import numpy as np

from dpde_tf.metrics.edge_detection import sobel_magnitude
from dpde_tf.metrics.support import ratio, whole_windows

THRESHOLDS = (0.25, 0.5, 1.0)
"""Thresholds on the length of the Sobel gradient, metres."""


class EdgeAccuracy:
    """Edge hits of predictions for one ground truth.

    A pixel is an edge if the length of the Sobel gradient exceeds a threshold.
    Precision P is the share of predicted edge pixels that are true edges, recall R the
    share of true edge pixels that are predicted, and F1 is 2 P R / (P + R).

    The program of the authors pads maps with zeros, so that all border pixels are hits
    in every image. Here, the border and the pixels beside a hole are ignored.

    Source: Hu et al. (2019), accuracy of recovered edges.
    """

    NAMES = tuple(
        f"edge_{name}_{threshold:g}"
        for threshold in THRESHOLDS
        for name in ("precision", "recall", "f1")
    )
    NUM_SUMS = 3 * len(THRESHOLDS)

    def __init__(self, ground_truth: np.ndarray, valid_mask: np.ndarray) -> None:
        """Prepares the comparison with a ground truth.

        Args:
            ground_truth: Metres, float64 `[H, W]`, without holes.
            valid_mask: Boolean `[H, W]`, the pixels that are measured.
        """
        self._mask = whole_windows(valid_mask, 3)
        self._edges = self._find_edges(ground_truth)

    def sums(self, predicted: np.ndarray) -> np.ndarray:
        """Returns counts of hits, predicted and true edge pixels for each threshold.

        Args:
            predicted: Metres, float64 `[H, W]`, finite.

        Returns:
            float64 `[NUM_SUMS]`.
        """
        found = self._find_edges(predicted)
        counts = [
            (np.count_nonzero(a & b), np.count_nonzero(a), np.count_nonzero(b))
            for a, b in zip(found, self._edges, strict=True)
        ]
        return np.array(counts, np.float64).ravel()

    def _find_edges(self, depth: np.ndarray) -> list[np.ndarray]:
        """The edge pixels for each threshold, `[N]`."""
        magnitude = sobel_magnitude(depth)[self._mask]
        return [magnitude > threshold for threshold in THRESHOLDS]

    @classmethod
    def values(cls, sums: np.ndarray) -> np.ndarray:
        """Returns precision, recall and F1 for each threshold.

        Args:
            sums: `[..., NUM_SUMS]`, of one image or added up over several.

        Returns:
            Measures in the order of `NAMES`, `[..., 9]`; NaN where the divisor is 0.
        """
        counts = sums.reshape(*sums.shape[:-1], len(THRESHOLDS), 3)
        hits, found, true = np.moveaxis(counts, -1, 0)
        measures = (
            ratio(hits, found),
            ratio(hits, true),
            ratio(2 * hits, found + true),
        )
        return np.stack(measures, axis=-1).reshape(*sums.shape[:-1], -1)
