"""The choice of the numerical precision of a run."""

import json
import os
import pathlib
import tempfile
import time

import tensorflow as tf
from absl import logging

from dpde_tf.files.json_files import write_json
from dpde_tf.runs.hardware import hardware

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")

# Smallest speed-up for which bfloat16 is chosen, since it is less accurate.
_LEAST_SPEEDUP = 1.1
_REPETITIONS = 4
# A layer of the decoder: 3x3, 128 channels, at a quarter of 240x320, four images.
_IMAGE_SHAPE = (4, 60, 80, 128)
_KERNEL_SHAPE = (3, 3, 128, 128)


def resolve_precision(precision: str) -> str:
    """Returns the Keras dtype policy of a run.

    Args:
        precision: One of `PRECISIONS`. `auto` is `mixed_bfloat16` where this machine
            is at least 1.1 times as fast with it (see `bfloat16_speedup`), else
            `float32`.

    Returns:
        `float32`, `mixed_bfloat16` or `mixed_float16`.

    Raises:
        ValueError: If it is another word.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"`precision` must be one of {', '.join(PRECISIONS)}. "
            f"Received: {precision!r}."
        )
    if precision != "auto":
        return precision
    speedup = bfloat16_speedup()
    chosen = "mixed_bfloat16" if speedup >= _LEAST_SPEEDUP else "float32"
    print(
        f"Precision: {chosen}. A convolution in bfloat16 is {speedup:.2f} times as "
        "fast as in float32 on this machine."
    )
    return chosen


def bfloat16_speedup() -> float:
    """Returns how many times as fast bfloat16 is as float32 on this machine.

    A convolution, forward and backward, is timed in both, which takes a second at most.
    The result is remembered by hardware and version of TensorFlow, in
    `$XDG_CACHE_HOME/dpde_tf/precision.json`, or under `~/.cache`.

    Returns:
        Time in float32 over time in bfloat16; 0 if it cannot compute in bfloat16.
    """
    speedup = remembered_speedup()
    if speedup is None:
        speedup = round(_measure_speedup(), 3)
        _remember(speedup)
    return speedup


def remembered_speedup() -> float | None:
    """Returns what `bfloat16_speedup` measured on this machine; None if nothing yet."""
    return _read_memory(_memory_path()).get(_machine())


def _machine() -> str:
    """The name of this machine in the memory."""
    return json.dumps([hardware(), tf.version.VERSION])


def _remember(speedup: float) -> None:
    """Writes the speed-up of this machine into the memory, if that is possible."""
    path = _memory_path()
    known = _read_memory(path) | {_machine(): speedup}
    try:
        write_json(path, known)
    except OSError as error:  # It is measured again next time.
        logging.info("The precision is not remembered: %s.", error)


def _memory_path() -> pathlib.Path:
    """The file that remembers what was measured."""
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    except RuntimeError:  # The user has no home, as in some containers.
        cache = tempfile.gettempdir()
    return pathlib.Path(cache) / "dpde_tf" / "precision.json"


def _read_memory(path: pathlib.Path) -> dict[str, float]:
    """What was measured before; nothing if the file is not there or is damaged."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {machine: float(speedup) for machine, speedup in known.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _measure_speedup() -> float:
    """Times a convolution in both precisions, by turns."""
    try:
        steps = [_convolution_step(dtype) for dtype in (tf.float32, tf.bfloat16)]
        for step in steps:
            step()
        times = [[_seconds(step) for step in steps] for _ in range(_REPETITIONS)]
    except tf.errors.OpError as error:
        logging.warning("This machine cannot compute in bfloat16: %s", error)
        return 0.0
    in_float32, in_bfloat16 = (min(column) for column in zip(*times, strict=True))
    return in_float32 / in_bfloat16


def _convolution_step(dtype: tf.DType) -> tf.types.experimental.PolymorphicFunction:
    """A function that computes a convolution and both of its gradients."""
    image = tf.cast(tf.random.stateless_normal(_IMAGE_SHAPE, [0, 1]), dtype)
    kernel = tf.cast(tf.random.stateless_normal(_KERNEL_SHAPE, [0, 2]), dtype)

    @tf.function(autograph=False)
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch([image, kernel])
            total = tf.reduce_sum(tf.nn.conv2d(image, kernel, 1, "SAME") ** 2)
        gradients = tape.gradient(total, [image, kernel])
        return tf.add_n([tf.reduce_max(tf.abs(gradient)) for gradient in gradients])

    return step


def _seconds(step: tf.types.experimental.PolymorphicFunction) -> float:
    """The time of one call."""
    start = time.perf_counter()
    step().numpy()
    return time.perf_counter() - start
