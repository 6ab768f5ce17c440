"""Points and triangles of a depth map.

The axes follow OpenGL and GLB: x to the right, y up, z towards the viewer; the camera
is at the origin and looks along -z.
"""

import numpy as np

from dpde_tf.visualization.reconstruction.cameras import Camera

_UPRIGHT = np.array([1.0, -1.0, -1.0])
EDGE_RATIO = 1.05
"""Neighbouring depths with a larger ratio belong to different surfaces."""


def back_project(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """Returns the 3D point of each pixel.

    Args:
        depth: Metres, `[H, W]`; 0, negative and non-finite values are no measurement.
        camera: Camera at the size of the depth map.

    Returns:
        Metres, float32 `[H, W, 3]`; NaN where there is no measurement.

    Raises:
        ValueError: If the camera has another size.
    """
    if depth.shape != camera.size:
        raise ValueError(
            f"The camera must have the size of the depth map, {depth.shape}. Received: "
            f"{camera.size}. Use `Camera.resized`."
        )
    depth = _nan_unless_measured(depth)
    return (camera.rays() * depth[..., np.newaxis] * _UPRIGHT).astype(np.float32)


def relief(
    depth: np.ndarray, *, depth_range: tuple[float, float] | None = None
) -> np.ndarray:
    """Returns the depth map as a relief over the picture, with depth from 0 to 255.

    The first two coordinates are pixels to the right and up. The third is the negative
    depth, scaled to [0, 255], so that all three have a similar range.

    Args:
        depth: Metres, `[H, W]`; 0, negative and non-finite values are no measurement.
        depth_range: Depths that map to 0 and 255, metres; None = the measured range.

    Returns:
        float32 `[H, W, 3]`, centred on the middle of the picture and of the range; NaN
        where there is no measurement. Depths outside the range are not clipped.

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
        depth: Metres, `[H, W]`; 0, negative and non-finite values are no measurement.
        edge_ratio: Largest ratio of the farthest to the nearest of the four depths;
            above it there is a depth edge, at which the surface is cut.

    Returns:
        Bool `[H - 1, W - 1]`, indexed by the top left pixel; all four pixels must be
        measured.

    Raises:
        ValueError: If `edge_ratio` is below 1.
    """
    if not edge_ratio >= 1:
        raise ValueError(f"`edge_ratio` must be at least 1. Received: {edge_ratio}.")
    depth = _nan_unless_measured(depth)
    corners = [depth[:-1, :-1], depth[:-1, 1:], depth[1:, :-1], depth[1:, 1:]]
    # NaN propagates through both and compares as False.
    return np.maximum.reduce(corners) <= edge_ratio * np.minimum.reduce(corners)


def square_triangles(connected: np.ndarray) -> np.ndarray:
    """Returns the triangles of a grid's squares, two per square.

    Args:
        connected: Mask of the squares to use, bool `[H - 1, W - 1]`.

    Returns:
        Three pixel indices per triangle, counted row by row, anticlockwise as seen by
        the camera; int `[N, 3]`.
    """
    height, width = (length + 1 for length in connected.shape)
    pixels = np.arange(height * width).reshape(height, width)
    top, bottom = pixels[:-1], pixels[1:]
    upper = np.stack([top[:, :-1], bottom[:, :-1], top[:, 1:]], axis=-1)
    lower = np.stack([top[:, 1:], bottom[:, :-1], bottom[:, 1:]], axis=-1)
    return np.stack([upper, lower], axis=2)[connected].reshape(-1, 3)


def _nan_unless_measured(depth: np.ndarray) -> np.ndarray:
    """Converts depth to float64, with NaN where there is no measurement."""
    depth = np.asarray(depth, np.float64)
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.nan)
