"""Flags that the training programs share, and their call of the library."""

import functools
import sys
from collections.abc import Callable

from absl import flags, logging

from dpde_tf.cli import config_flags
from dpde_tf.cli.config_flags import (
    config_from_flags,
    define_config_flags,
    given_flags,
)
from dpde_tf.cli.path_flags import define_path
from dpde_tf.config import AugmentationConfig, InitialisationConfig, TrainingConfig
from dpde_tf.training.presets import PRESETS, Preset
from dpde_tf.training.session import Setup, TrainingSession, run_session
from dpde_tf.training.stop_signals import StoppedBySignalError

FLAGS = flags.FLAGS


def define_training_flags(*config_classes: type) -> None:
    """Defines the flags of a training program, as key flags of the main module.

    Args:
        *config_classes: Configurations of the network and its loss.
    """
    define_path("records", None, "Folder of the record set.", required=True)
    flags.DEFINE_string("split", "train", "Split to train on.")
    define_path("workdir", None, "Folder of the run.", required=True)
    flags.DEFINE_enum("preset", "paper", PRESETS, "Recipe that other flags change.")
    for name in ("records", "split", "workdir", "preset"):
        flags.declare_key_flag(name)
    define_config_flags(
        *config_classes, InitialisationConfig, TrainingConfig, AugmentationConfig
    )
    flags.adopt_module_key_flags(config_flags)


def run_training(
    program: str, preset: Preset, make_setup: Callable[..., Setup], *configs: object
) -> None:
    """Trains a network according to the flags; continues the run in --workdir, if any.

    Args:
        program: Module of the program, for the record of the run.
        preset: Recipe that the flags change.
        make_setup: One of `dpde_tf.training.setups`.
        *configs: Its configurations, which the flags change.

    Raises:
        ValueError: If a flag has an invalid value, or the run in --workdir was made
            with other values.
        OSError: If that run is in progress, or a file cannot be read or written.
        SystemExit: With code 143 or 130 if SIGTERM or SIGINT stopped the training.
    """
    logging.set_verbosity(logging.WARNING)
    values = FLAGS.flag_values_dict()
    changed = [config_from_flags(config, values) for config in configs]
    session = TrainingSession(
        program=program,
        records=FLAGS.records,
        split=FLAGS.split,
        workdir=FLAGS.workdir,
        make_setup=functools.partial(make_setup, *changed),
        training=config_from_flags(preset.training, values),
        augmentation=config_from_flags(preset.augmentation, values),
        start=config_from_flags(InitialisationConfig(), values),
        flags=given_flags(),
    )
    try:
        weights = run_session(session)
    except StoppedBySignalError as stopped:
        print(stopped)
        sys.exit(stopped.exit_code)
    if weights:
        print(f"Weights: {weights}")
