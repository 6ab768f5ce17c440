"""Detail-preserving monocular depth estimation (DPDE) in TensorFlow and Keras 3.

Xu, H. & Liu, N. (2021). Detail-preserving depth estimation from a single image
based on modified fully convolutional residual network and gradient network.
SN Applied Sciences 3:893. https://doi.org/10.1007/s42452-021-04882-0

Predict depth with the networks that come with the library:

    estimator = dpde_tf.DepthEstimator.from_preset("nyu")
    prediction = estimator.predict("photo.jpg")
    prediction.fused  # metres, [H, W]

Build and train:

    dpde_tf.models         modified_fcrn, fcrn, gradient_network, context_network,
                           guided_gradient_network
    dpde_tf.losses         DepthLoss, BerHu, FeatureSimilarity, LogGradient (Eqs. 1-4)
    dpde_tf.metrics        RootMeanSquaredError, DeltaAccuracy, ... for `compile`
    dpde_tf.data           load_dataset: a record set for `fit`

Fuse and score:

    fuse_depth_and_gradients    the fusion of the paper (Eqs. 5 and 6)
    refine_depth                the depth of any network, sharper
    evaluate                    scores under the protocols in use

`dpde_tf.training.loop` is the training loop of `experiments.train_depth`, a program of
the repository, which is not installed.
"""

from dpde_tf.keras_settings import (
    choose_backend,
    keep_objects,
    set_up_keras,
    without_garbage_collection,
)

with without_garbage_collection():
    choose_backend()
    set_up_keras()

    # Importing the library registers its layers, losses and metrics with Keras.
    from dpde_tf import data, losses, metrics, models
    from dpde_tf.evaluation.evaluate import evaluate
    from dpde_tf.fusion import FusionResult, fuse_depth_and_gradients
    from dpde_tf.inference.estimator import DepthEstimator, Prediction
    from dpde_tf.inference.refine import refine_depth
    from dpde_tf.training import fused_optimizers as _optimizers

    keep_objects()

# The first is imported to register its classes only.
del _optimizers, choose_backend, keep_objects, set_up_keras
del without_garbage_collection
__version__ = "0.2.0"
__all__ = [
    "DepthEstimator",
    "FusionResult",
    "Prediction",
    "data",
    "evaluate",
    "fuse_depth_and_gradients",
    "losses",
    "metrics",
    "models",
    "refine_depth",
]
