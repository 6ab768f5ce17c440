r"""Trains the gradient network on random crops of a record set.

    python -m experiments.train_gradient --records=data/records/nyu_depth_v2 \
        --workdir=runs/nyu/gradient

`--gradient_network=context` trains, on whole images, the network of
`dpde_tf.models.context` in its place, `--gradient_network=guided`, on random
crops, that of `dpde_tf.models.guided`, which sees a coarse depth map beside the
image. Neither is part of the paper.

The same command goes on with a run that was interrupted. The folder of the run is that
of `experiments.train_depth`. With `--init_from` training starts from such a run of the
same network, from a folder of compact weights, or from a `.weights.h5` file.
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
        "The paper's network, ours that sees the whole image, or ours that sees a "
        "coarse depth map beside it.",
    )


def make_context_setup(records: RecordSet) -> Setup:
    """Returns the context network and its loss.

    Args:
        records: The training records; their mean depth fills an open value.

    Returns:
        The setup.
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
        records: The training records, of which there may be predictions.

    Returns:
        The setup.
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
    """Returns the paper's network and loss.

    Args:
        records: The training records; nothing is taken from them.

    Returns:
        The setup.
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
        # It sees whole images, as the depth network does.
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
