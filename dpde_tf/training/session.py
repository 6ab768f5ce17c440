"""A training session: a new run or the continuation of one, from its options."""

import contextlib
import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable
from dataclasses import field

import keras
import numpy as np
import tensorflow as tf

from dpde_tf.config import AugmentationConfig, InitialisationConfig, TrainingConfig
from dpde_tf.data.coarse_depth import CoarseDepths
from dpde_tf.data.input_pipeline import RecordSet, check_batches
from dpde_tf.files.folders import removed_if_empty
from dpde_tf.files.locks import lock_folder
from dpde_tf.models.batch_normalization import synchronize_batch_normalization
from dpde_tf.runs.compact_weights import has_compact_weights
from dpde_tf.runs.precision import PRECISIONS, resolve_precision
from dpde_tf.runs.run_folder import (
    WEIGHTS_FILE,
    has_checkpoint,
    read_metrics,
    read_run_record,
    recorded_config,
)
from dpde_tf.runs.run_record import (
    add_resumption,
    check_program,
    config_as_dict,
    write_run_record,
)
from dpde_tf.training.distribution import Distribution
from dpde_tf.training.loop import Trainer
from dpde_tf.training.objectives import Objective
from dpde_tf.training.optimization import OPTIMIZERS, SCHEDULES
from dpde_tf.training.stop_signals import StopSignals
from dpde_tf.training.strategies import make_strategy, worker_rank

# Section of the record for what was trained on.
_DATA = "data"
# Fields that may change when a run is resumed.
_MAY_CHANGE = ("on_bad_step", "max_loss_growth", "distribution")


@dataclasses.dataclass(frozen=True)
class Setup:
    """The part of a training run that depends on the network.

    Attributes:
        configs: Configurations of network and loss for the record of the run.
        build_network: Function that builds the network, called under the precision of
            the run.
        objective: Training objective.
        load_initial: Function that loads the weights of a `source`, to start from.
        coarse: Source of the coarse depth maps for a guided network.
    """

    configs: tuple[object, ...]
    build_network: Callable[[], keras.Model]
    objective: Objective
    load_initial: Callable[..., None]
    coarse: CoarseDepths | None = None


@dataclasses.dataclass(frozen=True)
class TrainingSession:
    """The options of a training session.

    Attributes:
        program: Module of the entry point, for the record of the run.
        records: Folder of the record set.
        split: Split to train on.
        workdir: Folder of the run; a run in it is continued.
        make_setup: Function of the session and its records that returns the setup,
            such as those of `dpde_tf.training.setups` with their configurations.
        training: Optimisation and data order.
        augmentation: Random changes of the training images.
        start: Weights to start from.
        flags: Flags of the program as they were given, for the record of the run.
    """

    program: str
    records: str | pathlib.Path
    workdir: str | pathlib.Path
    make_setup: Callable[["TrainingSession", RecordSet], Setup]
    split: str = "train"
    training: TrainingConfig = field(default_factory=TrainingConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    start: InitialisationConfig = field(default_factory=InitialisationConfig)
    flags: dict = field(default_factory=dict)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes files: the only one, or the first of several."""
        return worker_rank(self.training.distribution)[0] == 0


def run_session(session: TrainingSession) -> pathlib.Path | None:
    """Trains a network to the last epoch; continues the run in the folder, if any.

    It sets the dtype policy, the random seeds and, if the run is deterministic, the
    kernels and threads of this process. Call it before TensorFlow computes anything.

    Args:
        session: The options.

    Returns:
        File of the weights; None in a process that is not the chief.

    Raises:
        ValueError: If an option is invalid, or the run in the folder was made with
            other options.
        BlockingIOError: If another process writes to the folder.
        OSError: If a file cannot be read or written.
        StoppedBySignalError: If SIGTERM or SIGINT stopped the training. The state is
            saved.
    """
    # The chief holds the lock for all processes.
    nothing = contextlib.nullcontext()
    empty = removed_if_empty(session.workdir) if session.is_chief else nothing
    lock = lock_folder(session.workdir) if session.is_chief else nothing
    with StopSignals() as stop, empty, lock:
        trainer = _make_trainer(session)
        stop.reinstall_handlers()
        trainer.train(stop)
    return pathlib.Path(session.workdir) / WEIGHTS_FILE if session.is_chief else None


def _make_trainer(session: TrainingSession) -> Trainer:
    """Checks the options, prepares the folder and builds the network."""
    training = session.training
    if session.is_chief:
        check_program(session.workdir, session.program)
    _check_training(training)
    if training.deterministic:
        _make_deterministic()
    # Must be created before TensorFlow computes anything.
    strategy = make_strategy(training.distribution)
    distribution = Distribution(strategy)
    distribution.check_batch_size(training.batch_size)
    training = dataclasses.replace(
        training, precision=_precision(session, distribution)
    )
    records = RecordSet.open(session.records, session.split)
    trained_on, _ = records.hold_out(
        training.num_validation, swap=training.swap_held_out
    )
    check_batches(trained_on, training.batch_size, session.augmentation)
    setup = session.make_setup(session, records)
    configs = (*setup.configs, session.start, training, session.augmentation)
    config = config_as_dict(*configs)
    defaults = config_as_dict(*(type(one)() for one in configs))
    described = config | {_DATA: _describe(records, setup.coarse)}
    resumed = _is_resumed(session.workdir, described, defaults)
    keras.config.set_dtype_policy(training.precision)
    keras.utils.set_random_seed(training.seed)
    with distribution.report_lost_workers():
        # Check before building the networks, which could not even be built.
        distribution.check_same(described)
        with strategy.scope():
            network = setup.build_network()
            # The checkpoint of a resumed run holds all weights.
            if session.start.init_from and not has_checkpoint(session.workdir):
                setup.load_initial(network, source=session.start.init_from)
        if training.sync_batch_norm:
            synchronize_batch_normalization(network)
        trainer = Trainer(
            network,
            setup.objective,
            records,
            config=training,
            augmentation=session.augmentation,
            workdir=session.workdir,
            distribution=distribution,
            coarse=setup.coarse,
        )
    # Last, so that a refused training leaves no record.
    if session.is_chief and resumed:
        print(f"Continuing the run in {session.workdir}.")
        options = {name: getattr(training, name) for name in _MAY_CHANGE}
        add_resumption(session.workdir, options)
    elif session.is_chief:
        options = {"flags": session.flags, "config": described}
        write_run_record(session.workdir, program=session.program, **options)
    return trainer


def _precision(session: TrainingSession, distribution: Distribution) -> str:
    """Returns the precision of the run; a resumed run keeps its choice for `auto`.

    With several machines, the measurement of the chief is used for all.
    """
    asked = session.training.precision
    resumes = asked == "auto" and has_checkpoint(session.workdir)
    with distribution.report_lost_workers():
        distribution.check_same(asked, resumes)
        if resumes:
            return recorded_config(session.workdir, TrainingConfig).precision
        own = PRECISIONS.index(resolve_precision(asked))
        return PRECISIONS[distribution.of_chief(own)]


def _check_training(config: TrainingConfig) -> None:
    """Checks words that would only fail later, and what would have no effect."""
    for name, words in (
        ("optimizer", OPTIMIZERS),
        ("schedule", SCHEDULES),
        ("on_bad_step", ("stop", "skip")),
    ):
        if getattr(config, name) not in words:
            raise ValueError(
                f"`{name}` must be {' or '.join(words)}. Received: "
                f"{getattr(config, name)!r}."
            )
    if config.optimizer == "adamw" and config.momentum != TrainingConfig.momentum:
        raise ValueError(
            f"`momentum` is of `optimizer` sgd; adamw has none. Received: "
            f"{config.momentum}."
        )


def _describe(records: RecordSet, coarse: CoarseDepths | None) -> dict:
    """Description of the data for the record of a run."""
    predictions = None if coarse is None else coarse.predictions
    given = {} if predictions is None else {"coarse_sha256": _sha256(predictions)}
    checksums = "\n".join(shard.sha256 for shard in records.split.shards)
    return {
        "dataset": records.manifest.dataset,
        "num_records": records.num_records,
        "image_size": list(records.manifest.image_size),
        "split": records.split_name,
        "shards_sha256": hashlib.sha256(checksums.encode()).hexdigest(),
        **given,
    }


def _sha256(maps: tf.Tensor) -> str:
    """Checksum of the numbers in a tensor."""
    return hashlib.sha256(np.ascontiguousarray(maps)).hexdigest()


def _make_deterministic() -> None:
    """Makes runs bitwise reproducible on the same machine.

    Concurrent operations may be summed in any order, so they run one after another.
    Each still uses all cores, with as many threads as the machine has: a sum has a part
    for each thread, also if the process may use fewer cores when it is continued.
    """
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(os.cpu_count() or 0)


def _lost_its_checkpoint(workdir: str | pathlib.Path) -> bool:
    """Returns whether a run without a checkpoint once had one, which was removed.

    A run that was killed before its first checkpoint has at most one finished epoch.
    """
    rows = read_metrics(workdir)
    if not rows or not (pathlib.Path(workdir) / WEIGHTS_FILE).is_file():
        return False
    epochs = recorded_config(workdir, TrainingConfig).epochs
    return len(rows) > 1 or rows[-1]["epoch"] >= epochs


def _is_resumed(workdir: str | pathlib.Path, config: dict, defaults: dict) -> bool:
    """Returns whether there is a run to resume; refuses another configuration.

    Fields that an older record lacks are compared by their defaults; missing facts
    about the data are not compared. A run without a checkpoint, for example after a
    mistyped flag, has not trained anything yet and starts from the beginning.
    """
    if not has_checkpoint(workdir):
        if has_compact_weights(workdir) or _lost_its_checkpoint(workdir):
            raise ValueError(
                f"{workdir} holds a trained network, but no checkpoint to go on from. "
                "Use another `workdir`, with that folder as `init_from` if training is "
                "to start from it."
            )
        return False
    former = read_run_record(workdir)["config"]
    differences = [
        f"{section}.{name}: {there!r} there, {value!r} now"
        for section, fields in config.items()
        for name, value in fields.items()
        for default in [defaults.get(section, {}).get(name)]
        for there in [former.get(section, {}).get(name, default)]
        if section != _DATA or name in former.get(section, {})
        if name not in _MAY_CHANGE and there != value
    ]
    if differences:
        raise ValueError(
            f"The run in {workdir} was made with other values: "
            f"{'; '.join(differences)}. Use another `workdir`, or delete that folder."
        )
    return True
