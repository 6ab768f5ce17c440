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
from collections.abc import Sequence

from absl import flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.program import run_main
from dpde_tf.cli.unset_flags import check_unset
from dpde_tf.config import (
    CoarseDepthConfig,
    ContextLossConfig,
    ContextNetworkConfig,
    DepthNetworkConfig,
    GradientLossConfig,
    GradientNetworkConfig,
    GuidedLossConfig,
    GuidedNetworkConfig,
)
from dpde_tf.training.presets import depth_preset, gradient_preset, guided_preset
from dpde_tf.training.setups import context_setup, gradient_setup, guided_setup
from experiments import training_flags
from experiments.training_flags import define_training_flags, run_training

FLAGS = flags.FLAGS

# Preset, setup and configurations of each network.
_NETWORKS = {
    "paper": (
        gradient_preset,
        gradient_setup,
        GradientNetworkConfig,
        GradientLossConfig,
    ),
    # It is trained on whole images, like the depth network.
    "context": (
        depth_preset,
        context_setup,
        ContextNetworkConfig,
        ContextLossConfig,
    ),
    "guided": (
        guided_preset,
        guided_setup,
        GuidedNetworkConfig,
        GuidedLossConfig,
        CoarseDepthConfig,
    ),
}


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_training_flags(
        *(config for _, _, *configs in _NETWORKS.values() for config in configs)
    )
    flags.DEFINE_enum(
        "gradient_network",
        "paper",
        list(_NETWORKS),
        "The network of the paper, ours for whole images, or ours with a coarse depth "
        "map as additional input.",
    )


def _fields(configs: Sequence[type]) -> set[str]:
    """Names of the options of a network."""
    return {field.name for config in configs for field in dataclasses.fields(config)}


@flags_only
def main() -> None:
    """Runs the training."""
    preset, make_setup, *configs = _NETWORKS[FLAGS.gradient_network]
    # Flags of `make train-nyu` are for both programs.
    known = _fields([*configs, DepthNetworkConfig])
    for other, (_, _, *theirs) in _NETWORKS.items():
        check_unset(
            *sorted(_fields(theirs) - known), needs=f"--gradient_network={other}"
        )
    run_training(
        "experiments.train_gradient",
        preset(FLAGS.preset),
        make_setup,
        *(config() for config in configs),
    )


if __name__ == "__main__":
    _define_flags()
    flags.adopt_module_key_flags(training_flags)
    run_main(main, "experiments.train_gradient")
