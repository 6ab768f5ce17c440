"""Where training starts, other than from ImageNet or random weights."""

import pathlib

import h5py
import keras

from dpde_tf.config import (
    ContextNetworkConfig,
    DepthNetworkConfig,
    GradientNetworkConfig,
    GuidedNetworkConfig,
)
from dpde_tf.runs.released.conversion import (
    find_release,
    fold_output,
    load_released_weights,
)
from dpde_tf.runs.run_folder import RECORD_FILE, WEIGHTS_FILE, recorded_config
from dpde_tf.runs.trained_networks import load_run_weights
from dpde_tf.runs.weight_files import load_weights

_OURS = "a `.weights.h5` file of this library"


def load_initial_depth_weights(
    network: keras.Model, config: DepthNetworkConfig, source: str | pathlib.Path
) -> None:
    """Sets all weights of a depth network to those of another one.

    The scale and the offset of the output may differ from those of the source: the last
    convolution is adapted. Only for a `.weights.h5` file outside of a run must they be
    the same, since the file does not store them.

    Args:
        network: As `build_depth_network(config)` gives it.
        config: Its configuration.
        source: A run of `experiments.train_depth`, a folder of compact weights, a
            `.weights.h5` file, or a released file (see `dpde_tf.runs.released`).

    Raises:
        FileNotFoundError: If there is no such file, or the run has no weights yet.
        ValueError: If it holds another network, or something else.
    """
    path = _existing(source)
    if path.is_dir():
        _load_depth_run(network, config, path)
    elif release := find_release(path):
        load_released_weights(network, config, release, path)
    else:
        _check_file(path, f"{_OURS}, a released FCRN (`.npy`) or hybrid (PyTorch)")
        remedy = "See `lateral_connections` and `architecture`, or write it again."
        load_weights(network, path, remedy=remedy)


def load_initial_gradient_weights(
    network: keras.Model,
    config: GradientNetworkConfig | ContextNetworkConfig | GuidedNetworkConfig,
    source: str | pathlib.Path,
) -> None:
    """Sets all weights of a gradient, context or guided network to those of another.

    The context network's offset may differ from that of a run. A `.weights.h5` file
    outside a run does not tell `guided_inputs`, which must be the same.

    Args:
        network: As the builder of the network gives it for `config`.
        config: Its configuration.
        source: A run of `experiments.train_gradient`, a folder of compact weights, or
            a `.weights.h5` file.

    Raises:
        FileNotFoundError: If there is no such file, or the run has no weights yet.
        ValueError: If it holds another network, or something else.
    """
    path = _existing(source)
    if not path.is_dir():
        _check_file(path, _OURS)
        remedy = (
            "See `gradient_network`, `width`, `guided_width` and `guided_inputs`, or "
            "write it again."
        )
        load_weights(network, path, remedy=remedy)
        return
    trained = recorded_config(path, type(config))
    # A network that sees the image alone has weights of the same shapes as one that
    # sees the depth alone.
    _check_same(path, trained, config, "guided_inputs")
    load_run_weights(network, path)
    if isinstance(config, ContextNetworkConfig):
        head = network.get_layer("depth_conv")
        kernel, bias = head.get_weights()
        shift = trained.context_offset - config.context_offset
        head.set_weights([kernel, bias + shift])


def _existing(source: str | pathlib.Path) -> pathlib.Path:
    """The path of weights; of a run's file, the run."""
    path = pathlib.Path(source)
    if path.name == WEIGHTS_FILE and (path.parent / RECORD_FILE).is_file():
        return path.parent
    if not path.exists():
        raise FileNotFoundError(
            f"There are no weights {str(source)!r}. Name a run's folder, a "
            "`.weights.h5` file or a released depth network (`init_from`)."
        )
    return path


def _check_same(
    folder: pathlib.Path, trained: object, config: object, *fields: str
) -> None:
    """Refuses a run that has another value of a field; others may lack the field."""
    for field in fields:
        theirs, ours = getattr(trained, field, None), getattr(config, field, None)
        if theirs != ours:
            raise ValueError(
                f"The run in {folder} has {field}={theirs}; this network must have it "
                f"too. Received: {ours}."
            )


def _load_depth_run(
    network: keras.Model, config: DepthNetworkConfig, folder: pathlib.Path
) -> None:
    """Loads what a run has trained."""
    trained = recorded_config(folder, DepthNetworkConfig)
    _check_same(folder, trained, config, "architecture", "lateral_connections")
    load_run_weights(network, folder)
    head = network.get_layer("depth_conv")
    head.set_weights(fold_output(*head.get_weights(), trained, config))


def _check_file(path: pathlib.Path, kinds: str) -> None:
    """Refuses other files than `.weights.h5`; `kinds` names the accepted ones."""
    if not h5py.is_hdf5(path) or not path.name.endswith(".weights.h5"):
        raise ValueError(
            f"{path} must be {kinds}; it is not. Name another with `init_from`."
        )
