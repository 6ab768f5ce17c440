"""Measures of predicted depth, computed from sums that add up over images.

A measure pooled over a test set is not the mean of the measures of its images: the root
of a mean is not the mean of roots, and images with more measured pixels weigh more. So
`sums` returns sums for each image, these are added, and `values` then divides and takes
roots. All sums are float64: in single precision, the errors over 654 images of 480x640
are visibly wrong.

Each family of measures is a class. Its constructor takes a ground truth, and its
intermediate results serve all predictions that are compared with that ground truth.
`feature_similarity` is FSIM (Eq. 3). `keras_metrics` has the errors of single pixels
for `compile` and `fit`.

Uses `files`.
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
