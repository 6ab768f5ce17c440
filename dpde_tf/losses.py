"""The paper's losses (Eqs. 1 to 4), as functions and as Keras losses.

Every loss gives one value per image, over measured pixels only. The functions compare
maps of the same size. The Keras losses work in `compile` and `fit`; they take ground
truth of any size and resize it to the size of the output, except `LogGradient`, whose
output has the size of the image.
"""

import math
from typing import Any, ClassVar

import keras
import tensorflow as tf

from dpde_tf.config import DepthLossConfig
from dpde_tf.files.resizing import as_depth_map, at_one_size
from dpde_tf.fusion.image_gradients import image_gradients, image_gradients_mask
from dpde_tf.metrics.feature_similarity import fsim

# Smallest depth, metres, that has a logarithm.
_MIN_LOG_DEPTH = 1e-3


def masked_mean(values: tf.Tensor, valid_mask: tf.Tensor) -> tf.Tensor:
    """Returns the mean of each image over its valid pixels.

    Args:
        values: `[B, H, W, C]`. Values at invalid pixels are ignored.
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
        c_over: `image` for one c per image (as the paper says), `batch` for one c per
            batch (Laina et al. 2016).

    Returns:
        Mean over the valid pixels, `[B]`; 0 for an image without any.

    Raises:
        ValueError: If the shapes differ, or `c_over` is not one of the two.

    Source: Xu & Liu (2021), Eq. 2.
    """
    _check_same_shape(ground_truth, predicted)
    _check_c_over("c_over", c_over)
    valid_mask = ground_truth > 0.0 if valid_mask is None else valid_mask
    magnitude = tf.abs(_masked_error(ground_truth, predicted, valid_mask))
    largest = tf.reduce_max(magnitude, axis=[1, 2, 3], keepdims=True)
    if c_over == "batch":
        largest = _largest_of_batch(largest)
    c = tf.stop_gradient(largest) / 5.0
    quadratic = tf.math.divide_no_nan(magnitude**2 + c**2, 2.0 * c)
    return masked_mean(tf.where(magnitude <= c, magnitude, quadratic), valid_mask)


def _largest_of_batch(values: tf.Tensor) -> tf.Tensor:
    """The maximum of `[B, 1, 1, 1]` over all replicas, `[1, 1, 1, 1]`."""
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

    FSIM needs maps without holes. Where nothing is measured, the ground truth replaces
    the prediction, so that such pixels have no gradient.

    Args:
        ground_truth: Depth in metres, `[B, H, W, 1]`, at least 32x32.
        predicted: Depth in metres, `[B, H, W, 1]`.
        max_depth: Depth in metres that FSIM maps to 255, for both maps.
        valid_mask: Boolean `[B, H, W, 1]`; None takes ground truth > 0.

    Returns:
        `[B]`, from 0 (equal) to 1.

    Raises:
        ValueError: If the shapes differ.

    Source: Xu & Liu (2021), Eq. 3; FSIM of Zhang et al. (2011).
    """
    _check_same_shape(ground_truth, predicted)
    valid_mask = ground_truth > 0.0 if valid_mask is None else valid_mask
    ground_truth = tf.where(tf.math.is_finite(ground_truth), ground_truth, 0.0)
    predicted = tf.where(valid_mask, predicted, ground_truth)
    return 1.0 - fsim(ground_truth, predicted, max_value=max_depth)


def log_depth_loss(
    ground_truth: tf.Tensor,
    predicted: tf.Tensor,
    *,
    valid_mask: tf.Tensor | None = None,
    scale_invariance: float = 0.5,
) -> tf.Tensor:
    """Returns the root of the partly scale-invariant error of the logarithm of depth.

    sqrt(mean(d^2) - lambda mean(d)^2), with d = log(predicted) - log(ground truth) over
    the valid pixels and lambda = `scale_invariance`. It weighs errors by their share of
    the depth, so that near pixels count as much as far ones. Not part of the paper.

    Args:
        ground_truth: Depth in metres, `[B, H, W, 1]`.
        predicted: Depth in metres, `[B, H, W, 1]`. Below 1 mm, it counts as 1 mm.
        valid_mask: Boolean `[B, H, W, 1]`; None takes ground truth > 0.
        scale_invariance: lambda, from 0 (RMS of the logarithm) to 1 (a factor that all
            pixels have in common costs nothing).

    Returns:
        `[B]`; 0 for an image without valid pixels.

    Raises:
        ValueError: If the shapes differ, or lambda is not in [0, 1].

    Source: Eigen et al. (2014), Eq. 4, and its root.
    """
    _check_same_shape(ground_truth, predicted)
    if not 0.0 <= scale_invariance <= 1.0:
        raise ValueError(
            f"`scale_invariance` must be in [0, 1]. Received: {scale_invariance}."
        )
    valid_mask = ground_truth > 0.0 if valid_mask is None else valid_mask
    # Before the logarithm, whose derivative makes NaN of what is masked behind it.
    safe = [
        tf.math.log(tf.maximum(tf.where(valid_mask, depth, 1.0), _MIN_LOG_DEPTH))
        for depth in (ground_truth, predicted)
    ]
    error = safe[1] - safe[0]
    mean = masked_mean(error, valid_mask)
    # The mean of (error - mean)^2 cannot become negative by rounding.
    centred = masked_mean((error - mean[:, None, None, None]) ** 2, valid_mask)
    square = centred + (1.0 - scale_invariance) * mean**2
    # The derivative of the root is infinite at 0.
    positive = square > 0.0
    return tf.where(positive, tf.sqrt(tf.where(positive, square, 1.0)), 0.0)


def gradient_loss(
    ground_truth: tf.Tensor,
    predicted: tf.Tensor,
    *,
    alpha: float = 0.5,
    valid_mask: tf.Tensor | None = None,
) -> tf.Tensor:
    """Returns the logarithmic l1 loss of the depth gradients of each image.

    This is the mean of ln(|e| + alpha) - ln(alpha) = ln(1 + |e| / alpha), which is 0
    for a perfect prediction.

    Args:
        ground_truth: Depth gradients in metres per pixel, `[B, H, W, 2]`.
        predicted: Depth gradients in metres per pixel, `[B, H, W, 2]`.
        alpha: Constant in the logarithm, metres per pixel.
        valid_mask: Boolean `[B, H, W, 2]`; None takes all pixels.

    Returns:
        Mean over both directions and the valid pixels, `[B]`.

    Raises:
        ValueError: If the shapes differ, or `alpha` is not positive.

    Source: Xu & Liu (2021), Eq. 4; alpha from Hu et al. (2019).
    """
    _check_same_shape(ground_truth, predicted)
    _check_positive("alpha", alpha)
    if valid_mask is None:
        valid_mask = tf.ones_like(ground_truth, tf.bool)
    error = _masked_error(ground_truth, predicted, valid_mask)
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
        ValueError: If the shapes differ.
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

    Short distances sharpen edges; long distances correct what a fusion integrates.

    Args:
        ground_truth: Depth in metres, `[B, H, W, 1]`.
        predicted: Depth in metres, `[B, H, W, 1]`.
        valid_mask: Boolean `[B, H, W, 1]`; None takes ground truth > 0. A difference
            counts if both of its pixels are valid.
        distances: Distances between the two pixels of a difference, in each direction.

    Returns:
        Sum over distances and directions of the mean over the image, metres, `[B]`.

    Raises:
        ValueError: If the shapes differ.

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
    """The error; at invalid pixels 0 and without a gradient, even if they are NaN."""
    return tf.where(valid_mask, predicted - ground_truth, 0.0)


def _check_same_shape(ground_truth: tf.Tensor, predicted: tf.Tensor) -> None:
    """Raises an error for shapes that would otherwise be broadcast silently."""
    if not ground_truth.shape.is_compatible_with(predicted.shape):
        raise ValueError(
            "`ground_truth` and `predicted` must have the same shape. Received: "
            f"{ground_truth.shape} and {predicted.shape}."
        )


def _check_c_over(name: str, value: str) -> None:
    """Raises an error for an unknown way to find c."""
    if value not in ("image", "batch"):
        raise ValueError(f"`{name}` must be 'image' or 'batch'. Received: {value!r}.")


def _check_positive(name: str, value: float) -> None:
    """Raises an error for 0, negative numbers, NaN, infinity and None."""
    if value is None or not 0.0 < value < math.inf:
        raise ValueError(f"`{name}` must be finite and > 0. Received: {value}.")


def true_gradients(depth: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the gradients of measured depth maps, and the mask of known gradients.

    Args:
        depth: Depth in metres, `[B, H, W, 1]`; 0 = no measurement.

    Returns:
        gradient_x and gradient_y in metres per pixel, `[B, H, W, 2]`, and a boolean
        mask of the same shape.
    """
    gradients = tf.concat(image_gradients(depth), axis=-1)
    return gradients, tf.concat(image_gradients_mask(depth > 0.0), axis=-1)


class _ImageLoss(keras.losses.Loss):
    """A loss with one value per image."""

    _OPTIONS: ClassVar[tuple[str, ...]] = ()

    def get_config(self) -> dict:
        """Returns the arguments for creating an equal loss."""
        options = {name: getattr(self, name) for name in self._OPTIONS}
        return super().get_config() | {"dtype": self.dtype, **options}


class _DepthMapLoss(_ImageLoss):
    """A loss per image that resizes the ground truth to the size of the output.

    `y_true` is depth in metres, `[B, H, W, 1]` or `[B, H, W]`, 0 = no measurement.
    `y_pred` is the output of a network, `[B, h, w, C]` or `[B, h, w]`. An image without
    a measured pixel has loss 0.
    """

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Returns the loss of each image, `[B]`."""
        return self._of_images(*at_one_size(y_true, y_pred))

    def _of_images(self, truth: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        """The loss of each image, given ground truth of the size of the output."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="dpde_tf")
class BerHu(_DepthMapLoss):
    """The reverse Huber loss, see `berhu_loss`.

    Args:
        c_over: `image` for one c per image (as the paper says), `batch` for one c per
            batch (Laina et al. 2016).
        **kwargs: `name`, `reduction` and `dtype`, as for every Keras loss.

    Source: Xu & Liu (2021), Eq. 2.
    """

    _OPTIONS = ("c_over",)

    def __init__(self, c_over: str = "image", **kwargs: Any) -> None:
        super().__init__(**{"name": "berhu", **kwargs})
        _check_c_over("c_over", c_over)
        self.c_over = c_over

    def _of_images(self, truth: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        return berhu_loss(truth, predicted, c_over=self.c_over)


@keras.saving.register_keras_serializable(package="dpde_tf")
class FeatureSimilarity(_DepthMapLoss):
    """1 - FSIM, see `feature_similarity_loss`.

    Args:
        max_depth: Depth in metres that FSIM maps to 255. The default is the range of
            NYU Depth v2.
        **kwargs: `name`, `reduction` and `dtype`, as for every Keras loss.

    Source: Xu & Liu (2021), Eq. 3.
    """

    _OPTIONS = ("max_depth",)

    def __init__(self, max_depth: float = 10.0, **kwargs: Any) -> None:
        super().__init__(**{"name": "feature_similarity", **kwargs})
        _check_positive("max_depth", max_depth)
        self.max_depth = max_depth

    def _of_images(self, truth: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        return feature_similarity_loss(truth, predicted, max_depth=self.max_depth)


@keras.saving.register_keras_serializable(package="dpde_tf")
class DepthLoss(_DepthMapLoss):
    """The paper's loss of the depth network, BerHu + (1 - FSIM), and a term of ours.

    True depth is `[B, H, W, 1]` or `[B, H, W]` in metres, of any size; 0 and NaN are no
    measurement, and an image without any has the loss 0.

    Args:
        lambda_berhu: Weight of the BerHu term.
        lambda_fsim: Weight of 1 - FSIM; 0 skips the term.
        berhu_c: `c_over` of `BerHu`.
        max_depth: `max_depth` of `FeatureSimilarity`.
        lambda_log: Weight of `log_depth_loss`; 0, as in the paper, skips the term.
        **kwargs: `name`, `reduction` and `dtype`, as for every Keras loss.

    Source: Xu & Liu (2021), Eq. 1.
    """

    _OPTIONS = ("lambda_berhu", "lambda_fsim", "berhu_c", "max_depth", "lambda_log")

    def __init__(
        self,
        lambda_berhu: float = 1.0,
        lambda_fsim: float = 1.0,
        berhu_c: str = "image",
        max_depth: float = 10.0,
        lambda_log: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"name": "depth_loss", **kwargs})
        # Checks the numbers.
        DepthLossConfig(lambda_berhu, lambda_fsim, berhu_c, max_depth, lambda_log)
        _check_c_over("berhu_c", berhu_c)
        if lambda_fsim:
            _check_positive("max_depth", max_depth)
        self.lambda_berhu = lambda_berhu
        self.lambda_fsim = lambda_fsim
        self.berhu_c = berhu_c
        self.max_depth = max_depth
        self.lambda_log = lambda_log

    def terms(self, truth: tf.Tensor, predicted: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `loss`, `berhu` and, if weighted, `fsim_loss` and `log`, each `[B]`.

        Args:
            truth: Depth in metres, `[B, h, w, 1]`, 0 = no measurement.
            predicted: Depth in metres, `[B, h, w, 1]`.
        """
        berhu = berhu_loss(truth, predicted, c_over=self.berhu_c)
        terms = {"loss": self.lambda_berhu * berhu, "berhu": berhu}
        if self.lambda_fsim:
            fsim_loss = feature_similarity_loss(
                truth, predicted, max_depth=self.max_depth
            )
            terms["loss"] += self.lambda_fsim * fsim_loss
            terms["fsim_loss"] = fsim_loss
        if self.lambda_log:
            terms["log"] = log_depth_loss(truth, predicted)
            terms["loss"] += self.lambda_log * terms["log"]
        return terms

    def _of_images(self, truth: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        return self.terms(truth, predicted)["loss"]


@keras.saving.register_keras_serializable(package="dpde_tf")
class LogGradient(_ImageLoss):
    """The logarithmic l1 loss of the output of a gradient network, see `gradient_loss`.

    `y_true` is depth in metres, `[B, H, W, 1]`, 0 = no measurement; the loss computes
    its gradients. `y_pred` is `[B, H, W, 2]`, metres per pixel.

    Args:
        alpha: Constant in the logarithm, metres per pixel.
        **kwargs: `name`, `reduction` and `dtype`, as for every Keras loss.

    Source: Xu & Liu (2021), Eq. 4.
    """

    _OPTIONS = ("alpha",)

    def __init__(self, alpha: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**{"name": "log_gradient", **kwargs})
        _check_positive("alpha", alpha)
        self.alpha = alpha

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Returns the loss of each image, `[B]`."""
        depth = as_depth_map(y_true)
        depth = tf.where(tf.math.is_finite(depth), depth, 0.0)
        truth, valid_mask = true_gradients(depth)
        return gradient_loss(truth, y_pred, alpha=self.alpha, valid_mask=valid_mask)
