"""Refinement of one depth map, of any network and size, by the fusion."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dpde_tf.config import FusionConfig
from dpde_tf.fusion import fuse_depth_and_gradients
from dpde_tf.inference.units import gradient_scale
from dpde_tf.metrics.support import nearest_measured

# Metres between the nearest and the farthest depth of a room, without 5 % at each end.
_TYPICAL_RANGE = 2.5


class Refinement(NamedTuple):
    """A refined depth map.

    Attributes:
        depth: Float32 `[H, W]`, in the unit of the input; NaN where there is neither
            depth nor a gradient.
        converged: Whether the fusion was solved to its tolerance.
    """

    depth: np.ndarray
    converged: bool


def fuse_with_holes(
    depth: np.ndarray,
    gradient_x: np.ndarray,
    gradient_y: np.ndarray,
    *,
    fusion: FusionConfig,
) -> Refinement:
    """Returns a depth map fused with gradients, its holes filled from them.

    Args:
        depth: Metres, `[H, W]`; NaN = a hole, where the gradients alone decide.
        gradient_x: Metres per pixel, `[H, W]`; NaN = unknown, ignored.
        gradient_y: Metres per pixel, `[H, W]`; NaN = unknown, ignored.
        fusion: Parameters of the fusion.

    Returns:
        A `Refinement`.

    Raises:
        ValueError: If the sizes differ, or there is no depth at all.
    """
    _check_sizes(depth, gradient_x, gradient_y)
    measured = np.isfinite(depth)
    if not measured.any():
        raise ValueError("The depth map has no depth at all: only holes.")
    known = [np.isfinite(gradient) for gradient in (gradient_x, gradient_y)]
    result = fuse_depth_and_gradients(
        _tensor(filled_from_nearest(depth)),
        _tensor(np.where(known[0], gradient_x, 0)),
        _tensor(np.where(known[1], gradient_y, 0)),
        confidence=_tensor(measured),
        gradient_confidence=(_tensor(known[0]), _tensor(known[1])),
        **dataclasses.asdict(fusion),
    )
    reached = measured | _touched(*known)
    fused = result.depth.numpy()[0, ..., 0]
    return Refinement(
        depth=np.where(reached, fused, np.float32(np.nan)),
        converged=bool(result.converged.numpy()[0]),
    )


def refine_relative_depth(
    depth: np.ndarray,
    gradient_x: np.ndarray,
    gradient_y: np.ndarray,
    *,
    fusion: FusionConfig,
) -> Refinement:
    """Returns affine-invariant depth fused with gradients in metres, in its own unit.

    The depth is scaled to the gradients (see `gradient_scale`), fused, and scaled back,
    so that the epsilon of the penalty, in square metres, keeps its meaning.

    Args:
        depth: Depth up to a scale and a shift, `[H, W]`; NaN = a hole.
        gradient_x: As for `fuse_with_holes`.
        gradient_y: As for `fuse_with_holes`.
        fusion: Parameters of the fusion, in metres.

    Returns:
        A `Refinement`.

    Raises:
        ValueError: As `fuse_with_holes` and `gradient_scale`.
    """
    _check_sizes(depth, gradient_x, gradient_y)
    scale = np.float32(gradient_scale(depth, gradient_x, gradient_y))
    refined = fuse_with_holes(depth / scale, gradient_x, gradient_y, fusion=fusion)
    return refined._replace(depth=refined.depth * scale)


def fuse_in_unit_of_depth(
    depth: np.ndarray,
    gradient_x: np.ndarray,
    gradient_y: np.ndarray,
    *,
    fusion: FusionConfig,
) -> Refinement:
    """Returns relative depth fused with gradients in its own unit.

    The depth is scaled to a typical range in metres, fused, and scaled back, so that
    the epsilon of the penalty, in square metres, keeps its meaning.

    Args:
        depth: Relative depth, `[H, W]`; NaN = a hole.
        gradient_x: Unit of `depth` per pixel, `[H, W]`.
        gradient_y: The same along the height.
        fusion: Parameters of the fusion, in metres.

    Returns:
        A `Refinement`.

    Raises:
        ValueError: As `fuse_with_holes`.
    """
    low, high = np.nanpercentile(depth, [5, 95])
    scale = np.float32((high - low) / _TYPICAL_RANGE or 1.0)
    maps = (values / scale for values in (depth, gradient_x, gradient_y))
    refined = fuse_with_holes(*maps, fusion=fusion)
    return refined._replace(depth=refined.depth * scale)


def fusion_for(relative: bool, in_unit_of_depth: bool) -> Callable[..., Refinement]:
    """Returns the function that fuses depth and gradients of these units.

    Args:
        relative: Whether depth is relative, up to a scale and a shift.
        in_unit_of_depth: Whether the gradients are in the unit of the depth map.

    Returns:
        `fuse_with_holes`, or what brings relative depth to metres and back.
    """
    if not relative:
        return fuse_with_holes
    return fuse_in_unit_of_depth if in_unit_of_depth else refine_relative_depth


def _check_sizes(
    depth: np.ndarray, gradient_x: np.ndarray, gradient_y: np.ndarray
) -> None:
    """Refuses gradients of another size."""
    if not depth.shape == gradient_x.shape == gradient_y.shape:
        raise ValueError(
            "The gradients must have the size of the depth map, since metres per pixel "
            "change with the size. Received: gradients of "
            f"{gradient_x.shape} and {gradient_y.shape}, depth of {depth.shape}."
        )


def filled_from_nearest(depth: np.ndarray) -> np.ndarray:
    """Returns a depth map whose holes hold the nearest depth.

    Args:
        depth: `[H, W]`, NaN in holes, but not everywhere.

    Returns:
        Of the same shape and type, finite.
    """
    nearest = nearest_measured(np.isfinite(depth))
    return depth if nearest is None else depth[nearest]


def _touched(known_x: np.ndarray, known_y: np.ndarray) -> np.ndarray:
    """Returns which pixels take part in a difference that is known."""
    touched = np.zeros_like(known_x)
    touched[:, :-1] |= known_x[:, :-1]
    touched[:, 1:] |= known_x[:, :-1]
    touched[:-1] |= known_y[:-1]
    touched[1:] |= known_y[:-1]
    return touched


def _tensor(values: np.ndarray) -> tf.Tensor:
    """`[H, W]` as float32 `[1, H, W, 1]`."""
    return tf.constant(values[np.newaxis, ..., np.newaxis], tf.float32)
