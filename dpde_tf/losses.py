"""The paper's losses, per image and over the measured pixels only (Eqs. 1 to 4)."""

import tensorflow as tf

from dpde_tf.feature_similarity import fsim


def masked_mean(values: tf.Tensor, valid_mask: tf.Tensor) -> tf.Tensor:
    """Returns the mean of each image over its valid pixels.

    Args:
        values: `[B, H, W, C]`. What stands at an invalid pixel has no influence.
        valid_mask: Boolean, of the same shape.

    Returns:
        `[B]`; 0 for an image without a valid pixel.
    """
    count = tf.reduce_sum(tf.cast(valid_mask, values.dtype), axis=[1, 2, 3])
    total = tf.reduce_sum(
        tf.where(valid_mask, values, tf.zeros_like(values)), axis=[1, 2, 3]
    )
    return tf.math.divide_no_nan(total, count)


def berhu_loss(
    ground_truth: tf.Tensor,
    predicted: tf.Tensor,
    *,
    valid_mask: tf.Tensor | None = None,
    c_over: str = "image",
) -> tf.Tensor:
    """Returns the reverse Huber loss of each image.

    |e| where |e| <= c, else (e^2 + c^2) / (2 c), with e = predicted - ground truth and
    c = max |e| / 5 over the valid pixels. c is a constant in the gradient. A perfect
    prediction has loss 0 and gradient 0.

    Args:
        ground_truth: Depth in metres, `[B, H, W, 1]`.
        predicted: Depth in metres, `[B, H, W, 1]`.
        valid_mask: Boolean `[B, H, W, 1]`; None takes ground truth > 0.
        c_over: `image` for one c an image (the paper's words), `batch` for one c of
            the whole batch (Laina et al. 2016).

    Returns:
        Mean over the valid pixels, `[B]`; 0 for an image without any.

    Raises:
        ValueError: If the two depths differ in shape, or `c_over` is another word.

    Source: Xu & Liu (2021), Eq. 2.
    """
    _check_same_shape(ground_truth, predicted)
    if c_over not in ("image", "batch"):
        raise ValueError(f"`c_over` must be 'image' or 'batch'. Received: {c_over!r}.")
    valid_mask = ground_truth > 0.0 if valid_mask is None else valid_mask
    # Both `where`s are needed: a NaN at an invalid pixel must not reach the gradient.
    error = tf.where(valid_mask, predicted, ground_truth) - ground_truth
    magnitude = tf.abs(tf.where(valid_mask, error, tf.zeros_like(error)))
    largest = tf.reduce_max(magnitude, axis=[1, 2, 3], keepdims=True)
    if c_over == "batch":
        largest = _largest_of_batch(largest)
    c = tf.stop_gradient(largest) / 5.0
    quadratic = tf.math.divide_no_nan(magnitude**2 + c**2, 2.0 * c)
    return masked_mean(tf.where(magnitude <= c, magnitude, quadratic), valid_mask)


def _largest_of_batch(values: tf.Tensor) -> tf.Tensor:
    """The largest of `[B, 1, 1, 1]` on all replicas, `[1, 1, 1, 1]`."""
    largest = tf.stop_gradient(tf.reduce_max(values, axis=0, keepdims=True))
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return largest
    return tf.reduce_max(context.all_gather(largest, axis=0), axis=0, keepdims=True)


def feature_similarity_loss(
    ground_truth: tf.Tensor,
    predicted: tf.Tensor,
    *,
    max_depth: float,
    valid_mask: tf.Tensor | None = None,
) -> tf.Tensor:
    """Returns 1 - FSIM of each image.

    FSIM needs whole maps: the prediction is replaced by the ground truth where there
    is no measurement, so that such pixels have no gradient.

    Args:
        ground_truth: Depth in metres, `[B, H, W, 1]`, at least 32x32.
        predicted: Depth in metres, `[B, H, W, 1]`.
        max_depth: Depth in metres that FSIM sees as 255; one scale for both maps.
        valid_mask: Boolean `[B, H, W, 1]`; None takes ground truth > 0.

    Returns:
        `[B]`, from 0 (equal) to 1.

    Raises:
        ValueError: If the two depths differ in shape.

    Source: Xu & Liu (2021), Eq. 3; FSIM of Zhang et al. (2011).
    """
    _check_same_shape(ground_truth, predicted)
    valid_mask = ground_truth > 0.0 if valid_mask is None else valid_mask
    predicted = tf.where(valid_mask, predicted, ground_truth)
    return 1.0 - fsim(ground_truth, predicted, max_value=max_depth)


def gradient_loss(
    ground_truth: tf.Tensor,
    predicted: tf.Tensor,
    *,
    alpha: float = 0.5,
    valid_mask: tf.Tensor | None = None,
) -> tf.Tensor:
    """Returns the logarithmic l1 loss of the depth gradients of each image.

    The mean of ln(|e| + alpha) - ln(alpha) = ln(1 + |e| / alpha), so that a perfect
    prediction has loss 0.

    Args:
        ground_truth: Depth gradients in metres per pixel, `[B, H, W, 2]`.
        predicted: Depth gradients in metres per pixel, `[B, H, W, 2]`.
        alpha: The constant in the logarithm, metres per pixel.
        valid_mask: Boolean `[B, H, W, 2]`; None takes all.

    Returns:
        Mean over both directions and the valid pixels, `[B]`.

    Raises:
        ValueError: If the two differ in shape, or `alpha` is not positive.

    Source: Xu & Liu (2021), Eq. 4; alpha after Hu et al. (2019).
    """
    _check_same_shape(ground_truth, predicted)
    if alpha <= 0:
        raise ValueError(f"`alpha` must be positive. Received: {alpha}.")
    if valid_mask is None:
        valid_mask = tf.ones_like(ground_truth, tf.bool)
    error = tf.where(valid_mask, predicted - ground_truth, tf.zeros_like(predicted))
    return masked_mean(tf.math.log1p(tf.abs(error) / alpha), valid_mask)


def absolute_loss(
    ground_truth: tf.Tensor,
    predicted: tf.Tensor,
    *,
    valid_mask: tf.Tensor | None = None,
) -> tf.Tensor:
    """Returns the mean absolute error of each image.

    Args:
        ground_truth: Depth in metres, `[B, H, W, 1]`.
        predicted: Depth in metres, `[B, H, W, 1]`.
        valid_mask: Boolean `[B, H, W, 1]`; None takes ground truth > 0.

    Returns:
        Mean over the valid pixels, metres, `[B]`.

    Raises:
        ValueError: If the two differ in shape.
    """
    _check_same_shape(ground_truth, predicted)
    valid_mask = ground_truth > 0.0 if valid_mask is None else valid_mask
    error = _masked_error(ground_truth, predicted, valid_mask)
    return masked_mean(tf.abs(error), valid_mask)


def difference_loss(
    ground_truth: tf.Tensor,
    predicted: tf.Tensor,
    *,
    valid_mask: tf.Tensor | None = None,
    distances: tuple[int, ...] = (1, 2, 4, 8, 16),
) -> tf.Tensor:
    """Returns the mean absolute error of depth differences over several distances.

    Short distances make edges sharp; long ones make what a fusion integrates right.

    Args:
        ground_truth: Depth in metres, `[B, H, W, 1]`.
        predicted: Depth in metres, `[B, H, W, 1]`.
        valid_mask: Boolean `[B, H, W, 1]`; None takes ground truth > 0. A difference
            counts where both of its pixels are valid.
        distances: Pixels between the two, in each direction.

    Returns:
        Sum over distances and directions of the mean over the image, metres, `[B]`.

    Raises:
        ValueError: If the two differ in shape.

    Source: Li & Snavely (2018), Eq. 3, of depth instead of its logarithm, and of
    distances instead of smaller images.
    """
    _check_same_shape(ground_truth, predicted)
    valid_mask = ground_truth > 0.0 if valid_mask is None else valid_mask
    error = _masked_error(ground_truth, predicted, valid_mask)
    total = tf.zeros(tf.shape(error)[0])
    for d in distances:
        across = tf.abs(error[:, :, d:] - error[:, :, :-d])
        down = tf.abs(error[:, d:] - error[:, :-d])
        total += masked_mean(across, valid_mask[:, :, d:] & valid_mask[:, :, :-d])
        total += masked_mean(down, valid_mask[:, d:] & valid_mask[:, :-d])
    return total


def _masked_error(
    ground_truth: tf.Tensor, predicted: tf.Tensor, valid_mask: tf.Tensor
) -> tf.Tensor:
    """The error, 0 and without a gradient where it is not valid, even at NaN."""
    return tf.where(valid_mask, predicted, ground_truth) - ground_truth


def _check_same_shape(ground_truth: tf.Tensor, predicted: tf.Tensor) -> None:
    """Refuses what would otherwise be broadcast silently."""
    if not ground_truth.shape.is_compatible_with(predicted.shape):
        raise ValueError(
            "`ground_truth` and `predicted` must have the same shape. Received: "
            f"{ground_truth.shape} and {predicted.shape}."
        )
