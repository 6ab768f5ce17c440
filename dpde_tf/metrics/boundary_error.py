"""Depth boundary errors, and errors by the distance from the nearest true edge."""

import cv2
import numpy as np

from dpde_tf.metrics.edge_detection import canny_edges
from dpde_tf.metrics.support import ratio, whole_windows

MAX_DISTANCE = 10.0
"""Largest distance between corresponding edges, pixels."""

BANDS = (2.0, 4.0, 8.0, 16.0)
"""Upper limits of the bands of distance, pixels; a last band has no limit."""


class BoundaryError:
    """Boundary errors of predictions for one ground truth.

    The accuracy `dbe_acc` is the mean distance from a predicted edge pixel to the
    nearest true one, over the predicted ones with a true one within 10 pixels; 10 if
    there are none. The completeness `dbe_comp` is the mean distance from each predicted
    and true edge pixel to the nearest one of the other kind, at most 10. Both are in
    pixels, and 0 is best. Images without true edges are ignored.

    The true edges of iBims-1 are drawn by hand; here, the detector for predictions
    finds them in the ground truth. Edges beside a hole are ignored.

    `rms_edge_2`, ..., `rms_edge_far` are the RMS errors of depth in bands of distance
    from the nearest true edge: up to 2, 4, 8 and 16 pixels, and more.

    Source: Koch et al. (2018), depth boundary errors; constants of their program.
    """

    NAMES = (
        "dbe_acc",
        "dbe_comp",
        *(f"rms_edge_{limit:g}" for limit in BANDS),
        "rms_edge_far",
    )
    NUM_SUMS = 4 + 2 * (len(BANDS) + 1)

    def __init__(self, ground_truth: np.ndarray, valid_mask: np.ndarray) -> None:
        """Prepares the comparison with a ground truth.

        Args:
            ground_truth: Metres, float64 `[H, W]`, without holes.
            valid_mask: Boolean `[H, W]`, the pixels that are measured.
        """
        self._whole = whole_windows(np.pad(valid_mask, 1, mode="edge"), 3)[1:-1, 1:-1]
        self._valid = valid_mask
        self._truth = ground_truth[valid_mask]
        self._edges = canny_edges(ground_truth) & self._whole
        self._distance = _distance_to(self._edges)
        self._bands = np.digitize(self._distance[valid_mask], BANDS, right=True)
        self._band_sizes = np.bincount(self._bands, minlength=len(BANDS) + 1)

    def sums(self, predicted: np.ndarray) -> np.ndarray:
        """Returns distances and numbers of edge pixels, squared errors and pixels.

        Args:
            predicted: Metres, float64 `[H, W]`, finite.

        Returns:
            float64 `[NUM_SUMS]`.
        """
        if not np.any(self._edges):
            return np.zeros(self.NUM_SUMS)
        squared = (predicted[self._valid] - self._truth) ** 2
        band_errors = np.bincount(
            self._bands, weights=squared, minlength=len(BANDS) + 1
        )
        boundary = self._boundary_sums(canny_edges(predicted) & self._whole)
        return np.concatenate([boundary, band_errors, self._band_sizes])

    def _boundary_sums(self, found: np.ndarray) -> list[float]:
        """Sum and number for the accuracy, then for the completeness."""
        to_true = self._distance[found]
        near = to_true[to_true < MAX_DISTANCE]
        accuracy = [np.sum(near), near.size] if near.size else [MAX_DISTANCE, 1]
        to_found = _distance_to(found)[self._edges]
        both = np.concatenate([to_true, to_found])
        return [*accuracy, np.sum(np.minimum(both, MAX_DISTANCE)), both.size]

    @classmethod
    def values(cls, sums: np.ndarray) -> np.ndarray:
        """Returns the errors that follow from sums.

        Args:
            sums: `[..., NUM_SUMS]`, of one image or added up over several.

        Returns:
            Errors in the order of `NAMES`, `[..., 7]`; NaN where the divisor is 0.
        """
        boundary = ratio(sums[..., 0:4:2], sums[..., 1:4:2])
        squared, sizes = np.split(sums[..., 4:], 2, axis=-1)
        return np.concatenate([boundary, np.sqrt(ratio(squared, sizes))], axis=-1)


def _distance_to(edges: np.ndarray) -> np.ndarray:
    """Euclidean distance of each pixel to the nearest edge; infinite without edges."""
    if not np.any(edges):
        return np.full(edges.shape, np.inf)
    distance = cv2.distanceTransform(
        np.where(edges, np.uint8(0), np.uint8(1)), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    return distance.astype(np.float64)
