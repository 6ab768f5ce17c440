r"""Trains the gradient network on random crops of a record set.

    python -m experiments.train_gradient --records=data/records/nyu_depth_v2 \
        --workdir=runs/nyu/gradient

The same command goes on with a run that was interrupted. The folder of the run is that
of `experiments.train_depth`.
"""

from collections.abc import Sequence

from absl import app, flags

from dpde_tf.config import GradientLossConfig, GradientNetworkConfig
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.models.gradient_network import build_gradient_network
from dpde_tf.presets import gradient_preset
from dpde_tf.training.objectives import GradientObjective
from experiments import config_flags, training_run
from experiments.config_flags import config_from_flags
from experiments.training_run import Setup, define_training_flags, run_training

FLAGS = flags.FLAGS


def make_setup(records: RecordSet) -> Setup:
    """Returns network and loss.

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
    )


def main(argv: Sequence[str]) -> None:
    """Runs the training."""
    if len(argv) > 1:
        raise app.UsageError(f"Unknown argument: {argv[1]}.")
    preset = gradient_preset(FLAGS.preset)
    run_training("experiments.train_gradient", preset, make_setup)


if __name__ == "__main__":
    define_training_flags(GradientNetworkConfig, GradientLossConfig)
    flags.adopt_module_key_flags(config_flags)
    flags.adopt_module_key_flags(training_run)
    app.run(main)
