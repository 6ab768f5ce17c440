"""Figs. 6 and 7: three-dimensional views of the scene."""

from collections.abc import Sequence

import numpy as np

from dpde_tf.files.depth_maps import measured_depth
from dpde_tf.reporting.examples import Example
from dpde_tf.reporting.figures.columns import Column, column_depth
from dpde_tf.visualization.layout import Row, stack_rows
from dpde_tf.visualization.reconstruction.geometry import (
    connected_squares,
    relief,
    square_triangles,
)
from dpde_tf.visualization.reconstruction.rendering import render_view, rotation

_AZIMUTH, _ELEVATION = 30, 15  # degrees, of Fig. 6
_AZIMUTHS = (-40, -20, 0, 20, 40)  # of Fig. 7
METHODS_VIEW = f"seen from {_AZIMUTH} degrees to the right and {_ELEVATION} above"
DIRECTIONS_VIEW = f"degrees to the right, {_ELEVATION} above"
_MARGIN = 1.1  # nearer points look larger
_LARGEST = 2.5  # a view shows at most this many heights of the picture
_PERCENTILE = 99.9  # of the points are inside the picture; outliers may not be


def methods_figure(
    examples: Sequence[Example], columns: Sequence[Column], *, note: str = ""
) -> np.ndarray:
    """Returns one row per image with the same view of the depth of each method.

    Depth is scaled to [0, 255] with the range of the ground truth, the same within a
    row. Surfaces are cut at depth edges.

    Args:
        examples: Images to show, at least one.
        columns: Depth maps to show after the input and the ground truth.
        note: Text below the figure, ASCII; possibly empty.

    Returns:
        RGB, uint8.

    Source: Xu & Liu (2021), Fig. 6.
    """
    rows = []
    for example in examples:
        depths = [example.ground_truth, *(column_depth(example, c) for c in columns)]
        height = _visible_height(example, depths, [_AZIMUTH])
        views = [_view(example, depth, _AZIMUTH, height) for depth in depths]
        titles = [example.name, "ground truth", *(column.title for column in columns)]
        rows.append(Row([example.image, *views], titles))
    return stack_rows(rows, note=note)


def directions_figure(examples: Sequence[Example], column: Column) -> np.ndarray:
    """Returns one row per image with one depth map from several directions.

    Args:
        examples: Images to show, at least one.
        column: Depth map to show.

    Returns:
        RGB, uint8.

    Source: Xu & Liu (2021), Fig. 7.
    """
    rows = []
    for example in examples:
        depth = column_depth(example, column)
        height = _visible_height(example, [depth], _AZIMUTHS)
        views = [_view(example, depth, azimuth, height) for azimuth in _AZIMUTHS]
        titles = [f"{azimuth} degrees" for azimuth in _AZIMUTHS]
        titles[0] = f"{column.title}, {titles[0]}"
        rows.append(Row([example.image, *views], [example.name, *titles]))
    return stack_rows(rows)


def _visible_height(
    example: Example, depths: Sequence[np.ndarray], azimuths: Sequence[float]
) -> float:
    """Height that the pictures of a row show, so that no view is cut off."""
    height, width = example.ground_truth.shape
    needed = height
    for depth in depths:
        if not measured_depth(depth).any():
            continue
        points = relief(depth, depth_range=example.depth_range).reshape(-1, 3)
        points = points[np.isfinite(points[:, 2])]
        for azimuth in azimuths:
            seen = np.abs(points @ rotation(azimuth, _ELEVATION)[:2].T)
            right, up = np.percentile(seen, _PERCENTILE, axis=0)
            needed = max(needed, 2 * _MARGIN * up, 2 * _MARGIN * right * height / width)
    return min(needed, _LARGEST * height)


def _view(
    example: Example, depth: np.ndarray, azimuth: float, visible_height: float
) -> np.ndarray:
    """One view at the size of the image."""
    return render_view(
        relief(depth, depth_range=example.depth_range).reshape(-1, 3),
        example.image.reshape(-1, 3),
        square_triangles(connected_squares(depth)),
        azimuth=azimuth,
        elevation=_ELEVATION,
        size=example.ground_truth.shape,
        visible_height=visible_height,
    )
