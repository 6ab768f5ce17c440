"""Measures of predicted depth, as sums that add up over images.

A measure pooled over a test set is not the mean of the images' measures: the root of a
mean is not the mean of roots, and images with more measured pixels count for more. So
each image gives sums (`sums`), sums are added, and divisions and roots come last
(`values`). Everything is float64: summed in single precision, the errors of 654 images
of 480x640 are visibly wrong.

A family of measures is a class: made of a ground truth, what it finds there serves for
all predictions that are compared with it. `feature_similarity` is FSIM (Eq. 3);
`keras_metrics` has the errors of single pixels for `compile` and `fit`.

Uses nothing else of the library.
"""

from dpde_tf.metrics.feature_similarity import FeatureSimilarity
from dpde_tf.metrics.image_measures import (
    MEASURE_NAMES,
    NUM_SUMS,
    ImageMeasures,
    measure_values,
)
from dpde_tf.metrics.keras_metrics import (
    AbsoluteRelativeError,
    DeltaAccuracy,
    Log10Error,
    RootMeanSquaredError,
)
from dpde_tf.metrics.pixel_errors import MIN_DEPTH, PixelErrors

__all__ = [
    "MEASURE_NAMES",
    "METRIC_NAMES",
    "MIN_DEPTH",
    "NUM_SUMS",
    "AbsoluteRelativeError",
    "DeltaAccuracy",
    "FeatureSimilarity",
    "ImageMeasures",
    "Log10Error",
    "PixelErrors",
    "RootMeanSquaredError",
    "measure_values",
]

METRIC_NAMES = PixelErrors.NAMES
"""The errors of single pixels, which lead `MEASURE_NAMES`."""
