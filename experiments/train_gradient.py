r"""Trains the gradient network on random crops of a record set.

    python -m experiments.train_gradient --records=data/records/nyu_depth_v2 \
        --workdir=runs/nyu/gradient

`--gradient_network=context` trains the network of `dpde_tf.models.context` on whole
images instead. `--gradient_network=guided` trains the network of
`dpde_tf.models.guided` on random crops; its input includes a coarse depth map. Neither
is part of the paper.

The same command continues an interrupted run. The folder of the run has the layout of
`experiments.train_depth`. With `--init_from`, training starts from a run of the same
network, from a folder of compact weights, or from a `.weights.h5` file.
"""

import dataclasses
import functools
from collections.abc import Sequence

from absl import app, flags

from dpde_tf.cli import config_flags
from dpde_tf.cli.config_flags import config_from_flags
from dpde_tf.config import (
    CoarseDepthConfig,
    ContextLossConfig,
    ContextNetworkConfig,
    GradientLossConfig,
    GradientNetworkConfig,
    GuidedLossConfig,
    GuidedNetworkConfig,
)
from dpde_tf.data.coarse_depth import CoarseDepths
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.files.predictions import read_predicted_depths
from dpde_tf.models.context import build_context_network
from dpde_tf.models.gradient import build_gradient_network
from dpde_tf.models.guided import build_guided_network
from dpde_tf.runs.initial_weights import load_initial_gradient_weights
from dpde_tf.training.objectives import (
    ContextObjective,
    GradientObjective,
    GuidedObjective,
)
from dpde_tf.training.presets import depth_preset, gradient_preset, guided_preset
from experiments import training_run
from experiments.training_run import Setup, define_training_flags, run_training

FLAGS = flags.FLAGS


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_training_flags(
        GradientNetworkConfig,
        GradientLossConfig,
        ContextNetworkConfig,
        ContextLossConfig,
        GuidedNetworkConfig,
        GuidedLossConfig,
        CoarseDepthConfig,
    )
    flags.DEFINE_enum(
        "gradient_network",
        "paper",
        ("paper", "context", "guided"),
        "The network of the paper, ours for whole images, or ours with a coarse depth "
        "map as additional input.",
    )


def make_context_setup(records: RecordSet) -> Setup:
    """Returns the context network and its loss.

    Args:
        records: Training records; their mean depth fills an open value.

    Returns:
        Setup of the run.
    """
    values = FLAGS.flag_values_dict()
    network = config_from_flags(ContextNetworkConfig(), values)
    loss = config_from_flags(ContextLossConfig(), values)
    if FLAGS.init_from:
        network = dataclasses.replace(network, context_encoder_weights="none")
    if network.context_offset is None:
        mean = records.split.depth_mean
        network = dataclasses.replace(network, context_offset=mean)
    return Setup(
        configs=(network, loss),
        build_network=lambda: build_context_network(network),
        objective=ContextObjective(loss),
        load_initial=functools.partial(load_initial_gradient_weights, config=network),
    )


def make_guided_setup(records: RecordSet) -> Setup:
    """Returns the guided network, its loss and its coarse depth maps.

    Args:
        records: Training records, possibly with predictions.

    Returns:
        Setup of the run.
    """
    values = FLAGS.flag_values_dict()
    network = config_from_flags(GuidedNetworkConfig(), values)
    loss = config_from_flags(GuidedLossConfig(), values)
    coarse = config_from_flags(CoarseDepthConfig(), values)
    folders = [name for name in coarse.coarse_predictions.split(",") if name]
    predictions = read_predicted_depths(folders, records.split.names)
    return Setup(
        configs=(network, loss, coarse),
        build_network=lambda: build_guided_network(network),
        objective=GuidedObjective(loss),
        load_initial=functools.partial(load_initial_gradient_weights, config=network),
        coarse=CoarseDepths(coarse, predictions),
    )


def make_setup(records: RecordSet) -> Setup:
    """Returns the gradient network of the paper and its loss.

    Args:
        records: Training records, not used.

    Returns:
        Setup of the run.
    """
    del records
    values = FLAGS.flag_values_dict()
    network = config_from_flags(GradientNetworkConfig(), values)
    loss = config_from_flags(GradientLossConfig(), values)
    return Setup(
        configs=(network, loss),
        build_network=lambda: build_gradient_network(network),
        objective=GradientObjective(loss),
        load_initial=functools.partial(load_initial_gradient_weights, config=network),
    )


def main(argv: Sequence[str]) -> None:
    """Runs the training."""
    if len(argv) > 1:
        raise app.UsageError(f"Unknown argument: {argv[1]}.")
    program = "experiments.train_gradient"
    if FLAGS.gradient_network == "context":
        # It is trained on whole images, like the depth network.
        run_training(program, depth_preset(FLAGS.preset), make_context_setup)
    elif FLAGS.gradient_network == "guided":
        run_training(program, guided_preset(FLAGS.preset), make_guided_setup)
    else:
        run_training(program, gradient_preset(FLAGS.preset), make_setup)


if __name__ == "__main__":
    _define_flags()
    flags.adopt_module_key_flags(config_flags)
    flags.adopt_module_key_flags(training_run)
    app.run(main)
