"""Setups of the networks for a training session: builder, objective, initial weights.

Each function becomes the `make_setup` of a session once its configurations are bound,
for example with `functools.partial`.
"""

import dataclasses
import functools

import tensorflow as tf

from dpde_tf.config import (
    CoarseDepthConfig,
    ContextLossConfig,
    ContextNetworkConfig,
    DepthLossConfig,
    DepthNetworkConfig,
    GradientLossConfig,
    GradientNetworkConfig,
    GuidedLossConfig,
    GuidedNetworkConfig,
)
from dpde_tf.data.coarse_depth import CoarseDepths
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.files.predictions import read_predicted_depths
from dpde_tf.metrics.feature_similarity import MIN_SIZE
from dpde_tf.models.context import build_context_network
from dpde_tf.models.depth import build_depth_network
from dpde_tf.models.gradient import build_gradient_network
from dpde_tf.models.guided import build_guided_network
from dpde_tf.runs.initial_weights import (
    load_initial_depth_weights,
    load_initial_gradient_weights,
)
from dpde_tf.runs.run_folder import has_checkpoint
from dpde_tf.training.objectives import (
    ContextObjective,
    DepthObjective,
    GradientObjective,
    GuidedObjective,
)
from dpde_tf.training.session import Setup, TrainingSession


def depth_setup(
    network: DepthNetworkConfig,
    loss: DepthLossConfig,
    session: TrainingSession,
    records: RecordSet,
) -> Setup:
    """Returns the setup of the depth network.

    Args:
        network: The network; without an output offset, the mean depth of the split.
        loss: The loss; without a largest depth, that of the split.
        session: The session.
        records: The training records.

    Returns:
        The setup.

    Raises:
        ValueError: If the training images are too small for FSIM, or if weights of the
            encoder would be replaced.
    """
    network = _with_start(
        network, session, records, weights="encoder_weights", offset="output_offset"
    )
    size = session.augmentation.crop_size or records.manifest.image_size
    if loss.lambda_fsim and min(size) <= 2 * (MIN_SIZE - 1):
        raise ValueError(
            f"Training images must be at least {2 * MIN_SIZE - 1} pixels high and wide "
            f"for the FSIM loss. Received: {size[0]}x{size[1]}. Convert to a larger "
            "size, use a larger `crop_size`, or `lambda_fsim=0`."
        )
    if loss.max_depth is None:
        loss = dataclasses.replace(loss, max_depth=records.split.depth_max)
    return Setup(
        configs=(network, loss),
        build_network=lambda: build_depth_network(
            _for_checkpoint(network, session, weights="encoder_weights")
        ),
        objective=DepthObjective(loss),
        load_initial=functools.partial(load_initial_depth_weights, config=network),
    )


def gradient_setup(
    network: GradientNetworkConfig,
    loss: GradientLossConfig,
    session: TrainingSession,
    records: RecordSet,
) -> Setup:
    """Returns the setup of the gradient network of the paper.

    Args:
        network: The network.
        loss: The loss.
        session: The session, not used.
        records: The training records, not used.

    Returns:
        The setup.
    """
    del session, records
    return Setup(
        configs=(network, loss),
        build_network=lambda: build_gradient_network(network),
        objective=GradientObjective(loss),
        load_initial=functools.partial(load_initial_gradient_weights, config=network),
    )


def context_setup(
    network: ContextNetworkConfig,
    loss: ContextLossConfig,
    session: TrainingSession,
    records: RecordSet,
) -> Setup:
    """Returns the setup of the context network.

    Args:
        network: The network; without an offset, the mean depth of the split.
        loss: The loss.
        session: The session.
        records: The training records.

    Returns:
        The setup.

    Raises:
        ValueError: If weights of the encoder would be replaced.
    """
    network = _with_start(
        network,
        session,
        records,
        weights="context_encoder_weights",
        offset="context_offset",
    )
    return Setup(
        configs=(network, loss),
        build_network=lambda: build_context_network(
            _for_checkpoint(network, session, weights="context_encoder_weights")
        ),
        objective=ContextObjective(loss),
        load_initial=functools.partial(load_initial_gradient_weights, config=network),
    )


def guided_setup(
    network: GuidedNetworkConfig,
    loss: GuidedLossConfig,
    coarse: CoarseDepthConfig,
    session: TrainingSession,
    records: RecordSet,
) -> Setup:
    """Returns the setup of the guided network, with its coarse depth maps.

    Args:
        network: The network.
        loss: The loss.
        coarse: Coarse depth maps, possibly from predictions.
        session: The session, not used.
        records: The training records.

    Returns:
        The setup.

    Raises:
        FileNotFoundError: If a folder of predictions does not exist.
        ValueError: If the predictions are not of these records.
    """
    del session
    names = map(str.strip, coarse.coarse_predictions.split(","))
    folders = [name for name in names if name]
    predictions = read_predicted_depths(folders, records.split.names)
    if predictions is not None:
        with tf.device("CPU"):  # As a tensor, since graphs hold arrays up to 2 GB.
            predictions = tf.constant(predictions)
    return Setup(
        configs=(network, loss, coarse),
        build_network=lambda: build_guided_network(network),
        objective=GuidedObjective(loss),
        load_initial=functools.partial(load_initial_gradient_weights, config=network),
        coarse=CoarseDepths(coarse, predictions),
    )


def _with_start(
    network: DepthNetworkConfig | ContextNetworkConfig,
    session: TrainingSession,
    records: RecordSet,
    *,
    weights: str,
    offset: str,
) -> DepthNetworkConfig | ContextNetworkConfig:
    """Returns the configuration with an offset; without weights that are replaced."""
    changes = {}
    if source := session.start.init_from:
        given = getattr(network, weights)
        if given not in (getattr(type(network), weights), "none"):
            raise ValueError(
                f"`{weights}` has no effect with `init_from`, which replaces all "
                f"weights. Received: {given} and {source}. Leave one of them out."
            )
        changes[weights] = "none"
    if getattr(network, offset) is None:
        changes[offset] = records.split.depth_mean
    return dataclasses.replace(network, **changes)


def _for_checkpoint(
    network: DepthNetworkConfig | ContextNetworkConfig,
    session: TrainingSession,
    *,
    weights: str,
) -> DepthNetworkConfig | ContextNetworkConfig:
    """The network to build: a checkpoint replaces the weights of the encoder."""
    changes = {weights: "none"} if has_checkpoint(session.workdir) else {}
    return dataclasses.replace(network, **changes)
