"""SSIM and GSM of depth maps with holes, as sums over windows.

Windows that hold an unmeasured pixel are ignored. Both compare images in [0, 255], so
that their values depend on the depth that is shown as 255.

SSIM is that of Wang, Bovik, Sheikh & Simoncelli (2004), IEEE Transactions on Image
Processing 13(4), 600-612: the authors' ssim_index.m, without the means of blocks that
their later ssim.m takes of larger images. GSM is that of Liu, Lin & Narwaria (2012),
ibid. 21(4), 1500-1512, of which no program or values of the authors were found. Three
points are readings of ours: the gradient is the mean over the block, |weighted sum| /
25; blocks that reach beyond the image are left out; two flat blocks, 0 / 0, are equal.
"""

import cv2
import numpy as np

from dpde_tf.metrics.support import ratio, whole_windows

WINDOW_SIZE = 11
"""SSIM: side of the Gaussian window of standard deviation 1.5, pixels."""

C1, C2 = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2
"""SSIM: constants of the article for images in [0, 255]."""

BLOCK_SIZE = 5
"""GSM: side of the blocks in which gradients are computed, pixels."""

MASKING = 200.0
"""GSM: constant of the masking effect in the article, 200 to 1000."""

LUMINANCE_WEIGHT = 0.1
"""GSM: weight of the luminance similarity, p in the article."""

RANGES = ("robust", "image", "split")
"""Depths that may be shown as 255, see `similarity_range`."""

ROBUST_PERCENTILE = 98.0
"""Percentile of the true depths of an image that the range `robust` shows as 255."""

_VERTICAL = np.array(
    [
        [0, 1, 0, -1, 0],
        [0, 3, 0, -3, 0],
        [0, 8, 0, -8, 0],
        [0, 3, 0, -3, 0],
        [0, 1, 0, -1, 0],
    ]
)
_DIAGONAL = np.array(
    [
        [0, 0, 1, 0, 0],
        [0, 8, 3, 0, 0],
        [1, 3, 0, -3, -1],
        [0, 0, -3, -8, 0],
        [0, 0, -1, 0, 0],
    ]
)
KERNELS = (_VERTICAL, _VERTICAL.T, _DIAGONAL, _DIAGONAL[:, ::-1])
"""GSM: weights of the differences in four directions, after Chou & Li (1995)."""

_WINDOW = cv2.getGaussianKernel(WINDOW_SIZE, 1.5, cv2.CV_64F)
_KERNELS = tuple(kernel / BLOCK_SIZE**2 for kernel in KERNELS)


def similarity_range(
    ground_truth: np.ndarray, valid_mask: np.ndarray, depth_range: float | str
) -> float:
    """Returns the depth of an image that SSIM and GSM show as 255.

    Args:
        ground_truth: Metres, `[H, W]`.
        valid_mask: Boolean `[H, W]`, the pixels to compare, at least one.
        depth_range: Metres; or `image` for the largest true depth of the image, or
            `robust` for a percentile of it, which few far pixels do not change.

    Returns:
        Metres.

    Raises:
        ValueError: If the range is neither a number nor one of these words.
    """
    if not isinstance(depth_range, str):
        return float(depth_range)
    if depth_range not in ("image", "robust"):
        raise ValueError(
            f"`depth_range` must be metres, 'image' or 'robust'. Received: "
            f"{depth_range!r}."
        )
    share = 100.0 if depth_range == "image" else ROBUST_PERCENTILE
    return float(np.percentile(ground_truth[valid_mask], share))


class Similarity:
    """SSIM and GSM of predictions for one ground truth.

    Depth is compared as an image in [0, 255]; depth beyond its range is 255.

    Source: Wang et al. (2004), Eq. 13, and Liu et al. (2012), Sect. III.
    """

    NAMES = ("ssim", "gsm")
    NUM_SUMS = 4

    def __init__(
        self, ground_truth: np.ndarray, valid_mask: np.ndarray, *, depth_range: float
    ) -> None:
        """Prepares the comparison with a ground truth.

        Args:
            ground_truth: Metres, float64 `[H, W]`, without holes.
            valid_mask: Boolean `[H, W]`, the pixels that are measured.
            depth_range: Depth in metres that is mapped to 255, positive.
        """
        self._scale = 255.0 / depth_range
        self._image = self._as_image(ground_truth)
        self._mean = _window_mean(self._image)
        self._square = _window_mean(self._image**2)
        self._contrast = _block_gradient(self._image)
        self._windows = whole_windows(valid_mask, WINDOW_SIZE)
        self._blocks = whole_windows(valid_mask, BLOCK_SIZE)

    def sums(self, predicted: np.ndarray) -> np.ndarray:
        """Returns the number of windows, their SSIM, the number of blocks, their GSM.

        Args:
            predicted: Metres, float64 `[H, W]`, finite.

        Returns:
            float64 `[NUM_SUMS]`.
        """
        image = self._as_image(predicted)
        structural = self._structural(image)[self._windows]
        gradient = self._gradient(image)[self._blocks]
        return np.array(
            [structural.size, np.sum(structural), gradient.size, np.sum(gradient)]
        )

    def _as_image(self, depth: np.ndarray) -> np.ndarray:
        """Depth as an image in [0, 255]."""
        return np.clip(depth * self._scale, 0.0, 255.0)

    def _structural(self, image: np.ndarray) -> np.ndarray:
        """The SSIM of each window."""
        mean, square = _window_mean(image), _window_mean(image**2)
        product = _window_mean(image * self._image)
        both = mean * self._mean
        squares = mean**2 + self._mean**2
        luminance = (2.0 * both + C1) / (squares + C1)
        variances = square + self._square - squares
        return luminance * (2.0 * (product - both) + C2) / (variances + C2)

    def _gradient(self, image: np.ndarray) -> np.ndarray:
        """The GSM of each block."""
        contrast = _block_gradient(image)
        masking = MASKING * np.maximum(contrast, self._contrast)
        above = 2.0 * contrast * self._contrast + masking
        below = contrast**2 + self._contrast**2 + masking
        # Two flat blocks, 0 / 0, are equal.
        similarity = np.divide(above, below, out=np.ones_like(above), where=below > 0)
        luminance = 1.0 - ((image - self._image) / 255.0) ** 2
        weight = LUMINANCE_WEIGHT * similarity
        return (1.0 - weight) * similarity + weight * luminance

    @classmethod
    def values(cls, sums: np.ndarray) -> np.ndarray:
        """Returns the indices that follow from sums.

        Args:
            sums: `[..., NUM_SUMS]`, of one image or added up over several.

        Returns:
            Indices in the order of `NAMES`, `[..., 2]`; NaN without a complete window.
        """
        return ratio(sums[..., 1::2], sums[..., 0::2])


def _window_mean(image: np.ndarray) -> np.ndarray:
    """Means weighted by the Gaussian window."""
    return cv2.sepFilter2D(image, cv2.CV_64F, _WINDOW, _WINDOW)


def _block_gradient(image: np.ndarray) -> np.ndarray:
    """The largest weighted mean difference of each block over the four directions."""
    responses = [np.abs(cv2.filter2D(image, cv2.CV_64F, k)) for k in _KERNELS]
    return np.maximum.reduce(responses)
