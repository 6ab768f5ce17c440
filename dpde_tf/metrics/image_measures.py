"""All measures of one image."""

import numpy as np

from dpde_tf.metrics.boundary_error import BoundaryError
from dpde_tf.metrics.boundary_f1 import BoundaryF1
from dpde_tf.metrics.edge_accuracy import EdgeAccuracy, TolerantEdgeAccuracy
from dpde_tf.metrics.gradient_errors import GradientErrors
from dpde_tf.metrics.pixel_errors import MIN_DEPTH, PixelErrors
from dpde_tf.metrics.planarity import Planarity
from dpde_tf.metrics.similarity import Similarity, similarity_range
from dpde_tf.metrics.support import nearest_measured

_FAMILIES = (
    PixelErrors,
    Similarity,
    GradientErrors,
    EdgeAccuracy,
    BoundaryF1,
    BoundaryError,
    Planarity,
    TolerantEdgeAccuracy,
)
MEASURE_NAMES = tuple(name for family in _FAMILIES for name in family.NAMES)
NUM_SUMS = sum(family.NUM_SUMS for family in _FAMILIES)


class ImageMeasures:
    """The measures of all families for one ground truth.

    For families that use neighbouring pixels, holes are filled with the nearest
    measured depth, and pixels near a hole are ignored.
    """

    def __init__(
        self,
        ground_truth: np.ndarray,
        valid_mask: np.ndarray,
        *,
        depth_range: float | str,
    ) -> None:
        """Prepares the comparison with a ground truth.

        Args:
            ground_truth: Metres, `[H, W]`, positive at the pixels to compare.
            valid_mask: Boolean `[H, W]`, the pixels to compare.
            depth_range: Depth that SSIM and GSM show as 255; see `similarity_range`.
        """
        self._pixels = PixelErrors(ground_truth, valid_mask)
        self._others = []
        if not np.any(valid_mask):
            return
        limit = similarity_range(ground_truth, valid_mask, depth_range)
        self._source = nearest_measured(valid_mask)
        filled = self._fill(ground_truth)
        self._others = [
            Similarity(filled, valid_mask, depth_range=limit),
            *(family(filled, valid_mask) for family in _FAMILIES[2:]),
        ]

    def sums(self, predicted: np.ndarray) -> np.ndarray:
        """Returns the sums of all families, the number of compared pixels first.

        Args:
            predicted: Metres, `[H, W]`.

        Returns:
            float64 `[NUM_SUMS]`; all 0 if no pixel is compared.

        Raises:
            ValueError: If the shapes differ, or a compared pixel is not finite.
        """
        pixels = self._pixels.sums(predicted)
        if not self._others:
            return np.zeros(NUM_SUMS)
        filled = np.maximum(self._fill(predicted), MIN_DEPTH)
        return np.concatenate([pixels, *(one.sums(filled) for one in self._others)])

    def _fill(self, depth: np.ndarray) -> np.ndarray:
        """Depth in float64; pixels not compared take the nearest compared depth."""
        depth = depth.astype(np.float64)
        return depth if self._source is None else depth[self._source]


def measure_values(sums: np.ndarray) -> np.ndarray:
    """Returns the measures that follow from sums.

    Args:
        sums: `[..., NUM_SUMS]`, of one image or added up over several.

    Returns:
        Measures in the order of `MEASURE_NAMES`, `[..., M]`; NaN where a measure is not
        defined.
    """
    ends = np.cumsum([family.NUM_SUMS for family in _FAMILIES])[:-1]
    parts = zip(_FAMILIES, np.split(sums, ends, axis=-1), strict=True)
    values = np.concatenate([family.values(part) for family, part in parts], axis=-1)
    # Only the boundary F1 has a value for an image without compared pixels.
    return np.where(sums[..., :1] > 0, values, np.nan)
