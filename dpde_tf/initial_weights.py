"""Where the training of a depth network starts, other than from ImageNet weights."""

import pathlib

import h5py
import keras

from dpde_tf.config import DepthNetworkConfig
from dpde_tf.released_weights import find_release
from dpde_tf.released_weights.conversion import fold_output, load_released_weights
from dpde_tf.run_folder import RECORD_FILE, WEIGHTS_FILE, recorded_config
from dpde_tf.weight_files import load_weights


def load_initial_weights(
    network: keras.Model, config: DepthNetworkConfig, source: str | pathlib.Path
) -> None:
    """Sets all weights of a depth network to those of another one.

    The output's scale and offset may differ from those of the source: the last
    convolution makes up for it. Only of a `.weights.h5` file outside of a run they
    are not known, and must be the same.

    Args:
        network: As `build_depth_network(config)` gives it.
        config: Its configuration.
        source: A run of `experiments.train_depth`, a `.weights.h5` file, or a
            released file (see `dpde_tf.released_weights`).

    Raises:
        FileNotFoundError: If there is no such file, or the run has no weights yet.
        ValueError: If it holds another network, or something else.
    """
    path = pathlib.Path(source)
    if path.name == WEIGHTS_FILE and (path.parent / RECORD_FILE).is_file():
        path = path.parent
    if path.is_dir():
        _load_run(network, config, path)
    elif not path.is_file():
        raise FileNotFoundError(
            f"There are no weights {str(source)!r}. Name a run's folder, a "
            "`.weights.h5` file or a released file (flag --init_from)."
        )
    elif release := find_release(path):
        load_released_weights(network, config, release, path)
    else:
        _load_file(network, path)


def _load_run(
    network: keras.Model, config: DepthNetworkConfig, folder: pathlib.Path
) -> None:
    """Loads what a run has trained."""
    source = recorded_config(folder, DepthNetworkConfig)
    for field in ("architecture", "lateral_connections"):
        if getattr(source, field) != getattr(config, field):
            raise ValueError(
                f"The run in {folder} has {field}={getattr(source, field)}; this "
                f"network must have it too. Received: {getattr(config, field)}."
            )
    if not (folder / WEIGHTS_FILE).is_file():
        raise FileNotFoundError(
            f"{folder / WEIGHTS_FILE} does not exist: the run has not finished an "
            "epoch. Go on with the command that its run.json names."
        )
    _load_file(network, folder / WEIGHTS_FILE)
    head = network.get_layer("depth_conv")
    head.set_weights(fold_output(*head.get_weights(), source, config))


def _load_file(network: keras.Model, path: pathlib.Path) -> None:
    """Loads a `.weights.h5` file, which must hold these layers and no others."""
    if not h5py.is_hdf5(path) or not path.name.endswith(".weights.h5"):
        raise ValueError(
            f"{path} must be a `.weights.h5` file of this library, a released FCRN "
            "(`.npy`) or a released hybrid (PyTorch); it is none of them."
        )
    remedy = "See --lateral_connections and --architecture, or write it again."
    load_weights(network, path, remedy=remedy)
