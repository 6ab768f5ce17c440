"""Settings of Keras and TensorFlow that this library needs.

Keras takes its backend, the order of the axes and the floating-point type from
`~/.keras/keras.json` and `KERAS_BACKEND`; this library overrides them. TensorFlow
prints messages on stderr while it is loaded that are of no use; they are hidden.
"""

import contextlib
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

_BACKEND = "tensorflow"
_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# Lines that also appear when nothing is wrong; 303 is CUDA's "no driver installed".
_USELESS_LINES = "|".join(
    (
        r"All log messages before absl::InitializeLog\(\) is called",
        r"\] oneDNN custom operations are on\.",
        r"\] This TensorFlow binary is optimized to use available CPU instructions",
        r"^To enable the following instructions: .* rebuild TensorFlow",
        r"\] Could not find cuda drivers on your machine",
        r"failed call to cuInit: .*\(303\)",
    )
)
# One thread at a time switches the collection of garbage off and on again.
_collection = threading.RLock()


def choose_backend() -> None:
    """Selects the TensorFlow backend of Keras, if Keras is not loaded yet."""
    os.environ.setdefault(_LOG_LEVEL, "1")
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = _BACKEND


def set_up_keras() -> None:
    """Loads Keras with the settings that this library needs.

    Raises:
        ImportError: If Keras is already loaded with another backend.
    """
    with _without_useless_lines():
        import keras
        import tensorflow as tf

        tf.config.list_physical_devices()  # Prints the remaining lines.
    if (backend := keras.backend.backend()) != _BACKEND:
        raise ImportError(
            f"dpde_tf needs Keras with the backend {_BACKEND}; it is loaded with "
            f"{backend}. Import dpde_tf before keras, or set KERAS_BACKEND={_BACKEND}."
        )
    # The default policy comes from keras.json; a policy that the user set is kept.
    if keras.config.dtype_policy().name == keras.config.floatx():
        keras.config.set_dtype_policy("float32")
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")


@contextlib.contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Speeds up a block that makes many objects which live long.

    Looking through them for garbage again and again takes a fifth of the time of
    `import tensorflow` and of loading a network.

    Yields:
        Nothing.
    """
    with _collection:
        enabled = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if enabled:
                gc.enable()


def keep_objects() -> None:
    """Moves all objects into the oldest generation of the collection of garbage.

    Python then does not look through what an import has made three times more. It is
    for imports alone, since garbage moves too.
    """
    if not gc.get_freeze_count():  # Frozen objects stay frozen.
        gc.freeze()
        gc.unfreeze()


@contextlib.contextmanager
def _without_useless_lines() -> Iterator[None]:
    """Hides useless lines on stderr, unless the user asked for all of them.

    A separate process filters, so that the last lines before a crash are not lost.
    """
    with contextlib.ExitStack() as stack:
        if os.environ[_LOG_LEVEL] != "0":
            # Without stderr or grep, nothing is filtered.
            with contextlib.suppress(OSError):
                stack.enter_context(_filtered_stderr())
        yield


@contextlib.contextmanager
def _filtered_stderr() -> Iterator[None]:
    """Filters stderr, including that of C++, while the block runs."""
    stderr = os.dup(2)
    try:
        command = ["grep", "-vE", _USELESS_LINES]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stderr) as grep:
            os.dup2(grep.stdin.fileno(), 2)
            try:
                yield
            finally:
                os.dup2(stderr, 2)
    finally:
        os.close(stderr)
