"""What this library needs of Keras and TensorFlow, whatever the user's settings are.

Keras takes its backend, the order of the axes and the type of numbers from
`~/.keras/keras.json` and `KERAS_BACKEND`. TensorFlow says things on stderr while it is
loaded that tell nobody anything.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

_BACKEND = "tensorflow"
_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# Lines of a machine at which nothing is wrong; 303 is CUDA's "there is no driver".
_SAYS_NOTHING = "|".join(
    (
        r"All log messages before absl::InitializeLog\(\) is called",
        r"\] oneDNN custom operations are on\.",
        r"\] This TensorFlow binary is optimized to use available CPU instructions",
        r"^To enable the following instructions: .* rebuild TensorFlow",
        r"\] Could not find cuda drivers on your machine",
        r"failed call to cuInit: .*\(303\)",
    )
)


def choose_backend() -> None:
    """Makes Keras run on TensorFlow, if it is not loaded yet."""
    os.environ.setdefault(_LOG_LEVEL, "1")
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = _BACKEND


def set_up_keras() -> None:
    """Loads Keras with the settings that this library is written for.

    Raises:
        ImportError: If Keras was loaded with another backend before.
    """
    with _without_empty_messages():
        import keras
        import tensorflow as tf

        tf.config.list_physical_devices()  # It says the rest here.
    if (backend := keras.backend.backend()) != _BACKEND:
        raise ImportError(
            f"dpde_tf needs Keras with the backend {_BACKEND}; it is loaded with "
            f"{backend}. Import dpde_tf before keras, or set KERAS_BACKEND={_BACKEND}."
        )
    # Where nobody has chosen a policy, it is that of keras.json.
    if keras.config.dtype_policy().name == keras.config.floatx():
        keras.config.set_dtype_policy("float32")
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")


@contextlib.contextmanager
def _without_empty_messages() -> Iterator[None]:
    """Leaves out of stderr what says nothing, unless the user wants all of it.

    Another process does it, so that the last words of a crash are not lost.
    """
    with contextlib.ExitStack() as stack:
        if os.environ[_LOG_LEVEL] != "0":
            # Without stderr or grep there is nothing to leave out, or nobody to do it.
            with contextlib.suppress(OSError):
                stack.enter_context(_filtered_stderr())
        yield


@contextlib.contextmanager
def _filtered_stderr() -> Iterator[None]:
    """Sends stderr, of C++ too, through a filter while the block runs."""
    stderr = os.dup(2)
    try:
        command = ["grep", "-vE", _SAYS_NOTHING]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stderr) as grep:
            os.dup2(grep.stdin.fileno(), 2)
            try:
                yield
            finally:
                os.dup2(stderr, 2)
    finally:
        os.close(stderr)
