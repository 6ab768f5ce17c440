"""Depth maps at another size, without inventing depth inside holes."""

import numpy as np
import tensorflow as tf

# The nearest pixel has at least this weight in a bilinear interpolation.
_LEAST_WEIGHT = 0.25
# Float32 sampling positions are rounded, so weights are wrong by about 1e-7.
_ROUNDING = 1e-4


def resize_depth(depth: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Returns depth maps resized bilinearly, over measured pixels only.

    Pixel centres lie at half integers, and shrinking does not low-pass
    (`tf.image.resize` without antialiasing). See `mean_of_measured` for the value of
    an output pixel near a hole. At its own size a depth map is returned unchanged.

    Args:
        depth: Metres, `[B, H, W, 1]` or `[H, W, 1]`; pixels that are not positive
            and finite are not measured.
        size: (height, width) of the result, positive.

    Returns:
        Metres, float32, of the same rank; 0 = no measurement.

    Raises:
        ValueError: If `depth` has another rank or more than one channel.
    """
    depth = tf.convert_to_tensor(depth)
    if depth.shape.rank not in (3, 4) or depth.shape[-1] not in (1, None):
        raise ValueError(
            "`depth` must be [B, H, W, 1] or [H, W, 1]. Received the shape: "
            f"{depth.shape}."
        )
    depth = tf.cast(depth, tf.float32)
    measured = tf.logical_and(depth > 0.0, tf.math.is_finite(depth))
    depth = tf.where(measured, depth, 0.0)
    both = tf.concat([depth, tf.cast(measured, tf.float32)], axis=-1)
    both = tf.image.resize(both, size)
    return mean_of_measured(both[..., :1], both[..., 1:])


def mean_of_measured(total: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Returns interpolated depth from the interpolations of depth and of its mask.

    The value is the weighted mean of the measured pixels. It is a measurement if these
    have at least a quarter of the weight: a pixel is measured wherever the nearest
    input pixel is, so that sparse depth stays, and holes do not close.

    Args:
        total: Bilinear interpolation of depth that is 0 in holes, metres, float32.
        weight: The same of the mask, 1 = measured, float32 of the same shape.

    Returns:
        Metres, of the same shape; 0 = no measurement.
    """
    mean = tf.math.divide_no_nan(total, weight)
    # Division by almost 1 would only round.
    mean = tf.where(weight > 1.0 - _ROUNDING, total, mean)
    return tf.where(weight > _LEAST_WEIGHT - _ROUNDING, mean, 0.0)


def resize_with_holes(depth: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns a depth map of any unit, resized bilinearly over what is known.

    Args:
        depth: `[H, W]`, NaN in holes.
        size: (height, width) of the result.

    Returns:
        Float32 `[height, width]`, NaN in holes, see `mean_of_measured`; unchanged at
        its own size.
    """
    if depth.shape == tuple(size):
        return depth
    known = np.isfinite(depth)
    both = np.stack([np.where(known, depth, 0), known], axis=-1).astype(np.float32)
    total, weight = tf.split(tf.image.resize(both, size), 2, axis=-1)
    mean = mean_of_measured(total, weight).numpy()[..., 0]
    return np.where(weight.numpy()[..., 0] < _LEAST_WEIGHT - _ROUNDING, np.nan, mean)


def as_depth_map(depth: tf.Tensor) -> tf.Tensor:
    """Returns depth maps with a channel axis.

    Args:
        depth: `[B, H, W, 1]` or `[B, H, W]`.

    Returns:
        Float32 `[B, H, W, 1]`.

    Raises:
        ValueError: If it is something else.
    """
    depth = tf.cast(tf.convert_to_tensor(depth), tf.float32)
    if depth.shape.rank == 3:
        depth = depth[..., tf.newaxis]
    if depth.shape.rank != 4 or depth.shape[-1] not in (1, None):
        raise ValueError(
            "True depth must be [B, H, W, 1] or [B, H, W]. Received the shape: "
            f"{depth.shape}."
        )
    return depth


def depth_at_size_of(truth: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Returns true depth at the size of a network's output.

    Args:
        truth: Metres, `[B, H, W, 1]` or `[B, H, W]`; 0 = no measurement.
        predicted: `[B, h, w, C]`.

    Returns:
        Metres, float32 `[B, h, w, 1]`, see `resize_depth`.

    Raises:
        ValueError: If `truth` is something else.
    """
    truth = resize_depth(as_depth_map(truth), tf.shape(predicted)[1:3])
    return tf.ensure_shape(truth, [*predicted.shape[:3], 1])
