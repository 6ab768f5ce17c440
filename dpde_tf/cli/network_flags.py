"""The flags that name trained networks."""

import dataclasses
from collections.abc import Collection

from absl import app, flags

from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.unset_flags import check_unset
from dpde_tf.config import UncertaintyConfig
from dpde_tf.runs.trained_networks import PRESETS

FLAGS = flags.FLAGS
_NAMES = ("depth_run", "gradient_run", "guided_run")


def define_network_flags() -> None:
    """Defines `--depth_run`, `--gradient_run` and `--guided_run`."""
    define_path("depth_run", None, "Run of train_depth. Default: the shipped networks.")
    define_path(
        "gradient_run",
        None,
        "Run of train_gradient for the network of the paper or the context network.",
    )
    define_path(
        "guided_run",
        None,
        "Run of train_gradient for the guided network. With --depth_run alone, there "
        "is no fusion.",
    )


def check_network_flags() -> None:
    """Refuses an empty name, and gradients without depth.

    Raises:
        absl.app.UsageError: If the flags do not go together.
    """
    if FLAGS.depth_run == "":
        raise app.UsageError("--depth_run is empty. Name a run, or omit the flag.")
    for name in _NAMES[1:]:
        if FLAGS[name].value and not FLAGS.depth_run:
            raise app.UsageError(f"--{name} needs the --depth_run beside it.")


def check_network_options(networks: Collection[str]) -> None:
    """Refuses options of networks that there are not.

    A depth network alone ignores the options of the fusion, since `make` passes the
    same ones to DPDE and to FCRN.

    Args:
        networks: Names of the networks, as `load_networks` gives them.

    Raises:
        absl.app.UsageError: If an option would do nothing.
    """
    of_context = ["max_uncertainty"]
    if len(networks) > 1:
        fields = dataclasses.fields(UncertaintyConfig)
        of_context += ["context_share", *(field.name for field in fields)]
        if "guided_network" not in networks:
            check_unset("sharpening", needs="a guided network (--guided_run)")
    if "context_network" not in networks:
        check_unset(*of_context, needs="a context network (--gradient_run)")


def network_runs() -> dict[str, str]:
    """Returns the folders of the networks by their flags.

    Returns:
        As `load_networks` takes them; without any flag, those of the shipped networks.
    """
    if FLAGS.depth_run is None:
        return {name: str(path) for name, path in PRESETS["nyu"].items()}
    return {name: FLAGS[name].value for name in _NAMES if FLAGS[name].value}
