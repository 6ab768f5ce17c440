"""Precision, recall and F1 of depth edges that may lie a few pixels apart."""

import cv2
import numpy as np

from dpde_tf.metrics.edge_detection import sobel_magnitude
from dpde_tf.metrics.support import ratio, whole_windows

THRESHOLD = 0.5
"""Threshold on the length of the Sobel gradient, metres; that of a step of 0.125 m."""

TOLERANCE = 2
"""Largest distance between an edge pixel and its counterpart, pixels."""


class TolerantEdgeAccuracy:
    """Edge hits of predictions for one ground truth, with a tolerance.

    A pixel is an edge if the length of the Sobel gradient exceeds `THRESHOLD`.
    Precision P is the share of predicted edge pixels with a true edge pixel within
    `TOLERANCE`, recall R the share of true edge pixels with a predicted one, and F1 is
    2 P R / (P + R). Unlike `EdgeAccuracy`, it does not count a sharp edge that lies one
    pixel off as a double error.

    The border and the pixels beside a hole are ignored.

    Source: Hu et al. (2019), edges; Martin et al. (2004), a tolerance for boundaries,
    here without their assignment of pixels one to one.
    """

    NAMES = ("near_edge_precision", "near_edge_recall", "near_edge_f1")
    NUM_SUMS = 4

    def __init__(self, ground_truth: np.ndarray, valid_mask: np.ndarray) -> None:
        """Prepares the comparison with a ground truth.

        Args:
            ground_truth: Metres, float64 `[H, W]`, without holes.
            valid_mask: Boolean `[H, W]`, the pixels that are measured.
        """
        self._mask = whole_windows(valid_mask, 3)
        self._edges = self._find_edges(ground_truth)
        self._near = _grown(self._edges)

    def sums(self, predicted: np.ndarray) -> np.ndarray:
        """Returns counts: predicted edge pixels that are hits and all of them, the same
        of the true edge pixels.

        Args:
            predicted: Metres, float64 `[H, W]`, finite.

        Returns:
            float64 `[NUM_SUMS]`.
        """
        found = self._find_edges(predicted)
        maps = (found & self._near, found, self._edges & _grown(found), self._edges)
        return np.array([np.count_nonzero(one) for one in maps], np.float64)

    def _find_edges(self, depth: np.ndarray) -> np.ndarray:
        """The edge pixels, boolean `[H, W]`."""
        return (sobel_magnitude(depth) > THRESHOLD) & self._mask

    @classmethod
    def values(cls, sums: np.ndarray) -> np.ndarray:
        """Returns precision, recall and F1.

        Args:
            sums: `[..., NUM_SUMS]`, of one image or added up over several.

        Returns:
            Measures in the order of `NAMES`, `[..., 3]`; NaN where a divisor is 0.
        """
        hits, found, recalled, true = np.moveaxis(sums, -1, 0)
        precision, recall = ratio(hits, found), ratio(recalled, true)
        f1 = ratio(2 * hits * recalled, hits * true + recalled * found)
        # No edge has a counterpart, so that P + R = 0.
        f1 = np.where((hits == 0) & (found + true > 0), 0.0, f1)
        return np.stack([precision, recall, f1], axis=-1)


def _grown(edges: np.ndarray) -> np.ndarray:
    """The pixels within `TOLERANCE` of an edge pixel, boolean `[H, W]`."""
    offsets = np.arange(-TOLERANCE, TOLERANCE + 1)
    disc = np.hypot(*np.meshgrid(offsets, offsets)) <= TOLERANCE
    return cv2.dilate(edges.astype(np.uint8), disc.astype(np.uint8)).astype(bool)
