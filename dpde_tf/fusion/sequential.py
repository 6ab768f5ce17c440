"""Graphs whose operations run one after another."""

import contextlib

import tensorflow as tf


def one_after_another() -> contextlib.AbstractContextManager:
    """Makes graphs of the block run their operations one after another.

    Each operation still uses all cores. TensorFlow otherwise gives operations that do
    not depend on each other to several threads. For the short ones of the fusion,
    waking these threads takes three times as long as the operations themselves in some
    processes. With a GPU, nothing changes.

    A graph must always be used inside such a block, or always outside.

    Returns:
        The context of the block.
    """
    if tf.config.get_visible_devices("GPU"):
        return contextlib.nullcontext()
    return tf.experimental.function_executor_type("SINGLE_THREADED_EXECUTOR")
