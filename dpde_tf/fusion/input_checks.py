"""Checks of the inputs of the fusion: shapes, types, finite maps, ranges of scalars.

In eager mode, values are checked at once (`ValueError`). In a graph, they are checked
when the graph runs (`tf.errors.InvalidArgumentError`).
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def missing_axes(depth: tf.Tensor) -> tuple[int, ...]:
    """Returns the axes that a depth map lacks.

    Args:
        depth: `[H, W]`, `[H, W, 1]`, `[B, H, W]` or `[B, H, W, 1]`.

    Returns:
        Axes of the batch and of the channel, as `with_axes` adds them.
    """
    shape = tf.convert_to_tensor(depth).shape
    if shape.rank == 3 and shape[2] == 1:
        return (0,)
    return {2: (0, 3), 3: (3,)}.get(shape.rank, ())


def with_axes(values: tf.Tensor | None, axes: tuple[int, ...]) -> tf.Tensor | None:
    """Returns a map with additional axes of length 1.

    Args:
        values: The map, or None.
        axes: Positions of the new axes, ascending.

    Returns:
        The map, or None.
    """
    if values is None:
        return None
    for axis in axes:
        values = tf.expand_dims(values, axis)
    return values


def checked_depth(values: tf.Tensor) -> tf.Tensor:
    """Returns a checked depth map.

    Args:
        values: Depth map, `[B, H, W, 1]`, float32 or float64.

    Returns:
        The depth map as a tensor.

    Raises:
        ValueError: If the shape or the type is wrong, or a value is not finite.
    """
    depth = tf.convert_to_tensor(values)
    if depth.shape.rank != 4 or depth.shape[3] != 1:
        raise ValueError(
            "`depth` must be [B, H, W, 1], [B, H, W] or [H, W]. Received: "
            f"{depth.shape}."
        )
    if depth.dtype not in (tf.float32, tf.float64):
        raise ValueError(
            f"`depth` must be float32 or float64, in metres. Received: "
            f"{depth.dtype.name}. "
            + (
                "Divide whole millimetres by 1000.0."
                if depth.dtype.is_integer
                else "Convert it, such as by tf.cast(depth, tf.float32)."
            )
        )
    return checked_map(depth, "depth", depth)


def checked_map(values: tf.Tensor, name: str, depth: tf.Tensor) -> tf.Tensor:
    """Returns a checked map that belongs to a depth map.

    Args:
        values: The map, of the shape and type of `depth`.
        name: Name of the map, for messages.
        depth: The depth map.

    Returns:
        The map as a tensor.

    Raises:
        ValueError: If the shape or the type is wrong, or a value is not finite.
    """
    if values is None:
        raise ValueError(f"`{name}` must be a map like `depth`. Received: None.")
    values = tf.convert_to_tensor(values)
    if not values.shape.is_compatible_with(depth.shape) or values.dtype != depth.dtype:
        raise ValueError(
            f"`{name}` must have the shape and the type of `depth`. Received: "
            f"{values.dtype.name} {values.shape} and {depth.dtype.name} {depth.shape}. "
            "Types are converted by tf.cast."
        )

    def broken() -> tf.Tensor:
        finite = tf.reduce_all(tf.math.is_finite(values), axis=[1, 2, 3])
        return tf.where(~finite)[:, 0]

    _require(
        _all_finite(values),
        f"`{name}` must be finite: fill holes, and give them a confidence of 0. NaN or "
        "infinity in image(s) of the batch:",
        broken,
    )
    return values


def checked_confidence(
    values: tf.Tensor | None, name: str, depth: tf.Tensor
) -> tf.Tensor:
    """Returns a checked confidence map.

    Args:
        values: Map like `depth`, or None for 1 everywhere.
        name: Name of the map, for messages.
        depth: The depth map.

    Returns:
        The map as a tensor, `[1, 1, 1, 1]` in place of None.

    Raises:
        ValueError: As for `checked_map`, and if a value is negative.
    """
    if values is None:
        return tf.ones([1, 1, 1, 1], depth.dtype)
    values = checked_map(values, name, depth)
    not_negative = tf.reduce_all(values >= 0, axis=[1, 2, 3])
    _require(
        tf.reduce_all(not_negative),
        f"`{name}` must be >= 0 everywhere. Negative in image(s) of the batch:",
        lambda: tf.where(~not_negative)[:, 0],
    )
    return values


def checked_scalar(
    value: float | tf.Tensor,
    name: str,
    dtype: tf.DType,
    *,
    zero: bool = False,
    below: float | None = None,
) -> tf.Tensor:
    """Returns a checked scalar as a tensor, so that a new value needs no retracing.

    Args:
        value: Python number or scalar tensor.
        name: Name of the scalar, for messages.
        dtype: Type of the result.
        zero: Whether 0 is allowed.
        below: Exclusive upper limit; None for no limit.

    Returns:
        Scalar tensor.

    Raises:
        ValueError: If the value is out of range or not finite.
    """
    # `tf.cast` alone would round a Python number to float32 before float64.
    scalar = value if tf.is_tensor(value) else tf.convert_to_tensor(value, dtype)
    scalar = tf.cast(scalar, dtype)
    # NumPy needs a tenth of the time to compare a number.
    number = scalar.numpy() if tf.executing_eagerly() else scalar
    in_range = (number >= 0 if zero else number > 0) & (number <= dtype.max)
    rule = ">= 0" if zero else "> 0"
    if below is not None:
        in_range &= number < below
        rule += f" and < {below:g}"
    _require(in_range, f"`{name}` must be finite and {rule}. Received:", lambda: scalar)
    return scalar


def _all_finite(values: tf.Tensor) -> bool | tf.Tensor:
    """Whether a map has no NaN or infinity."""
    if tf.executing_eagerly():  # NumPy is five times as fast.
        return bool(np.isfinite(values.numpy()).all())
    return tf.reduce_all(tf.math.is_finite(values))


def _require(
    holds: bool | tf.Tensor, message: str, detail: Callable[[], tf.Tensor]
) -> None:
    """Raises an error unless the condition holds: at once, or when the graph runs."""
    if not tf.executing_eagerly():
        tf.debugging.Assert(holds, [message, detail()])
    elif not holds:
        raise ValueError(f"{message} {detail().numpy().tolist()}")
