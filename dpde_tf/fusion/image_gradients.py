"""The image gradient of a depth map, its adjoint, and the mask of known gradients.

The definition of the project: forward differences, one per pixel,
`gradient_x` along the width and `gradient_y` along the height. They are 0 in the last
column and row, respectively, where there is no next neighbour.
"""

import operator

import tensorflow as tf

_NEXT_COLUMN = [[0, 0], [0, 0], [0, 1], [0, 0]]
_PREVIOUS_COLUMN = [[0, 0], [0, 0], [1, 0], [0, 0]]
_NEXT_ROW = [[0, 0], [0, 1], [0, 0], [0, 0]]
_PREVIOUS_ROW = [[0, 0], [1, 0], [0, 0], [0, 0]]


def image_gradients(depth: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the forward differences of a depth map along width and height.

    gradient_x[i, j] = depth[i, j + 1] - depth[i, j], 0 in the last column;
    gradient_y[i, j] = depth[i + 1, j] - depth[i, j], 0 in the last row.

    Args:
        depth: Metres, `[B, H, W, 1]`, any floating-point type.

    Returns:
        `gradient_x` and `gradient_y` in metres per pixel, each `[B, H, W, 1]`.

    Raises:
        ValueError: If `depth` is not of rank 4.

    Source: Xu & Liu (2021), Eq. 5.
    """
    depth = tf.convert_to_tensor(depth)
    _check_rank(depth, "depth")
    return _gradient_x(depth), _gradient_y(depth)


def resize_gradients(
    gradient_x: tf.Tensor, gradient_y: tf.Tensor, size: tuple[int, int]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the gradients of a depth map, resized for the map at another size.

    A difference lies between two pixels, so resizing it like a pixel would move edges.
    Instead, its sum, which is the depth up to a constant in each row or column, is
    resized bilinearly, and by means of the area if it shrinks. The last column of
    `gradient_x` and the last row of `gradient_y`
    have no meaning; they are ignored, and 0 in the result.

    Args:
        gradient_x: Metres per pixel, `[B, H, W, 1]`.
        gradient_y: Metres per pixel, `[B, H, W, 1]`.
        size: (height, width) of the result.

    Returns:
        `gradient_x` and `gradient_y` in metres per pixel, float32,
        `[B, height, width, 1]`.

    Raises:
        ValueError: If an input is not of rank 4.
    """
    gradient_x = tf.convert_to_tensor(gradient_x)
    gradient_y = tf.convert_to_tensor(gradient_y)
    _check_rank(gradient_x, "gradient_x")
    _check_rank(gradient_y, "gradient_y")
    along_x = tf.cumsum(gradient_x, axis=2, exclusive=True)
    along_y = tf.cumsum(gradient_y, axis=1, exclusive=True)
    # Where nothing shrinks, this changes nothing, and takes ten times as long.
    before = tuple(gradient_x.shape[1:3])
    antialias = None in before or any(map(operator.lt, size, before))
    along_x, along_y = (
        tf.image.resize(one, size, antialias=antialias) for one in (along_x, along_y)
    )
    return _gradient_x(along_x), _gradient_y(along_y)


def image_gradients_adjoint(gradient_x: tf.Tensor, gradient_y: tf.Tensor) -> tf.Tensor:
    """Returns the adjoint of `image_gradients` (the negative divergence).

    This is the linear map for which, for all maps v, g_x and g_y,

        <image_gradients(v), (g_x, g_y)> = <v, image_gradients_adjoint(g_x, g_y)>.

    The last column of `gradient_x` and the last row of `gradient_y` are ignored, since
    the gradient is 0 there for every v.

    Args:
        gradient_x: `[B, H, W, 1]`, any floating-point type.
        gradient_y: `[B, H, W, 1]`, of the same type.

    Returns:
        The adjoint, `[B, H, W, 1]`.

    Raises:
        ValueError: If an input is not of rank 4 or the shapes differ.
    """
    gradient_x = tf.convert_to_tensor(gradient_x)
    gradient_y = tf.convert_to_tensor(gradient_y)
    _check_rank(gradient_x, "gradient_x")
    if not gradient_x.shape.is_compatible_with(gradient_y.shape):
        raise ValueError(
            "`gradient_x` and `gradient_y` must have the same shape. "
            f"Received: {gradient_x.shape} and {gradient_y.shape}."
        )
    inner_x = gradient_x[:, :, :-1]
    inner_y = gradient_y[:, :-1]
    along_x = tf.pad(inner_x, _PREVIOUS_COLUMN) - tf.pad(inner_x, _NEXT_COLUMN)
    along_y = tf.pad(inner_y, _PREVIOUS_ROW) - tf.pad(inner_y, _NEXT_ROW)
    return along_x + along_y


def image_gradients_mask(valid_mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the masks of the known gradients of a depth map.

    A difference is known if both of its pixels are measured. In the last column
    (`mask_x`) and the last row (`mask_y`) it is never known: the 0 of
    `image_gradients` is a convention, not a measurement, and a loss must not teach it.

    Args:
        valid_mask: Boolean `[B, H, W, 1]`, the pixels with measured depth.

    Returns:
        `mask_x` and `mask_y`, each boolean `[B, H, W, 1]`.

    Raises:
        ValueError: If `valid_mask` is not boolean or not of rank 4.
    """
    valid_mask = tf.convert_to_tensor(valid_mask)
    _check_rank(valid_mask, "valid_mask")
    if valid_mask.dtype != tf.bool:
        raise ValueError(
            "`valid_mask` must be boolean, such as `depth > 0`. "
            f"Received: {valid_mask.dtype.name}."
        )
    mask_x = tf.pad(valid_mask[:, :, 1:] & valid_mask[:, :, :-1], _NEXT_COLUMN)
    mask_y = tf.pad(valid_mask[:, 1:] & valid_mask[:, :-1], _NEXT_ROW)
    return mask_x, mask_y


def _gradient_x(depth: tf.Tensor) -> tf.Tensor:
    """The first result of `image_gradients`."""
    return tf.pad(depth[:, :, 1:] - depth[:, :, :-1], _NEXT_COLUMN)


def _gradient_y(depth: tf.Tensor) -> tf.Tensor:
    """The second result of `image_gradients`."""
    return tf.pad(depth[:, 1:] - depth[:, :-1], _NEXT_ROW)


def _check_rank(tensor: tf.Tensor, name: str) -> None:
    """Raises an error for a tensor whose static rank is not 4."""
    if tensor.shape.rank not in (None, 4):
        raise ValueError(f"`{name}` must be [B, H, W, 1]. Received: {tensor.shape}.")
