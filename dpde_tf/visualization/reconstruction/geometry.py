"""Points and triangles of a depth map.

Axes are those of OpenGL and of GLB files: x to the right, y up, z towards the viewer;
the camera is at the origin and looks along -z.
"""

import numpy as np

from dpde_tf.visualization.reconstruction.cameras import Camera

_UPRIGHT = np.array([1.0, -1.0, -1.0])
EDGE_RATIO = 1.05
"""Depths of neighbours that differ by more belong to different surfaces."""


def back_project(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """Returns the point in space of each pixel.

    Args:
        depth: Metres, `[H, W]`; 0, negative and non-finite = no measurement.
        camera: Of the size of the depth map.

    Returns:
        Metres, float32 `[H, W, 3]`; NaN where there is no measurement.

    Raises:
        ValueError: If the camera is of another size.
    """
    if depth.shape != camera.size:
        raise ValueError(
            f"The camera must be of the size of the depth map, {depth.shape}. Received "
            f"one of {camera.size}; `Camera.resized` makes it."
        )
    depth = _nan_unless_measured(depth)
    return (camera.rays() * depth[..., np.newaxis] * _UPRIGHT).astype(np.float32)


def relief(
    depth: np.ndarray, *, depth_range: tuple[float, float] | None = None
) -> np.ndarray:
    """Returns the depth map as a relief over the picture, depth from 0 to 255.

    Points are pixels to the right and up and, as the third coordinate, minus the depth
    brought to [0, 255], so that all three are of the same order.

    Args:
        depth: Metres, `[H, W]`; 0, negative and non-finite = no measurement.
        depth_range: Metres that become 0 and 255; None = the least and the greatest.

    Returns:
        float32 `[H, W, 3]`, the middle of the picture and of the range at the origin;
        NaN where there is no measurement. Depths outside the range stay outside.

    Source: Xu & Liu (2021), Fig. 6.
    """
    depth = _nan_unless_measured(depth)
    rows, columns = np.indices(depth.shape, dtype=np.float64)
    low, high = depth_range or (np.nanmin(depth), np.nanmax(depth))
    level = 255 * (depth - low) / max(high - low, 1e-9)
    height, width = depth.shape
    points = [columns - (width - 1) / 2, (height - 1) / 2 - rows, 127.5 - level]
    return np.stack(points, axis=-1).astype(np.float32)


def connected_squares(
    depth: np.ndarray, *, edge_ratio: float = EDGE_RATIO
) -> np.ndarray:
    """Returns which squares of four neighbouring pixels lie on one surface.

    Args:
        depth: Metres, `[H, W]`; 0, negative and non-finite = no measurement.
        edge_ratio: Farthest by nearest of the four depths at most; above it there is
            a depth edge, where a surface has to be cut.

    Returns:
        Bool `[H - 1, W - 1]`, by the top left pixel; all four must be measured.

    Raises:
        ValueError: If `edge_ratio` is below 1.
    """
    if not edge_ratio >= 1:
        raise ValueError(f"`edge_ratio` must be at least 1. Received: {edge_ratio}.")
    depth = _nan_unless_measured(depth)
    corners = [depth[:-1, :-1], depth[:-1, 1:], depth[1:, :-1], depth[1:, 1:]]
    # NaN goes through both and compares as False.
    return np.maximum.reduce(corners) <= edge_ratio * np.minimum.reduce(corners)


def square_triangles(connected: np.ndarray) -> np.ndarray:
    """Returns the triangles of a grid's squares, two each.

    Args:
        connected: Which squares there are, bool `[H - 1, W - 1]`.

    Returns:
        Three indices of pixels a triangle, counted row by row, anticlockwise for the
        camera; int `[N, 3]`.
    """
    height, width = (length + 1 for length in connected.shape)
    pixels = np.arange(height * width).reshape(height, width)
    top, bottom = pixels[:-1], pixels[1:]
    upper = np.stack([top[:, :-1], bottom[:, :-1], top[:, 1:]], axis=-1)
    lower = np.stack([top[:, 1:], bottom[:, :-1], bottom[:, 1:]], axis=-1)
    return np.stack([upper, lower], axis=2)[connected].reshape(-1, 3)


def _nan_unless_measured(depth: np.ndarray) -> np.ndarray:
    """The depth in float64, NaN where there is none."""
    depth = np.asarray(depth, np.float64)
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.nan)
