"""A depth map before and after its refinement, whole and magnified."""

import cv2
import numpy as np

from dpde_tf.visualization.colours import colorize_depth, montage
from dpde_tf.visualization.magnification import busiest_window


def refinement_picture(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Returns a depth map before and after, and below a detail with depth edges.

    The detail is the window where the refined depth varies most. The pictures of a row
    have the same colours.

    Args:
        before: Depth, `[H, W]`; 0, negative and not finite = none, black.
        after: Depth, `[H, W]`.

    Returns:
        RGB, uint8, with titles.
    """
    rows = []
    for region in (np.s_[:, :], _detail(after)):
        maps = [before[region], after[region]]
        values = np.concatenate([m[np.isfinite(m) & (m > 0)] for m in maps])
        limits = {"min_depth": 0.0, "max_depth": 1.0}
        if values.size:
            limits = {"min_depth": values.min(), "max_depth": values.max()}
        pictures = [colorize_depth(m, **limits) for m in maps]
        rows.append([_enlarged(picture, before.shape) for picture in pictures])
    return montage(rows, ["before", "after"])


def _detail(depth: np.ndarray) -> tuple[slice, slice]:
    """The window of 1 / 4 of the size with the greatest total variation."""
    filled = np.nan_to_num(depth).astype(np.float32)
    variation = np.abs(np.diff(filled, axis=1, append=filled[:, -1:]))
    variation += np.abs(np.diff(filled, axis=0, append=filled[-1:]))
    return busiest_window(variation)


def _enlarged(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture at a size, its pixels as squares."""
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_NEAREST)
