"""Settings and fixtures of all tests."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pathlib
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

# One operation at a time, so that sums have one order and runs can be compared exactly.
tf.config.threading.set_inter_op_parallelism_threads(1)

_set_tensorflow_seed = tf.random.set_seed
_tensorflow_seed = None


def _set_another_seed(seed):
    """Sets the seed of TensorFlow, unless it is set already.

    Setting it removes all kernels of operations and of compiled graphs, which the next
    calls build again: up to a second for each test. The library and Keras draw their
    numbers from seeds of their own, so that no kernel has a random state.
    """
    global _tensorflow_seed
    if seed != _tensorflow_seed:
        _set_tensorflow_seed(seed)
        _tensorflow_seed = seed


tf.random.set_seed = _set_another_seed

# A shell that starts the tests in the background makes them ignore Ctrl-C, which some
# tests need.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _fixed_seeds():
    """Every test starts from the same random state, in float32."""
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


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
