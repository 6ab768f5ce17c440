"""Tests of training and predicting with two processes over the loopback interface."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from dpde_tf.runs.run_folder import list_checkpoints, read_metrics, read_run_record
from tests.fixtures.record_sets import write_small_record_set

pytestmark = pytest.mark.slow

# Sums of a few hundred float32 numbers in another order; weights near 0 differ by 1e-6.
TOLERANCE = {"rtol": 1e-5, "atol": 5e-6}
TRAINING = {
    "epochs": 3,
    "batch_size": 4,
    "num_validation": 3,
    "checkpoint_steps": 2,
    "precision": "float32",
}
NETWORKS = {
    "train_depth": {"encoder_weights": "none", "lambda_fsim": 0},
    "train_gradient": {"width": 4, "crop_size": "16,16"},
}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """17 records: 14 for training, 3 full steps per epoch and a remainder."""
    directory = tmp_path_factory.mktemp("records") / "small"
    splits = {"train": 17, "test": 5}
    rng = np.random.default_rng(0)
    return write_small_record_set(directory, rng, size=(32, 32), splits=splits)


@pytest.fixture(scope="module")
def one_process(records, tmp_path_factory):
    """The run of one process."""
    workdir = tmp_path_factory.mktemp("one") / "run"
    _succeed(_start([], "train_depth", records, workdir, "--sync_batch_norm"))
    return workdir


def _free_hosts(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [f"localhost:{one.getsockname()[1]}" for one in sockets]


def _start(hosts, program, records, workdir, *switches, index=0, **changes):
    """Starts one process; with hosts, as the given worker of them."""
    trains = program in NETWORKS
    flags = TRAINING | NETWORKS[program] if trains else {}
    folder = {"workdir" if trains else "output": workdir}
    environment = dict(os.environ)
    if hosts:
        task = {"type": "worker", "index": index}
        cluster = {"worker": hosts}
        environment["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
        switches = (*switches, "--distribution=multi_worker")
    command = [
        sys.executable,
        "-m",
        "tests.fixtures.tiny_program",
        f"experiments.{program}",
    ]
    flags = flags | {"records": records} | folder | changes
    command += [f"--{name}={value}" for name, value in flags.items()]
    return subprocess.Popen(
        [*command, *switches],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _start_two(program, records, workdir, *switches, second=(), **changes):
    """Starts two workers; `second` has further flags of the second one."""
    hosts = _free_hosts(2)
    return [
        _start(
            hosts,
            program,
            records,
            workdir,
            *switches,
            *(second if index else ()),
            index=index,
            **changes,
        )
        for index in range(2)
    ]


def _end(process):
    """Exit code and output; raises an error if the process hangs."""
    try:
        output, errors = process.communicate(timeout=600)
    finally:
        process.kill()
    return process.returncode, output + errors


def _succeed(*processes):
    for process in processes:
        code, said = _end(process)
        assert code == 0, said[-3000:]


def _weights(workdir):
    import h5py

    found = {}
    with h5py.File(workdir / "weights.weights.h5") as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    return found


def _assert_same_run(actual, expected):
    rows, wanted = read_metrics(actual), read_metrics(expected)
    assert [row["step"] for row in rows] == [row["step"] for row in wanted]
    for key in {"loss", "berhu", "learning_rate"} & set(wanted[0]):
        values, right = ([row[key] for row in part] for part in (rows, wanted))
        np.testing.assert_allclose(values, right, **TOLERANCE)
    for row, right in zip(rows, wanted, strict=True):
        for name, value in right["validation"].items():
            np.testing.assert_allclose(row["validation"][name], value, **TOLERANCE)
    weights, right = _weights(actual), _weights(expected)
    assert set(weights) == set(right)
    for name, values in right.items():
        np.testing.assert_allclose(weights[name], values, **TOLERANCE)


def test_two_workers_train_as_one_and_only_the_chief_writes(
    records, one_process, tmp_path
):
    # The second worker gets another folder, which must stay empty.
    other = f"--workdir={tmp_path / 'other'}"
    switches = ["--sync_batch_norm", "--deterministic"]
    workers = _start_two(
        "train_depth", records, tmp_path / "run", *switches, second=[other]
    )
    _succeed(*workers)
    _assert_same_run(tmp_path / "run", one_process)
    assert not (tmp_path / "other").exists()


def test_two_workers_train_the_gradient_network_as_one_process(records, tmp_path):
    arguments = ["train_gradient", records]
    _succeed(_start([], *arguments, tmp_path / "one", "--deterministic"))
    _succeed(*_start_two(*arguments, tmp_path / "two", "--deterministic"))
    _assert_same_run(tmp_path / "two", tmp_path / "one")


@pytest.mark.parametrize("killed", [0, 1])
def test_after_a_lost_worker_all_resume_from_the_checkpoint(records, tmp_path, killed):
    arguments = ["train_depth", records]
    long = {"epochs": 6, "checkpoint_steps": 1}
    workers = _start_two(*arguments, tmp_path / "run", **long)
    while not list_checkpoints(tmp_path / "run"):
        assert workers[0].poll() is None, _end(workers[0])
        time.sleep(0.05)
    workers[killed].send_signal(signal.SIGKILL)
    code, said = _end(workers[1 - killed])
    _end(workers[killed])
    assert code == 1, said
    message = next(line for line in said.splitlines() if line.startswith("Error: "))
    assert "has lost another one" in message
    assert "run the same commands again" in message
    done = list_checkpoints(tmp_path / "run")[-1]
    _succeed(*_start_two(*arguments, tmp_path / "run", **long))
    assert len(read_run_record(tmp_path / "run")["resumed"]) == 1
    assert len(read_metrics(tmp_path / "run")) == 6
    assert list_checkpoints(tmp_path / "run")[-1] != done
    if killed:
        _succeed(*_start_two(*arguments, tmp_path / "unbroken", **long))
        _assert_same_run(tmp_path / "run", tmp_path / "unbroken")


def test_a_signal_to_one_worker_stops_both_with_a_checkpoint(records, tmp_path):
    long = {"epochs": 400, "checkpoint_steps": 1000, "num_validation": 0}
    workers = _start_two("train_depth", records, tmp_path / "run", **long)
    while not read_metrics(tmp_path / "run"):
        assert workers[0].poll() is None, _end(workers[0])
        time.sleep(0.05)
    workers[1].send_signal(signal.SIGTERM)
    codes = [_end(worker)[0] for worker in workers]
    assert codes == [143, 143]
    assert list_checkpoints(tmp_path / "run")


@pytest.mark.parametrize(
    "flag", ["--learning_rate=0.5", "--output_offset=1.5", "--precision=mixed_bfloat16"]
)
def test_workers_with_different_flags_are_rejected(records, tmp_path, flag):
    workers = _start_two("train_depth", records, tmp_path / "run", second=[flag])
    ends = [_end(worker) for worker in workers]
    for code, _said in ends:
        assert code == 1
    assert any("or weights of the workers differ" in said for _, said in ends)


def test_two_workers_predict_the_same_as_one(records, one_process, tmp_path):
    arguments = ["predict", records]
    networks = {"depth_run": one_process, "precision": "float32", "batch_size": 2}
    _succeed(_start([], *arguments, tmp_path / "one", **networks))
    _succeed(*_start_two(*arguments, tmp_path / "two", **networks))
    names = sorted(path.name for path in (tmp_path / "one").glob("*.npz"))
    assert len(names) == 5
    assert sorted(path.name for path in (tmp_path / "two").glob("*.npz")) == names
    for name in names:
        one, two = (np.load(tmp_path / part / name)["depth"] for part in ("one", "two"))
        np.testing.assert_allclose(two, one, **TOLERANCE)
