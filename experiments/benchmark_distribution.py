r"""Times training steps with one and with several processes, each on its own core.

    python -m experiments.benchmark_distribution --records=data/records/nyu_depth_v2

Each process trains the modified FCRN on --batch_size images per step, as each of
several machines would; they communicate over the loopback interface. The table gives
the images per second of all processes, and the efficiency: that rate divided by the
number of processes and the rate of one process.
"""

import contextlib
import dataclasses
import functools
import json
import math
import os
import socket
import statistics
import subprocess
import sys
import time

import keras
from absl import app, flags, logging

from dpde_tf.cli.config_flags import parse_counts
from dpde_tf.cli.errors import flags_only
from dpde_tf.cli.path_flags import define_path
from dpde_tf.cli.program import run_main
from dpde_tf.config import DepthLossConfig, DepthNetworkConfig
from dpde_tf.data.input_pipeline import RecordSet, make_training_dataset
from dpde_tf.models.batch_normalization import synchronize_batch_normalization
from dpde_tf.models.depth import build_depth_network
from dpde_tf.runs.hardware import hardware
from dpde_tf.training.distribution import Distribution
from dpde_tf.training.objectives import DepthObjective
from dpde_tf.training.optimization import LearningRate, build_optimizer
from dpde_tf.training.presets import depth_preset
from dpde_tf.training.step import TrainingStep
from dpde_tf.training.strategies import make_strategy

FLAGS = flags.FLAGS
_PROGRAM = "experiments.benchmark_distribution"
_WARM_UP = 2


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("records", None, "Folder of the record set.", required=True)
    flags.DEFINE_string("split", "train", "Split to train on.")
    flags.DEFINE_integer("batch_size", 4, "Images per process and step.", lower_bound=1)
    flags.DEFINE_integer("steps", 6, "Number of timed steps.", lower_bound=1)
    flags.DEFINE_list("processes", ["1", "2"], "Numbers of processes to compare.")
    flags.DEFINE_bool("sync_batch_norm", False, "Share batch statistics.")
    flags.DEFINE_bool("be_worker", False, "Internal: run as one of the processes.")


def time_steps(distribution: Distribution, batch_size: int) -> list[float]:
    """Returns the times of training steps including the wait for data.

    Args:
        distribution: Distribution, created before TensorFlow is used otherwise.
        batch_size: Images of all processes together per step.

    Returns:
        Time of each step after the warm-up, seconds.
    """
    records = RecordSet.open(FLAGS.records, FLAGS.split)
    config = dataclasses.replace(depth_preset("paper").training, batch_size=batch_size)
    with distribution.strategy.scope():
        network = build_depth_network(
            DepthNetworkConfig(encoder_weights="none", output_offset=2.5)
        )
        optimizer = build_optimizer(config, LearningRate.of(config, 100))
        optimizer.build(network.trainable_variables)
    if FLAGS.sync_batch_norm:
        synchronize_batch_normalization(network)
    objective = DepthObjective(DepthLossConfig(max_depth=records.split.depth_max))
    step = TrainingStep(network, objective, optimizer, distribution)
    batches = distribution.batches(
        functools.partial(
            make_training_dataset,
            records,
            batch_size=batch_size,
            augmentation=depth_preset("paper").augmentation,
            seed=0,
            epoch=0,
        )
    )
    seconds, iterator = [], iter(batches)
    for _ in range(_WARM_UP + FLAGS.steps):
        start = time.perf_counter()
        terms, _ = step(next(iterator), 0.0)
        terms["loss"].numpy()
        seconds.append(time.perf_counter() - start)
    return seconds[_WARM_UP:]


def _measure(num_processes: int) -> float:
    """The median time of a step with a number of processes, seconds."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(num_processes)]
        for one in sockets:
            one.bind(("localhost", 0))
        hosts = [f"localhost:{one.getsockname()[1]}" for one in sockets]
    processes = [_start_worker(index, hosts) for index in range(num_processes)]
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        sys.exit(f"Error: one of {num_processes} processes failed; see above.")
    return statistics.median(json.loads(outputs[0].splitlines()[-1]))


def _start_worker(index: int, hosts: list[str]) -> subprocess.Popen:
    """Starts one of the processes on its own core."""
    if not hasattr(os, "sched_getaffinity"):
        raise app.UsageError("The cores of a process can be chosen on Linux alone.")
    cores = sorted(os.sched_getaffinity(0))
    task = {"type": "worker", "index": index}
    config = json.dumps({"cluster": {"worker": hosts}, "task": task})
    return subprocess.Popen(
        [sys.executable, "-m", _PROGRAM, "--be_worker", *sys.argv[1:]],
        env=os.environ | {"TF_CONFIG": config},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {cores[index % len(cores)]}),
    )


def _be_worker() -> None:
    """Times steps and prints the seconds as JSON."""
    num_processes = len(json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"])
    kind = "multi_worker" if num_processes > 1 else "none"
    distribution = Distribution(make_strategy(kind))
    keras.utils.set_random_seed(0)
    seconds = time_steps(distribution, FLAGS.batch_size * num_processes)
    print(json.dumps(seconds))


def _check_steps(batch_size: int) -> None:
    """Refuses more steps than an epoch has."""
    num_records = RecordSet.open(FLAGS.records, FLAGS.split).num_records
    needed = _WARM_UP + FLAGS.steps
    if math.ceil(num_records / batch_size) < needed:
        raise app.UsageError(
            f"{needed} steps of {batch_size} images, {_WARM_UP} of them untimed, need "
            f"more than the {num_records} records of --records. Use fewer --steps or a "
            "smaller --batch_size."
        )


@flags_only
def main() -> None:
    """Times all numbers of processes and prints the table."""
    logging.set_verbosity(logging.WARNING)
    if FLAGS.be_worker:
        _be_worker()
        return
    numbers = parse_counts(FLAGS.processes, flag="processes")
    _check_steps(FLAGS.batch_size * max(numbers))
    machine = hardware()
    print(f"{machine['processor']}, {machine['cores']} cores, one per process\n")
    print("| processes | images per step | seconds per step | images/s | efficiency |")
    print("|---|---|---|---|---|")
    rate_of_one = None
    for number in numbers:
        seconds, images = _measure(number), FLAGS.batch_size * number
        rate = images / seconds
        if number == 1:
            rate_of_one = rate
        efficiency = f"{rate / number / rate_of_one:.0%}" if rate_of_one else "unknown"
        print(
            f"| {number} | {images} | {seconds:.3f} | {rate:.2f} | {efficiency} |",
            flush=True,
        )


if __name__ == "__main__":
    _define_flags()
    run_main(main)
