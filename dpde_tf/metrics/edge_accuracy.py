"""Precision, recall and F1 of depth edges (Hu et al.), also with a tolerance."""

import cv2
import numpy as np

from dpde_tf.metrics.edge_detection import sobel_magnitude
from dpde_tf.metrics.support import ratio, whole_windows


class EdgeAccuracy:
    """Edge hits of predictions for one ground truth, pixel by pixel.

    A pixel is an edge if the length of the Sobel gradient exceeds a threshold.
    Precision P is the share of predicted edge pixels with a true edge pixel within
    `TOLERANCE`, recall R the share of true edge pixels with a predicted one, and F1 is
    2 P R / (P + R).

    The program of the authors pads maps with zeros, so that all border pixels are hits
    in every image. Here, the border and the pixels beside a hole are ignored.

    Source: Hu et al. (2019), accuracy of recovered edges.
    """

    THRESHOLDS = (0.25, 0.5, 1.0)
    """Thresholds on the length of the Sobel gradient, metres."""

    TOLERANCE = 0
    """Largest distance between an edge pixel and its counterpart, pixels."""

    NAMES = tuple(
        f"edge_{name}_{threshold:g}"
        for threshold in THRESHOLDS
        for name in ("precision", "recall", "f1")
    )
    NUM_SUMS = 4 * len(THRESHOLDS)

    def __init__(self, ground_truth: np.ndarray, valid_mask: np.ndarray) -> None:
        """Prepares the comparison with a ground truth.

        Args:
            ground_truth: Metres, float64 `[H, W]`, without holes.
            valid_mask: Boolean `[H, W]`, the pixels that are measured.
        """
        self._mask = whole_windows(valid_mask, 3)
        self._edges = self._find_edges(ground_truth)
        self._near = [self._grown(edges) for edges in self._edges]

    def sums(self, predicted: np.ndarray) -> np.ndarray:
        """Returns four counts for each threshold.

        They are the predicted edge pixels that are hits and all of them, and the same
        of the true edge pixels.

        Args:
            predicted: Metres, float64 `[H, W]`, finite.

        Returns:
            float64 `[NUM_SUMS]`.
        """
        counts = []
        found = self._find_edges(predicted)
        for one, true, near in zip(found, self._edges, self._near, strict=True):
            maps = (one & near, one, true & self._grown(one), true)
            counts += [np.count_nonzero(pixels) for pixels in maps]
        return np.array(counts, np.float64)

    def _find_edges(self, depth: np.ndarray) -> list[np.ndarray]:
        """The edge pixels for each threshold, boolean `[H, W]`."""
        magnitude = np.where(self._mask, sobel_magnitude(depth), 0.0)
        return [magnitude > threshold for threshold in self.THRESHOLDS]

    def _grown(self, edges: np.ndarray) -> np.ndarray:
        """The pixels within `TOLERANCE` of an edge pixel, boolean `[H, W]`."""
        if not self.TOLERANCE:
            return edges
        offsets = np.arange(-self.TOLERANCE, self.TOLERANCE + 1)
        disc = np.hypot(*np.meshgrid(offsets, offsets)) <= self.TOLERANCE
        return cv2.dilate(edges.astype(np.uint8), disc.astype(np.uint8)).astype(bool)

    @classmethod
    def values(cls, sums: np.ndarray) -> np.ndarray:
        """Returns precision, recall and F1 for each threshold.

        Args:
            sums: `[..., NUM_SUMS]`, of one image or added up over several.

        Returns:
            Measures in the order of `NAMES`, `[..., 3 T]` for T thresholds; NaN where a
            divisor is 0.
        """
        counts = sums.reshape(*sums.shape[:-1], len(cls.THRESHOLDS), 4)
        hits, found, recalled, true = np.moveaxis(counts, -1, 0)
        f1 = ratio(2 * hits * recalled, hits * true + recalled * found)
        # No edge has a counterpart, so that P + R = 0.
        f1 = np.where((hits == 0) & (found + true > 0), 0.0, f1)
        measures = (ratio(hits, found), ratio(recalled, true), f1)
        return np.stack(measures, axis=-1).reshape(*sums.shape[:-1], -1)


class TolerantEdgeAccuracy(EdgeAccuracy):
    """Edge hits that may lie two pixels apart.

    Unlike `EdgeAccuracy`, it does not count a sharp edge that lies one pixel off as a
    double error. A step of 0.125 m reaches the threshold.

    Source: Hu et al. (2019), edges; Martin et al. (2004), a tolerance for boundaries,
    here without their assignment of pixels one to one.
    """

    THRESHOLDS = (0.5,)
    TOLERANCE = 2
    NAMES = ("near_edge_precision", "near_edge_recall", "near_edge_f1")
    NUM_SUMS = 4
