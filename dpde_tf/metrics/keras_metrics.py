"""The errors of single pixels as Keras metrics, for `compile`, `fit` and `evaluate`.

They are pooled over the measured pixels of all images. The ground truth is resized to
the size of the prediction. To report results, use `dpde_tf.evaluate`, which compares in
double precision and at the size that a protocol names.
"""

from typing import Any, ClassVar

import keras
import tensorflow as tf

from dpde_tf.files.resizing import at_one_size
from dpde_tf.metrics.pixel_errors import MIN_DEPTH


class _PixelMetric(keras.metrics.Metric):
    """A mean over all measured pixels.

    `y_true` is depth in metres, `[B, H, W, 1]` or `[B, H, W]`, 0 = no measurement;
    `y_pred` is depth in metres, `[B, h, w, 1]` or `[B, h, w]`. Predictions below 1 mm
    count as 1 mm.
    """

    _NAME: ClassVar[str | None] = None

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name or self._NAME, **kwargs)
        self.total = self.add_variable((), initializer="zeros", name="total")
        self.count = self.add_variable((), initializer="zeros", name="count")

    def update_state(
        self,
        y_true: tf.Tensor,
        y_pred: tf.Tensor,
        sample_weight: tf.Tensor | None = None,
    ) -> None:
        """Adds the measured pixels of a batch.

        Args:
            y_true: True depth, metres, `[B, H, W, 1]` or `[B, H, W]`; 0 = no
                measurement.
            y_pred: Predicted depth, metres, `[B, h, w, 1]` or `[B, h, w]`.
            sample_weight: Weights of the images, `[B]`; None for 1.

        Raises:
            ValueError: If a shape is another one.
        """
        truth, y_pred = at_one_size(y_true, tf.cast(y_pred, tf.float32))
        measured = truth > 0.0
        truth = tf.where(measured, truth, 1.0)
        values = self._values(truth, tf.maximum(y_pred, MIN_DEPTH))
        values = tf.where(measured, values, 0.0)  # Where it may be NaN.
        weight = tf.cast(measured, tf.float32)
        if sample_weight is not None:
            weight *= tf.reshape(tf.cast(sample_weight, tf.float32), [-1, 1, 1, 1])
        self.total.assign_add(tf.reduce_sum(values * weight))
        self.count.assign_add(tf.reduce_sum(weight))

    def result(self) -> tf.Tensor:
        """Returns the mean so far; 0 before the first measured pixel."""
        return tf.math.divide_no_nan(
            tf.convert_to_tensor(self.total), tf.convert_to_tensor(self.count)
        )

    def _values(self, truth: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        """The value of each pixel."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="dpde_tf")
class RootMeanSquaredError(_PixelMetric):
    """RMS in metres."""

    _NAME = "rms"

    def _values(self, truth: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        return (predicted - truth) ** 2

    def result(self) -> tf.Tensor:
        """Returns the root of the mean so far."""
        return tf.sqrt(super().result())


@keras.saving.register_keras_serializable(package="dpde_tf")
class AbsoluteRelativeError(_PixelMetric):
    """Rel: the absolute error over the true depth."""

    _NAME = "rel"

    def _values(self, truth: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        return tf.abs(predicted - truth) / truth


@keras.saving.register_keras_serializable(package="dpde_tf")
class Log10Error(_PixelMetric):
    """log10: the absolute difference of the decimal logarithms."""

    _NAME = "log10"

    def _values(self, truth: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        return tf.abs(tf.math.log(predicted / truth)) / tf.math.log(10.0)


@keras.saving.register_keras_serializable(package="dpde_tf")
class DeltaAccuracy(_PixelMetric):
    """The share of pixels whose ratio to the truth is below a threshold.

    Args:
        threshold: Largest ratio, more than 1. The paper uses 1.25, 1.25^2 and 1.25^3.
        **kwargs: `name` and `dtype`, as for every Keras metric.
    """

    def __init__(self, threshold: float = 1.25, **kwargs: Any) -> None:
        if not threshold > 1.0:
            raise ValueError(f"`threshold` must be more than 1. Received: {threshold}.")
        super().__init__(**{"name": f"delta_{threshold:g}", **kwargs})
        self.threshold = threshold

    def _values(self, truth: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        ratio = tf.maximum(predicted / truth, truth / predicted)
        return tf.cast(ratio < self.threshold, tf.float32)

    def get_config(self) -> dict:
        """Returns the arguments for creating an equal metric."""
        return super().get_config() | {"threshold": self.threshold}
