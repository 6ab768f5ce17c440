"""Coloured pictures of depth, gradients and errors, and grids of them.

All pictures are RGB, uint8 `[H, W, 3]`. Pixels without a measurement are black.
"""

import pathlib
from collections.abc import Sequence

import cv2
import numpy as np

from dpde_tf.files.atomic import atomic_write
from dpde_tf.visualization.layout import TITLE_HEIGHT, ColorBar, title_strip

_COLOUR_LEVELS = 256


def _apply_colormap(share: np.ndarray, colormap: int) -> np.ndarray:
    """Maps values in [0, 1] to RGB colours."""
    levels = np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(levels, colormap), cv2.COLOR_BGR2RGB)


_LARGEST_JPEG = 65_500  # Pixels a side.


def _check_maps(**maps: np.ndarray) -> None:
    """Raises a ValueError unless all maps are `[H, W]` and have one size."""
    shapes = {name: values.shape for name, values in maps.items()}
    if len(set(shapes.values())) > 1 or any(v.ndim != 2 for v in maps.values()):
        raise ValueError(
            f"{' and '.join(f'`{name}`' for name in shapes)} must be [H, W] of one "
            f"size. Received: {', '.join(str(shape) for shape in shapes.values())}."
        )


def _check_limit(limit: float) -> None:
    if not limit > 0:
        raise ValueError(f"`limit` must be positive. Received: {limit}.")


def colorize_depth(
    depth: np.ndarray,
    *,
    min_depth: float | None = None,
    max_depth: float | None = None,
) -> np.ndarray:
    """Returns a depth map in colours from red (near) through green to blue (far).

    Args:
        depth: Metres, `[H, W]`; 0, negative and non-finite values are no measurement.
        min_depth: Depth of the nearest colour, metres; None = the smallest measured
            depth.
        max_depth: Depth of the farthest colour, metres; None = the largest measured
            depth.

    Returns:
        RGB, uint8 `[H, W, 3]`; depths outside the range have the colour of its nearer
        end.

    Raises:
        ValueError: If `depth` is not `[H, W]` or `min_depth` exceeds `max_depth`.
    """
    depth = np.asarray(depth, np.float64)
    _check_maps(depth=depth)
    if min_depth is not None and max_depth is not None and min_depth > max_depth:
        raise ValueError(
            "`min_depth` must not be greater than `max_depth`. Received: "
            f"{min_depth} and {max_depth}."
        )
    measured = np.isfinite(depth) & (depth > 0)
    ends = depth[measured] if measured.any() else np.ones(1)
    low = ends.min() if min_depth is None else min_depth
    high = ends.max() if max_depth is None else max_depth
    if max_depth is not None:
        low = min(low, max_depth - 1e-9)  # Everything may be farther.
    far = (np.where(measured, depth, low) - low) / max(high - low, 1e-9)
    colours = _apply_colormap(1 - far, cv2.COLORMAP_TURBO)
    return np.where(measured[..., np.newaxis], colours, np.uint8(0))


def colorize_gradients(
    gradient_x: np.ndarray, gradient_y: np.ndarray, *, limit: float
) -> np.ndarray:
    """Returns depth gradients in colours: hue = direction, saturation = magnitude.

    White = no gradient, red = deeper to the right, cyan = deeper to the left,
    yellow-green = deeper downwards, violet = deeper upwards.

    Args:
        gradient_x: Metres per pixel along the width, `[H, W]`; NaN counts as 0.
        gradient_y: Metres per pixel along the height, `[H, W]`.
        limit: Magnitude at which the colour saturates, metres per pixel, positive.

    Returns:
        RGB, uint8 `[H, W, 3]`.

    Raises:
        ValueError: If the shapes differ or are not `[H, W]`, or `limit` is not
            positive.
    """
    gradient_x = np.nan_to_num(np.asarray(gradient_x, np.float64))
    gradient_y = np.nan_to_num(np.asarray(gradient_y, np.float64))
    _check_maps(gradient_x=gradient_x, gradient_y=gradient_y)
    _check_limit(limit)
    size = np.clip(np.hypot(gradient_x, gradient_y) / limit, 0, 1)
    degrees = np.degrees(np.arctan2(gradient_y, gradient_x)) % 360
    hsv = np.stack([degrees, size, np.ones_like(size)], axis=-1).astype(np.float32)
    return np.rint(255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)).astype(np.uint8)


def colorize_error(
    ground_truth: np.ndarray, predicted: np.ndarray, *, limit: float
) -> np.ndarray:
    """Returns the error of a depth map in colours: red = too far, blue = too near.

    White = no error; pixels without ground truth are black.

    Args:
        ground_truth: Metres, `[H, W]`; 0, negative and non-finite values are no
            measurement.
        predicted: Metres, `[H, W]`.
        limit: Error at which the colour saturates, metres, positive.

    Returns:
        RGB, uint8 `[H, W, 3]`.

    Raises:
        ValueError: If the shapes differ or are not `[H, W]`, or `limit` is not
            positive.
    """
    ground_truth = np.asarray(ground_truth, np.float64)
    predicted = np.asarray(predicted, np.float64)
    _check_maps(ground_truth=ground_truth, predicted=predicted)
    _check_limit(limit)
    measured = np.isfinite(ground_truth) & (ground_truth > 0)
    error = np.where(measured, predicted - ground_truth, 0.0) / limit
    error = np.clip(np.nan_to_num(error, nan=1.0), -1, 1)
    fading = 1 - np.abs(error)
    red, blue = np.where(error < 0, fading, 1), np.where(error > 0, fading, 1)
    colours = np.rint(255 * np.stack([red, fading, blue], axis=-1)).astype(np.uint8)
    return np.where(measured[..., np.newaxis], colours, np.uint8(0))


def montage(
    rows: Sequence[Sequence[np.ndarray]],
    column_titles: Sequence[str],
    *,
    gap: int = 4,
    depth_range: tuple[float, float] | None = None,
) -> np.ndarray:
    """Returns a grid of pictures on white, with titles above the columns.

    Args:
        rows: RGB pictures, uint8 `[H, W, 3]`, all of one size; one per title in each
            row.
        column_titles: One text per column; ASCII, which is all that OpenCV's fonts
            have.
        gap: Number of white pixels between pictures, not negative.
        depth_range: Depths of the nearest and the farthest colour, metres, for a colour
            bar on the right; None = no bar.

    Returns:
        RGB, uint8; the titles take 20 pixels of height, the bar 60 of width.

    Raises:
        ValueError: If there is no picture, or a row, a size or a type does not match.
    """
    columns = len(column_titles)
    if not rows or not columns or any(len(row) != columns for row in rows) or gap < 0:
        raise ValueError(
            f"Every row must have a picture for each of the {columns} titles and `gap` "
            f"must not be negative. Received: rows of {[len(row) for row in rows]}, "
            f"gap {gap}."
        )
    kinds = {(image.dtype.name, image.shape) for row in rows for image in row}
    (dtype, shape), *others = kinds
    if others or dtype != "uint8" or len(shape) != 3 or shape[2] != 3:
        raise ValueError(
            "All pictures must be uint8 [H, W, 3] of one size. Received: "
            f"{sorted(map(str, kinds))}."
        )
    titles = [title_strip(text, shape[1]) for text in column_titles]
    strips = [_with_gaps(row, gap, axis=1) for row in rows]
    grid = _with_gaps(strips, gap, axis=0)
    if depth_range is not None:
        bar = ColorBar(depth_colours(), *depth_range, digits=1, label_width=48)
        grid = _with_gaps([grid, bar.draw(grid.shape[0])], gap, axis=1)
    header = np.full((TITLE_HEIGHT, grid.shape[1], 3), 255, np.uint8)
    titled = _with_gaps(titles, gap, axis=1)
    header[:, : titled.shape[1]] = titled
    return np.concatenate([header, grid])


def depth_colours() -> np.ndarray:
    """Returns the colours of `colorize_depth`.

    Returns:
        RGB from near to far, uint8 `[256, 3]`.
    """
    near = np.linspace(1, 0, _COLOUR_LEVELS)[:, np.newaxis]
    return _apply_colormap(near, cv2.COLORMAP_TURBO)[:, 0]


def _with_gaps(images: Sequence[np.ndarray], gap: int, *, axis: int) -> np.ndarray:
    """Concatenates pictures along an axis with white gaps."""
    shape = list(images[0].shape)
    shape[axis] = gap
    white = np.full(shape, 255, np.uint8)
    parts = [part for image in images for part in (white, image)]
    return np.concatenate(parts[1:], axis=axis)


def encode_png(rgb: np.ndarray) -> bytes:
    """Returns a picture as the bytes of a PNG file.

    Args:
        rgb: uint8 `[H, W, 3]`.

    Returns:
        The file's content.

    Raises:
        ValueError: If the type or the shape is different.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(
            f"The picture must be uint8 [H, W, 3]. Received: {rgb.dtype} {rgb.shape}."
        )
    _, png = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return png.tobytes()


def encode_jpeg(rgb: np.ndarray, *, quality: int = 92) -> bytes:
    """Returns a picture as the bytes of a JPEG file.

    Args:
        rgb: uint8 `[H, W, 3]`.
        quality: From 1 to 100.

    Returns:
        The file's content.

    Raises:
        ValueError: If it is too large for the format.
    """
    if max(rgb.shape[:2]) > _LARGEST_JPEG:
        raise ValueError(
            f"A JPEG has at most {_LARGEST_JPEG} pixels a side; the picture is "
            f"{rgb.shape[0]}x{rgb.shape[1]}. Show fewer images."
        )
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return jpeg.tobytes()


def write_image(path: str | pathlib.Path, rgb: np.ndarray) -> None:
    """Writes a picture as a PNG file, atomically.

    Args:
        path: File with the suffix `.png`; its folder is created if missing.
        rgb: uint8 `[H, W, 3]`.

    Raises:
        ValueError: If the suffix, the type or the shape is different.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"The picture must be a .png file. Received: {path}.")
    png = encode_png(rgb)
    with atomic_write(path) as temporary:
        temporary.write_bytes(png)
