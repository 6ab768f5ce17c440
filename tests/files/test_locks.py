import errno
import os
import signal
import socket
import subprocess
import sys

import filelock
import pytest

import dpde_tf
from dpde_tf.files.locks import LOCK_FILE, lock_folder

# Holds the lock of the folder in argv until its input ends. `dpde_tf.files` uses no
# other package of the library, and `dpde_tf` itself would import TensorFlow.
HOLDER = (
    "import sys, types\n"
    "package = sys.modules['dpde_tf'] = types.ModuleType('dpde_tf')\n"
    f"package.__path__ = {list(dpde_tf.__path__)}\n"
    "from dpde_tf.files.locks import lock_folder\n"
    "with lock_folder(sys.argv[1]): print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of the test's folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()


def test_lock_folder_error_names_the_holder(tmp_path, holder):
    with (
        pytest.raises(BlockingIOError, match=f"written by process {holder.pid} on "),
        lock_folder(tmp_path),
    ):
        raise AssertionError


def test_lock_folder_is_free_when_its_holder_was_killed(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK_FILE).is_file()
    with lock_folder(tmp_path):
        text = (tmp_path / f"{LOCK_FILE}-holder").read_text()
        assert text == f"process {os.getpid()} on {socket.gethostname()}"


def test_lock_folder_creates_the_folder_and_leaves_no_file(tmp_path):
    for _ in range(2):
        with lock_folder(tmp_path / "a" / "b"):
            assert (tmp_path / "a" / "b" / LOCK_FILE).is_file()
        assert not list((tmp_path / "a" / "b").iterdir())


def test_lock_folder_retries_if_the_lock_file_was_removed(tmp_path):
    with lock_folder(tmp_path):
        # Simulates a holder that removes its file after this process opened it.
        (tmp_path / LOCK_FILE).unlink()
        with lock_folder(tmp_path):
            pass


def test_lock_folder_names_a_folder_that_cannot_be_written():
    with pytest.raises(OSError, match=r"^/proc/.dpde_tf.lock could not be written: .*"):
        lock_folder("/proc").__enter__()


def test_lock_folder_without_a_holder_names_another_process(tmp_path, holder):
    (tmp_path / f"{LOCK_FILE}-holder").unlink()
    with (
        pytest.raises(BlockingIOError, match="is being written by another process"),
        lock_folder(tmp_path),
    ):
        raise AssertionError


def test_lock_file_warns_if_the_file_system_has_no_locks(tmp_path, monkeypatch, caplog):
    def acquire(self, timeout):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    with lock_folder(tmp_path / "a"):
        pass
    (warning,) = caplog.messages
    assert f"The file system of {tmp_path / 'a'} does not support file locks" in warning
