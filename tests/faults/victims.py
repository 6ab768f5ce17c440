"""Programs that run in a process of their own and may be killed.

Python's fork server imports TensorFlow once and forks a child for each program, which
saves its seconds; nothing else is shared, and a killed child dies as any process does.
"""

import collections
import contextlib
import dataclasses
import os
import pathlib
import random
import signal
import tempfile
import threading
import time

from tests.faults.readers import check_everything
from tests.fixtures.forked_programs import CONTEXT, become

_STARTING = 0
PHASES = ("starting", "working", "stepping", "writing", "validating")


def _noting(phase, number, function):
    """A function that says when it runs, and that the program works after it."""

    def noted(*args, **kwargs):
        phase.value = number
        try:
            return function(*args, **kwargs)
        finally:
            phase.value = PHASES.index("working")

    return noted


def _noting_all_but_first(phase, take_step):
    """A step that says that it runs; the first one, which builds the graph, after."""

    def noted(*args):
        if phase.value != _STARTING:
            phase.value = PHASES.index("stepping")
        take_step(*args)
        phase.value = PHASES.index("working")

    return noted


def _note_phases(phase):
    """Makes the programs report their phases."""
    import tensorflow as tf

    import dpde_tf.files.atomic
    import dpde_tf.files.predictions
    import dpde_tf.runs.trained_networks
    from dpde_tf.config import DepthNetworkConfig
    from dpde_tf.training import checkpoints, loop, validation
    from tests.fixtures.small_training import tiny_depth_network

    writing = PHASES.index("writing")
    store, scored = checkpoints.CheckpointStore, validation.Validation
    store.save = _noting(phase, writing, store.save)
    loop.save_weights = _noting(phase, writing, loop.save_weights)
    scored.scores = _noting(phase, PHASES.index("validating"), scored.scores)
    loop.Trainer._train_one = _noting_all_but_first(phase, loop.Trainer._train_one)
    prediction_files = dpde_tf.files.predictions
    prediction_files.write_prediction = _noting(
        phase, writing, prediction_files.write_prediction
    )
    tf.io.TFRecordWriter.write = _noting(phase, writing, tf.io.TFRecordWriter.write)
    whole = dpde_tf.files.atomic.atomic_write

    @contextlib.contextmanager
    def noted_write(path):
        phase.value = writing
        with whole(path) as temporary:
            yield temporary
        phase.value = PHASES.index("working")

    # For the programs, which import it later.
    dpde_tf.files.atomic.atomic_write = noted_write
    # The full one takes longer to build than all the rest.
    networks = dpde_tf.runs.trained_networks
    load = networks.load_folded
    networks.load_folded = lambda run, config_class: (
        tiny_depth_network()
        if config_class is DepthNetworkConfig
        else load(run, config_class)
    )


def _main(module, arguments, log, phase):
    """Runs in the child process."""
    # A pytest with its output captured ignores none, but the fork server SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _note_phases(phase)
    become(module, arguments, log, log)


@dataclasses.dataclass(frozen=True)
class Victim:
    """A command.

    Attributes:
        module: What follows `python -m`.
        flags: Name to value.
        switches: Other arguments.
    """

    module: str
    flags: dict
    switches: tuple = ()

    def start(self):
        """Starts the command; returns its process, log and phase."""
        handle, log = tempfile.mkstemp(suffix=".log")
        os.close(handle)
        phase = CONTEXT.Value("i", _STARTING, lock=False)
        arguments = [f"--{name}={value}" for name, value in self.flags.items()]
        arguments += self.switches
        process = CONTEXT.Process(
            target=_main, args=(self.module, arguments, log, phase)
        )
        process.start()
        return process, pathlib.Path(log), phase

    def run(self, *, expected=0, send=None, when=None):
        """Runs the command to its end; returns what it wrote.

        With `send`, a signal is sent as soon as `when(phase)` holds.
        """
        process, log, phase = self.start()
        if send:
            while process.is_alive() and not when(phase.value):
                time.sleep(0.001)
            assert process.is_alive(), log.read_text(errors="replace")[-3000:]
            os.kill(process.pid, send)
        process.join()
        text = log.read_text(errors="replace")
        assert process.exitcode == expected, (process.exitcode, text[-3000:])
        assert expected < 0 or "Traceback" not in text, text[-3000:]
        return text


@contextlib.contextmanager
def reading(folder):
    """Reads all visible files of a folder repeatedly during the block."""
    stop, failures, rounds = threading.Event(), [], []

    def read():
        while not stop.is_set():
            try:
                rounds.append(check_everything(folder))
            except Exception as error:  # Else the thread would die unseen.
                failures.append(error)
            stop.wait(0.05)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        stop.set()
        reader.join()
    assert not failures, failures[:3]
    assert rounds, "the reader has died"


def _kill_in_time(process, phase, moment, times):
    """Kills a process at a random moment; returns its phase, or None if it ended.

    One of five is killed at any time from its start, the others while they work.
    """
    at_any_time = moment.random() < 0.2
    while process.is_alive() and phase.value == _STARTING and not at_any_time:
        time.sleep(0.001)
    left = moment.uniform(0, sum(times) if at_any_time else times[1])
    process.join(left)
    if not process.is_alive():
        return None
    caught = PHASES[phase.value]
    process.kill()
    process.join()
    return caught if process.exitcode == -signal.SIGKILL else None


def _timed(victim):
    """Seconds until a command starts its work, and of the work; it must succeed."""
    process, log, phase = victim.start()
    start = time.perf_counter()
    while process.is_alive() and phase.value == _STARTING:
        time.sleep(0.001)
    begun = time.perf_counter()
    process.join()
    assert process.exitcode == 0, log.read_text(errors="replace")[-3000:]
    return begun - start, time.perf_counter() - begun


def kill_often(make_victim, folders, finished, *, kills=30, seed=0):
    """Kills and restarts a command at random moments until it completes.

    Args:
        make_victim: Gives the command for a folder.
        folders: Iterator of new folders, one for each chain of deaths.
        finished: Called with the folder when the command has ended by itself.
        kills: How often to kill.
        seed: Of the moments.

    Returns:
        Phase to number of deaths in it, and the number of chains.
    """
    moment = random.Random(seed)
    phases, chains = collections.Counter(), 0
    folder = next(folders)
    times = _timed(make_victim(folder))
    finished(folder)
    while phases.total() < kills:
        folder = next(folders)
        chains += 1
        ended = False
        while not ended:
            process, log, phase = make_victim(folder).start()
            with reading(folder.parent):
                if phases.total() < kills:
                    caught = _kill_in_time(process, phase, moment, times)
                else:
                    process.join()
                    caught = None
            check_everything(folder.parent)
            if caught:
                phases[caught] += 1
            else:
                assert process.exitcode == 0, log.read_text(errors="replace")[-3000:]
                ended = True
        finished(folder)
    return phases, chains
