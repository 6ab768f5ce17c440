"""Loads trained networks from the folders of their runs.

The networks that come with the library are such folders too, with compact weights:
`SHIPPED_DEPTH_RUN`, `SHIPPED_GRADIENT_RUN`, `SHIPPED_CONTEXT_RUN` and
`SHIPPED_GUIDED_RUN`.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import pathlib
from collections.abc import Iterable

import keras
from absl import logging

from dpde_tf.config import (
    ContextNetworkConfig,
    DepthNetworkConfig,
    GradientNetworkConfig,
    GuidedNetworkConfig,
)
from dpde_tf.files import checksums
from dpde_tf.keras_settings import without_garbage_collection
from dpde_tf.models.compact_kernels import compact_kernels
from dpde_tf.models.context import as_gradient_network, build_context_network
from dpde_tf.models.depth import build_depth_network
from dpde_tf.models.folding import assign_folded, without_batch_normalization
from dpde_tf.models.gradient import build_gradient_network
from dpde_tf.models.guided import build_guided_network
from dpde_tf.models.initial_values import without_drawing
from dpde_tf.runs.compact_weights import (
    has_compact_weights,
    read_compact_weights,
)
from dpde_tf.runs.run_folder import (
    WEIGHTS_FILE,
    read_run_record,
    recorded_config,
    training_image_size,
)
from dpde_tf.runs.weight_files import load_weights

_SHIPPED = pathlib.Path(__file__).parent / "pretrained"
SHIPPED_DEPTH_RUN = _SHIPPED / "modified_fcrn"
SHIPPED_GRADIENT_RUN = _SHIPPED / "gradient_network"
SHIPPED_CONTEXT_RUN = _SHIPPED / "context_network"
SHIPPED_GUIDED_RUN = _SHIPPED / "guided_network"
# The network that refines the depth of other networks.
SHIPPED_REFINER_RUN = SHIPPED_GUIDED_RUN
# Runs of each preset, as arguments of `load_networks`.
PRESETS = {
    "nyu": {
        "depth_run": SHIPPED_DEPTH_RUN,
        "gradient_run": SHIPPED_CONTEXT_RUN,
        "guided_run": SHIPPED_GUIDED_RUN,
    },
    "nyu_paper": {
        "depth_run": SHIPPED_DEPTH_RUN,
        "gradient_run": SHIPPED_GRADIENT_RUN,
    },
}


_BUILDERS = {
    DepthNetworkConfig: build_depth_network,
    GradientNetworkConfig: build_gradient_network,
    ContextNetworkConfig: build_context_network,
    GuidedNetworkConfig: build_guided_network,
}
# Options that name weights, which those of the run replace.
_START = {"encoder_weights": "none", "context_encoder_weights": "none"}


def load_network(
    workdir: str | pathlib.Path, config_class: type | None = None
) -> keras.Model:
    """Returns the trained network of a run, under the current dtype policy.

    Args:
        workdir: Folder of a run of either training program, or of compact weights.
        config_class: Configuration of the network that it must have, such as
            `GuidedNetworkConfig`; None for any network.

    Returns:
        The network, as its builder returns it.

    Raises:
        FileNotFoundError: If it is no such folder, or has no weights yet.
        ValueError: If it is the run of another network, or its weights are damaged.
    """
    if config_class is None:
        config_class = _recorded_class(workdir)
    config = recorded_config(workdir, config_class)
    network = _build(config)
    load_run_weights(network, workdir)
    return network


def _build(config: object) -> keras.Model:
    """A network whose weights are then loaded."""
    start = {name: value for name, value in _START.items() if hasattr(config, name)}
    with without_drawing(), without_garbage_collection():
        return _BUILDERS[type(config)](dataclasses.replace(config, **start))


def load_folded(
    workdir: str | pathlib.Path, config_class: type, *, compact: bool = False
) -> keras.Model:
    """Returns the trained network of a run for prediction, under the current policy.

    Args:
        workdir: As for `load_network`.
        config_class: Configuration of the network that it must have.
        compact: Whether kernels of compact weights stay in whole numbers, see
            `dpde_tf.models.compact_kernels`.

    Returns:
        The network without its batch normalisations, see `dpde_tf.models.folding`.

    Raises:
        FileNotFoundError: As `load_network`.
        ValueError: As `load_network`.
    """
    config = recorded_config(workdir, config_class)
    with concurrent.futures.ThreadPoolExecutor(1) as reader:
        if stored_compact := has_compact_weights(workdir):
            # Most of it is decompression, for which no other thread has to wait.
            weights = reader.submit(read_compact_weights, workdir)
        whole_numbers = stored_compact and compact
        kernels = compact_kernels() if whole_numbers else contextlib.nullcontext()
        with kernels, without_batch_normalization() as folds:
            network = _build(config)
    network.trainable = False
    if stored_compact:
        weights.result().assign_to(network, folds)
        return network
    if not folds:
        load_run_weights(network, workdir)
        return network
    trained = load_network(workdir, config_class)
    arrays = {v.path: v.numpy() for v in trained.weights}
    assign_folded(network, arrays, folds)
    return network


def _recorded_class(workdir: str | pathlib.Path) -> type:
    """The configuration of the network that a run trained."""
    for config_class in _BUILDERS:
        if is_run_of(workdir, config_class):
            return config_class
    names = ", ".join(config_class.__name__ for config_class in _BUILDERS)
    raise ValueError(
        f"The run.json in {workdir} must name one of {names}. Name the folder of a "
        "training run."
    )


def load_depth_network(workdir: str | pathlib.Path) -> keras.Model:
    """Returns the trained depth network of a run; see `load_network`."""
    return load_network(workdir, DepthNetworkConfig)


def load_gradient_network(workdir: str | pathlib.Path) -> keras.Model:
    """Returns the trained gradient network of a run; see `load_network`.

    Args:
        workdir: Folder of a run of `experiments.train_gradient`, or of compact weights.

    Returns:
        See `build_gradient_network`; of a context network, `as_gradient_network`.
    """
    if is_run_of(workdir, ContextNetworkConfig):
        return as_gradient_network(load_network(workdir))
    return load_network(workdir, GradientNetworkConfig)


def load_networks(
    depth_run: str | pathlib.Path,
    gradient_run: str | pathlib.Path | None = None,
    guided_run: str | pathlib.Path | None = None,
    *,
    compact: bool = False,
) -> dict[str, keras.Model]:
    """Returns the networks of several runs for prediction, under the current policy.

    Their batch normalisations are folded into the convolutions, see
    `dpde_tf.models.folding`.

    Args:
        depth_run: Run of a depth network.
        gradient_run: Run of a gradient or context network, if there is one.
        guided_run: Run of a guided network, if there is one.
        compact: As for `load_folded`: for prediction on one device.

    Returns:
        `depth_network`, and for the other runs that are given `gradient_network` or
        `context_network`, and `guided_network`.

    Raises:
        FileNotFoundError: If one is no such folder, or has no weights yet.
        ValueError: If one is the run of another network, or its weights are damaged.
    """
    load = functools.partial(load_folded, compact=compact)
    networks = {"depth_network": load(depth_run, DepthNetworkConfig)}
    if gradient_run is not None and is_run_of(gradient_run, ContextNetworkConfig):
        networks["context_network"] = load(gradient_run, ContextNetworkConfig)
    elif gradient_run is not None:
        networks["gradient_network"] = load(gradient_run, GradientNetworkConfig)
    if guided_run is not None:
        networks["guided_network"] = load(guided_run, GuidedNetworkConfig)
    return networks


def common_image_size(runs: Iterable[str | pathlib.Path]) -> tuple[int, int]:
    """Returns the image size at which to apply the networks of several runs.

    Args:
        runs: Folders of the runs.

    Returns:
        (height, width) of the images that the first one was trained on, with a warning
        if those of another had a different size.

    Raises:
        FileNotFoundError: If one is no such folder.
    """
    sizes = {run: training_image_size(run) for run in runs}
    if len(set(sizes.values())) > 1:
        logging.warning(
            "The networks were trained on images of different sizes (%s); all see the "
            "first one's.",
            ", ".join(f"{run}: {h}x{w}" for run, (h, w) in sizes.items()),
        )
    return next(iter(sizes.values()))


def load_run_weights(network: keras.Model, workdir: str | pathlib.Path) -> None:
    """Sets the weights of a network to those of a run of the same network.

    Args:
        network: As the configuration of the run builds it.
        workdir: Folder of a run, or of compact weights.

    Raises:
        FileNotFoundError: If the folder has no weights yet.
        ValueError: If they are of another network, or damaged.
    """
    if has_compact_weights(workdir):
        read_compact_weights(workdir).assign_to(network)
        return
    path = pathlib.Path(workdir) / WEIGHTS_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: the run has not finished an epoch. Resume it "
            "with the command that its run.json names."
        )
    load_weights(network, path, remedy="Train again, or name another run.")


def is_run_of(workdir: str | pathlib.Path, config_class: type) -> bool:
    """Returns whether a run trained the network of a configuration.

    Args:
        workdir: Folder of a run, or of compact weights.
        config_class: Such as `GuidedNetworkConfig`.

    Returns:
        True if its record has such a configuration.

    Raises:
        FileNotFoundError: If the folder is not a run.
    """
    return config_class.__name__ in read_run_record(workdir).get("config", {})


def weights_sha256(workdir: str | pathlib.Path) -> str:
    """Returns a checksum that tells the weights of a run from all others.

    Args:
        workdir: Folder of a run, or of compact weights.

    Returns:
        64 hexadecimal digits.
    """
    compact = has_compact_weights(workdir)
    name = checksums.FILE_NAME if compact else WEIGHTS_FILE
    return checksums.file_sha256(pathlib.Path(workdir) / name)
