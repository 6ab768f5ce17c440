"""Settings and fixtures of all tests."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pathlib
import random
import signal
import sys

import numpy as np
import pytest

# A shell that starts the tests in the background makes them ignore Ctrl-C, which some
# tests need.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Graphs are many objects that live long; looking through them again costs seconds.
gc.set_threshold(200_000, 50, 100)


def pytest_collectstart():
    """Runs one operation at a time, so that sums have one order and are the same again.

    Each uses one thread, since the tests use the cores by several processes. Tests are
    collected in the processes that run them. The one that only hands them out is spared
    the seconds of `import tensorflow`.
    """
    import tensorflow as tf

    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)


@pytest.fixture(autouse=True)
def _fixed_seeds():
    """Every test starts from the same random state, in float32.

    Keras draws its seeds from Python's generator. That of TensorFlow is not set: it
    would remove all kernels, which the next calls make again, up to a second a test.
    """
    import keras

    random.seed(0)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True)
def _compiled_on_request_only(monkeypatch):
    """The fusion is not compiled with XLA, which takes seconds a size.

    Otherwise the tests before would decide which one pays for it.
    """
    from dpde_tf.fusion import irls

    monkeypatch.setattr(irls, "XLA_FROM", sys.maxsize)


@pytest.fixture(autouse=True)
def _same_cores():
    """A benchmark keeps its process on one core; the next tests have all of them."""
    if not hasattr(os, "sched_getaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, cores)


@pytest.fixture
def rng():
    """A NumPy generator that gives the same numbers in every run."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data, for tests marked `data`; `DPDE_DATA` names it."""
    folder = os.environ.get("DPDE_DATA")
    if not folder:
        pytest.skip("DPDE_DATA is not set")
    return pathlib.Path(folder)
