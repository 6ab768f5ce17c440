"""Resizes depth maps without inventing depth inside holes."""

import numpy as np
import tensorflow as tf

# In a bilinear interpolation, the nearest pixel has at least this weight.
_LEAST_WEIGHT = 0.25
# Sampling positions in float32 are rounded, which changes weights by about 1e-7.
_ROUNDING = 1e-4


def resize_depth(depth: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Returns depth maps resized bilinearly, over measured pixels only.

    Pixel centres are at half integers, and shrinking does not apply a low-pass filter
    (`tf.image.resize` without antialiasing). See `mean_of_measured` for the value of
    an output pixel near a hole. A depth map that already has the size is not changed.

    Args:
        depth: Metres, `[B, H, W, 1]` or `[H, W, 1]`; only positive and finite values
            are measurements.
        size: (height, width) of the result, positive.

    Returns:
        Metres, float32, of the same rank; 0 = no measurement.

    Raises:
        ValueError: If the shape of `depth` is not one of the two.
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
    """Returns interpolated depth, given the interpolations of depth and of its mask.

    The value is the weighted mean of the measured pixels. It is a measurement if these
    have at least a quarter of the weight. A pixel is thus measured wherever the nearest
    input pixel is, so that sparse depth is kept and holes do not close.

    Args:
        total: Bilinear interpolation of depth that is 0 in holes, metres, float32.
        weight: Bilinear interpolation of the mask, 1 = measured, float32, of the same
            shape.

    Returns:
        Metres, of the same shape; 0 = no measurement.
    """
    mean = tf.math.divide_no_nan(total, weight)
    # Division by almost 1 would only add rounding errors.
    mean = tf.where(weight > 1.0 - _ROUNDING, total, mean)
    return tf.where(weight > _LEAST_WEIGHT - _ROUNDING, mean, 0.0)


def resize_with_holes(depth: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns a depth map in any unit, resized bilinearly over known pixels only.

    Args:
        depth: Depth map, `[H, W]`, NaN in holes.
        size: (height, width) of the result.

    Returns:
        Float32 `[height, width]`, NaN in holes, see `mean_of_measured`; the map itself
        if it already has the size.
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
        ValueError: If the shape of `depth` is not one of the two.
    """
    depth = tf.cast(tf.convert_to_tensor(depth), tf.float32)
    if depth.shape.rank == 3:
        depth = depth[..., tf.newaxis]
    if depth.shape.rank is None:  # Keras saw both shapes.
        shape = tf.ensure_shape(tf.shape(depth)[:3], [3])
        depth = tf.reshape(depth, tf.concat([shape, [1]], 0))
    if depth.shape.rank != 4 or depth.shape[-1] not in (1, None):
        raise ValueError(
            "True depth must be [B, H, W, 1] or [B, H, W]. Received the shape: "
            f"{depth.shape}."
        )
    return depth


def at_one_size(truth: tf.Tensor, predicted: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns true depth, resized to the size of a network's output, and the output.

    Args:
        truth: Metres, `[B, H, W, 1]` or `[B, H, W]`; 0 = no measurement.
        predicted: Output of the network, `[B, h, w, 1]` or `[B, h, w]`.

    Returns:
        Metres, float32 `[B, h, w, 1]`, see `resize_depth`; and the output,
        `[B, h, w, 1]`.

    Raises:
        ValueError: If a shape is another one.
    """
    predicted = tf.convert_to_tensor(predicted)
    if predicted.shape.rank == 3:
        predicted = predicted[..., tf.newaxis]
    if predicted.shape.rank != 4 or predicted.shape[-1] not in (1, None):
        raise ValueError(
            "`y_pred` must be [B, h, w, 1] or [B, h, w]. Received: "
            f"{predicted.shape}. One map becomes a batch by y_pred[np.newaxis]."
        )
    truth = resize_depth(as_depth_map(truth), tf.shape(predicted)[1:3])
    return tf.ensure_shape(truth, [*predicted.shape[:3], 1]), predicted
