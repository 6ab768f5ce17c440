r"""Converts the released weights of FCRN or of the hybrid to the folder of a run.

    python -m experiments.import_weights --weights=NYU_FCRN.npy \
        --workdir=runs/released/fcrn

FCRN (Laina et al. 2016) is the `.npy` file for TensorFlow, the hybrid (Harsanyi et al.
2018) the state dictionary for PyTorch; neither library is needed. The network in the
folder computes the same depth as the released one. Programs use the folder like a run
of `experiments.train_depth`:

    python -m experiments.predict --depth_run=runs/released/fcrn \
        --images=photo.jpg --output=out
"""

import pathlib

from absl import flags

from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.cli.result_record import write_result_record
from dpde_tf.files.checksums import file_sha256
from dpde_tf.models.depth import build_depth_network
from dpde_tf.runs.released.conversion import find_release, load_released_weights
from dpde_tf.runs.run_folder import RECORD_FILE, WEIGHTS_FILE
from dpde_tf.runs.run_record import config_as_dict
from dpde_tf.training.checkpoints import save_weights

FLAGS = flags.FLAGS


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("weights", None, "Released file.", required=True)
    define_path("workdir", None, "Folder of the new run.", required=True)


def import_weights(weights: pathlib.Path, workdir: pathlib.Path) -> None:
    """Writes `run.json` and `weights.weights.h5` of a released network.

    Args:
        weights: Released file.
        workdir: Folder of the new run; must not hold a run.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not a released one, or the folder holds a run.
    """
    if not weights.is_file():
        raise FileNotFoundError(f"There is no file {weights} (flag --weights).")
    if (workdir / RECORD_FILE).exists():
        raise ValueError(f"{workdir} holds a run already. Use another --workdir.")
    release = find_release(weights)
    if release is None:
        raise ValueError(
            f"{weights} must be the released FCRN (`.npy`) or hybrid (PyTorch); by its "
            "first bytes it is neither."
        )
    network = build_depth_network(release.config)
    load_released_weights(network, release.config, release, weights)
    save_weights(network, workdir / WEIGHTS_FILE)
    config = config_as_dict(release.config) | {
        "data": {"image_size": list(release.image_size)},
        "released_weights": {"title": release.title, "sha256": file_sha256(weights)},
    }
    write_result_record(workdir, "experiments.import_weights", config)


@flags_only
def main() -> None:
    """Runs the import."""
    import_weights(pathlib.Path(FLAGS.weights), pathlib.Path(FLAGS.workdir))
    print(f"Weights: {pathlib.Path(FLAGS.workdir) / WEIGHTS_FILE}")


if __name__ == "__main__":
    _define_flags()
    run_main(main)
