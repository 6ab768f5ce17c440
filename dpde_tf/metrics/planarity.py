"""Planarity: flatness of a prediction where the scene is flat."""

import numpy as np

from dpde_tf.metrics.support import ratio

BLOCK_SIZE = 16
"""Side of the blocks in which planes are fitted, pixels."""

FLAT = 0.01
"""Relative RMS deviation from its plane below which a true block is flat."""


class Planarity:
    """Deviations from planes of predictions for one ground truth.

    For a pinhole camera of any focal length, the inverse depth of a plane is an affine
    function of the pixel. This function is fitted by least squares in each block of
    16x16 measured pixels; the deviation of a pixel is 1 - depth / depth of the plane.
    Blocks whose ground truth deviates by less than 1 % (RMS) are flat. `planarity` is
    the RMS deviation of the prediction from its own planes in the flat blocks. It does
    not change with the scale of the depth.

    In iBims-1, planes are drawn by hand and errors are in centimetres.

    Source: Koch et al. (2018), planarity error; here relative, on blocks.
    """

    NAMES = ("planarity",)
    NUM_SUMS = 2

    def __init__(self, ground_truth: np.ndarray, valid_mask: np.ndarray) -> None:
        """Prepares the comparison with a ground truth.

        Args:
            ground_truth: Metres, float64 `[H, W]`, positive.
            valid_mask: Boolean `[H, W]`, the pixels that are measured.
        """
        deviation = np.sqrt(np.mean(_deviations(_blocks(ground_truth)) ** 2, axis=1))
        self._flat = np.all(_blocks(valid_mask), axis=1) & (deviation < FLAT)

    def sums(self, predicted: np.ndarray) -> np.ndarray:
        """Returns the sum of squared deviations and the number of pixels.

        Args:
            predicted: Metres, float64 `[H, W]`, positive.

        Returns:
            float64 `[NUM_SUMS]`.
        """
        deviations = _deviations(_blocks(predicted)[self._flat])
        return np.array([np.sum(deviations**2), deviations.size])

    @classmethod
    def values(cls, sums: np.ndarray) -> np.ndarray:
        """Returns the measure that follows from sums.

        Args:
            sums: `[..., NUM_SUMS]`, of one image or added up over several.

        Returns:
            `[..., 1]`; NaN if no block is flat.
        """
        return np.sqrt(ratio(sums[..., :1], sums[..., 1:]))


def _plane_basis() -> np.ndarray:
    """Orthonormal basis of the affine functions on a block, `[pixels, 3]`."""
    rows, columns = np.mgrid[:BLOCK_SIZE, :BLOCK_SIZE].reshape(2, -1)
    return np.linalg.qr(np.stack([np.ones(rows.size), rows, columns], axis=1))[0]


_BASIS = _plane_basis()


def _blocks(values: np.ndarray) -> np.ndarray:
    """The complete blocks of a map, `[blocks, pixels]`, without a remainder."""
    rows, columns = (size // BLOCK_SIZE for size in values.shape)
    whole = values[: rows * BLOCK_SIZE, : columns * BLOCK_SIZE]
    blocks = whole.reshape(rows, BLOCK_SIZE, columns, BLOCK_SIZE).swapaxes(1, 2)
    return blocks.reshape(rows * columns, BLOCK_SIZE**2)


def _deviations(depth: np.ndarray) -> np.ndarray:
    """1 - depth / depth of the plane of each block, `[blocks, pixels]`."""
    return 1.0 - depth * ((1.0 / depth) @ _BASIS @ _BASIS.T)
