"""Depth maps at another size, without inventing depth inside holes."""

import tensorflow as tf

# Float32 sampling positions are rounded, so that a pixel just outside the
# footprint may get a weight of about 1e-7 instead of 0.
_ROUNDING = 1e-5


def resize_depth(depth: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Returns depth maps resized bilinearly, over measured pixels only.

    Pixel centres lie at half integers, and shrinking does not low-pass
    (`tf.image.resize` without antialiasing). An output pixel is measured only if
    every input pixel that it is interpolated from is measured; so nothing is
    interpolated across a hole, and holes grow rather than shrink. At its own size
    a depth map is returned unchanged.

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
    holes = tf.cast(tf.logical_not(measured), tf.float32)
    both = tf.image.resize(tf.concat([depth, holes], axis=-1), size)
    return tf.where(both[..., 1:] < _ROUNDING, both[..., :1], 0.0)
