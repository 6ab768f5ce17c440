r"""Trains the modified FCRN or FCRN on a record set.

    python -m experiments.train_depth --records=data/records/nyu_depth_v2 \
        --workdir=runs/nyu/depth

The same command continues an interrupted run. The folder of the run holds `run.json`
(flags, configuration, versions, commit), `metrics.jsonl` (one line per epoch),
`tensorboard/`, `checkpoints/` and `weights.weights.h5`.

Instead of ImageNet weights, training can start from a depth network: the folder of a
run or of compact weights, a `.weights.h5` file, or a released file of FCRN or of the
hybrid. The released networks need matching architectures:

    --init_from=NYU_FCRN.npy --architecture=laina --nolateral_connections
    --init_from=hyb_net_weights.model --architecture=harsanyi
"""

import dataclasses
import functools
from collections.abc import Sequence

from absl import app, flags

from dpde_tf.cli import config_flags
from dpde_tf.cli.config_flags import config_from_flags
from dpde_tf.config import DepthLossConfig, DepthNetworkConfig
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.metrics.feature_similarity import MIN_SIZE
from dpde_tf.models.depth import build_depth_network
from dpde_tf.runs.initial_weights import load_initial_depth_weights
from dpde_tf.training.objectives import DepthObjective
from dpde_tf.training.presets import depth_preset
from experiments import training_run
from experiments.training_run import Setup, define_training_flags, run_training

FLAGS = flags.FLAGS


def make_setup(records: RecordSet) -> Setup:
    """Returns network and loss, with values taken from the training records.

    Args:
        records: The training records.

    Returns:
        Setup in which the mean and the largest depth of the split fill open values.
    """
    values = FLAGS.flag_values_dict()
    network = config_from_flags(DepthNetworkConfig(), values)
    loss = config_from_flags(DepthLossConfig(), values)
    if FLAGS.init_from:
        network = dataclasses.replace(network, encoder_weights="none")
    if network.output_offset is None:
        mean = records.split.depth_mean
        network = dataclasses.replace(network, output_offset=mean)
    _check_size(records.manifest.image_size, loss)
    if loss.max_depth is None:
        loss = dataclasses.replace(loss, max_depth=records.split.depth_max)
    return Setup(
        configs=(network, loss),
        build_network=lambda: build_depth_network(network),
        objective=DepthObjective(loss),
        load_initial=functools.partial(load_initial_depth_weights, config=network),
    )


def _check_size(image_size: tuple[int, int], loss: DepthLossConfig) -> None:
    """Checks that images at half resolution are large enough for FSIM."""
    height, width = (int(part) for part in FLAGS.crop_size or image_size)
    if loss.lambda_fsim and min(height, width) <= 2 * (MIN_SIZE - 1):
        raise ValueError(
            f"Training images must be at least {2 * MIN_SIZE - 1} pixels high and wide "
            f"for the FSIM loss. Received: {height}x{width}. Convert to a larger "
            "--image_size, use a larger --crop_size, or --lambda_fsim=0."
        )


def main(argv: Sequence[str]) -> None:
    """Runs the training."""
    if len(argv) > 1:
        raise app.UsageError(f"Unknown argument: {argv[1]}.")
    run_training("experiments.train_depth", depth_preset(FLAGS.preset), make_setup)


if __name__ == "__main__":
    define_training_flags(DepthNetworkConfig, DepthLossConfig)
    flags.adopt_module_key_flags(config_flags)
    flags.adopt_module_key_flags(training_run)
    app.run(main)
