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

from absl import flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.program import run_main
from dpde_tf.config import DepthLossConfig, DepthNetworkConfig
from dpde_tf.training.presets import depth_preset
from dpde_tf.training.setups import depth_setup
from experiments import training_flags
from experiments.training_flags import define_training_flags, run_training

FLAGS = flags.FLAGS


@flags_only
def main() -> None:
    """Runs the training."""
    run_training(
        "experiments.train_depth",
        depth_preset(FLAGS.preset),
        depth_setup,
        DepthNetworkConfig(),
        DepthLossConfig(),
    )


if __name__ == "__main__":
    define_training_flags(DepthNetworkConfig, DepthLossConfig)
    flags.adopt_module_key_flags(training_flags)
    run_main(main, "experiments.train_depth")
