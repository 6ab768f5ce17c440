"""Networks built again from the folder of the run that trained them."""

import dataclasses
import pathlib

import keras

from dpde_tf.config import DepthNetworkConfig, GradientNetworkConfig
from dpde_tf.models.depth_network import build_depth_network
from dpde_tf.models.gradient_network import build_gradient_network
from dpde_tf.run_folder import RECORD_FILE, WEIGHTS_FILE, read_run_record


def load_depth_network(workdir: str | pathlib.Path) -> keras.Model:
    """Returns the trained depth network of a run, under the current dtype policy.

    Args:
        workdir: Folder of a run of `experiments.train_depth`.

    Returns:
        See `build_depth_network`.

    Raises:
        FileNotFoundError: If it is no such folder, or has no weights yet.
        ValueError: If it is the run of another network.
    """
    fields = _network_fields(workdir, DepthNetworkConfig)
    config = dataclasses.replace(DepthNetworkConfig(**fields), encoder_weights="none")
    network = build_depth_network(config)
    network.load_weights(_weights_path(workdir))
    return network


def load_gradient_network(workdir: str | pathlib.Path) -> keras.Model:
    """Returns the trained gradient network of a run, under the current dtype policy.

    Args:
        workdir: Folder of a run of `experiments.train_gradient`.

    Returns:
        See `build_gradient_network`.

    Raises:
        FileNotFoundError: If it is no such folder, or has no weights yet.
        ValueError: If it is the run of another network.
    """
    fields = _network_fields(workdir, GradientNetworkConfig)
    network = build_gradient_network(GradientNetworkConfig(**fields))
    network.load_weights(_weights_path(workdir))
    return network


def _network_fields(workdir: str | pathlib.Path, config_class: type) -> dict:
    """The configuration of that class in the run's record."""
    config = read_run_record(workdir)["config"]
    name = config_class.__name__
    if name not in config:
        raise ValueError(
            f"{pathlib.Path(workdir) / RECORD_FILE} has no {name}: it is the run of "
            "another network. --depth_run and --gradient_run may be exchanged."
        )
    return config[name]


def _weights_path(workdir: str | pathlib.Path) -> pathlib.Path:
    """The run's file of weights, if it is there."""
    path = pathlib.Path(workdir) / WEIGHTS_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: the run has not finished an epoch. Go on with "
            "the command that its run.json names."
        )
    return path
