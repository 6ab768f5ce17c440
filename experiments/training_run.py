"""Shared parts of the training programs: flags, resuming, precision, seeds."""

import contextlib
import dataclasses
import pathlib
import sys
from collections.abc import Callable

import keras
import tensorflow as tf
from absl import flags, logging

from dpde_tf.cli.config_flags import (
    config_from_flags,
    define_config_flags,
    given_flags,
)
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.result_record import check_program
from dpde_tf.config import AugmentationConfig, InitialisationConfig, TrainingConfig
from dpde_tf.data.coarse_depth import CoarseDepths
from dpde_tf.data.input_pipeline import RecordSet
from dpde_tf.files.errors import readable_errors
from dpde_tf.files.locks import lock_folder
from dpde_tf.models.batch_normalization import synchronize_batch_normalization
from dpde_tf.runs.precision import resolve_precision
from dpde_tf.runs.run_folder import WEIGHTS_FILE, has_checkpoint, read_run_record
from dpde_tf.runs.run_record import (
    add_resumption,
    config_as_dict,
    write_run_record,
)
from dpde_tf.training.distribution import Distribution
from dpde_tf.training.loop import Trainer
from dpde_tf.training.objectives import Objective
from dpde_tf.training.presets import PRESETS, Preset
from dpde_tf.training.stop_signals import StoppedBySignalError, StopSignals
from dpde_tf.training.strategies import (
    check_distribution,
    make_strategy,
    worker_rank,
)

FLAGS = flags.FLAGS
# Fields that may differ from those of a resumed run.
_MAY_CHANGE = {"on_bad_step", "max_loss_growth", "distribution"}
# Values of older runs, which did not record the field.
_FORMERLY = {"sync_batch_norm": False, "swap_held_out": False}


@dataclasses.dataclass(frozen=True)
class Setup:
    """The part of a training run that depends on the network.

    Attributes:
        configs: Configurations of network and loss for the record of the run.
        build_network: Function that builds the network, called under the precision of
            the run.
        objective: Training objective.
        load_initial: Function that loads the weights of a `source`, for --init_from.
        coarse: Source of the coarse depth maps for a guided network.
    """

    configs: tuple[object, ...]
    build_network: Callable[[], keras.Model]
    objective: Objective
    load_initial: Callable[..., None]
    coarse: CoarseDepths | None = None


def define_training_flags(*config_classes: type) -> None:
    """Defines the flags of a training program.

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


def run_training(
    program: str, preset: Preset, make_setup: Callable[[RecordSet], Setup]
) -> None:
    """Trains a network according to the flags; continues the run in --workdir, if any.

    Args:
        program: Module of the program, for the record of the run.
        preset: Recipe that the flags change.
        make_setup: Function that returns the setup for the training records.

    Raises:
        SystemExit: With code 1 if a flag has an invalid value, the run in --workdir was
            made with other values or is in progress, or a file cannot be read or
            written; with 143 or 130 if SIGTERM or SIGINT stopped the training.
    """
    logging.set_verbosity(logging.WARNING)
    with StopSignals() as stop, readable_errors(), _lock_workdir():
        trainer = _make_trainer(program, preset, make_setup)
        stop.reinstall_handlers()
        try:
            trainer.train(stop)
        except StoppedBySignalError as stopped:
            print(stopped)
            sys.exit(stopped.exit_code)
    if _is_chief():
        print(f"Weights: {pathlib.Path(FLAGS.workdir) / WEIGHTS_FILE}")


def _is_chief() -> bool:
    """Whether this process writes files: the only one, or the first of several."""
    return worker_rank(FLAGS.distribution)[0] == 0


def _lock_workdir() -> contextlib.AbstractContextManager:
    """The lock of the folder, which the chief holds for all processes."""
    return lock_folder(FLAGS.workdir) if _is_chief() else contextlib.nullcontext()


def _make_trainer(
    program: str, preset: Preset, make_setup: Callable[[RecordSet], Setup]
) -> Trainer:
    """Checks the flags, prepares the folder and builds the network."""
    values = FLAGS.flag_values_dict()
    training = config_from_flags(preset.training, values)
    _check_training(training)
    if training.deterministic:
        _make_deterministic()
    # Must be created before TensorFlow computes anything.
    strategy = make_strategy(training.distribution)
    training = dataclasses.replace(
        training, precision=resolve_precision(training.precision)
    )
    augmentation = config_from_flags(preset.augmentation, values)
    start = config_from_flags(InitialisationConfig(), values)
    records = RecordSet.open(FLAGS.records, FLAGS.split)
    setup = make_setup(records)
    config = config_as_dict(*setup.configs, start, training, augmentation)
    _prepare_workdir(program, config | {"data": _describe(records)})
    keras.config.set_dtype_policy(training.precision)
    distribution = Distribution(strategy)
    keras.utils.set_random_seed(training.seed)
    with distribution.readable_errors():
        # Check before building the networks, which could not even be built.
        distribution.check_same(config)
        with strategy.scope():
            network = setup.build_network()
            # The checkpoint of a resumed run holds all weights.
            if start.init_from and not has_checkpoint(FLAGS.workdir):
                setup.load_initial(network, source=start.init_from)
        if training.sync_batch_norm:
            synchronize_batch_normalization(network)
        return Trainer(
            network,
            setup.objective,
            records,
            config=training,
            augmentation=augmentation,
            workdir=FLAGS.workdir,
            strategy=strategy,
            coarse=setup.coarse,
        )


def _check_training(config: TrainingConfig) -> None:
    """Checks values that would only fail later."""
    for name in ("epochs", "batch_size", "learning_rate", "checkpoint_steps"):
        if getattr(config, name) <= 0:
            raise ValueError(
                f"--{name} must be positive. Received: {getattr(config, name)}."
            )
    check_distribution(config.distribution)
    if config.on_bad_step not in ("stop", "skip"):
        raise ValueError(
            f"--on_bad_step must be stop or skip. Received: {config.on_bad_step!r}."
        )
    if config.max_loss_growth and config.max_loss_growth <= 1.0:
        raise ValueError(
            "--max_loss_growth must be more than 1, or 0 for no limit. Received: "
            f"{config.max_loss_growth}."
        )


def _describe(records: RecordSet) -> dict:
    """Description of the data for the record of a run."""
    return {
        "dataset": records.manifest.dataset,
        "num_records": records.num_records,
        "image_size": list(records.manifest.image_size),
    }


def _prepare_workdir(program: str, config: dict) -> None:
    """Writes the record of a new run, or reports that a run is resumed."""
    resumed = _is_resumed(FLAGS.workdir, config)
    if not _is_chief():
        return
    if resumed:
        print(f"Continuing the run in {FLAGS.workdir}.")
        add_resumption(FLAGS.workdir)
    else:
        check_program(pathlib.Path(FLAGS.workdir), program)
        write_run_record(
            FLAGS.workdir, program=program, flags=given_flags(), config=config
        )


def _make_deterministic() -> None:
    """Makes runs bitwise reproducible on the same machine.

    Concurrent operations may be summed in any order, so they run one after another.
    Each still uses all cores.
    """
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _is_resumed(workdir: str, config: dict) -> bool:
    """Whether a run with this configuration exists; refuses other configurations.

    Without a checkpoint nothing has been trained yet, for instance after a mistyped
    flag; such a run is started anew.
    """
    if not has_checkpoint(workdir):
        return False
    former = read_run_record(workdir)["config"]
    differences = [
        f"{section}.{name}: {there!r} there, {value!r} now"
        for section, fields in config.items()
        for name, value in fields.items()
        for there in [former.get(section, {}).get(name, _FORMERLY.get(name))]
        if name not in _MAY_CHANGE and there != value
    ]
    if differences:
        raise ValueError(
            f"The run in {workdir} was made with other values: "
            f"{'; '.join(differences)}. Use another --workdir, or delete that folder."
        )
    return True
