"""Strategies of `tf.distribute` for one device, one machine and several machines."""

import json
import os

import tensorflow as tf

DISTRIBUTIONS = ("none", "mirrored", "multi_worker")

_TF_CONFIG = "TF_CONFIG"
# Longest time that a worker waits for another; tracing and checkpoints take less.
_TIMEOUT_SECONDS = 600.0


def worker_rank(distribution: str | None) -> tuple[int, int]:
    """Returns the rank of this process and the number of workers.

    Args:
        distribution: `multi_worker` to read TF_CONFIG; anything else, also None, for a
            single worker.

    Returns:
        Rank, 0 for the chief, and number of workers.

    Raises:
        ValueError: If TF_CONFIG is missing or wrong.
    """
    if distribution != "multi_worker":
        return 0, 1
    try:
        fields = json.loads(os.environ.get(_TF_CONFIG, "{}"))
        task, cluster = fields["task"], fields["cluster"]
        before = 0 if task["type"] == "chief" else len(cluster.get("chief", []))
        jobs = [*cluster.get("chief", []), *cluster.get("worker", [])]
        index = before + int(task["index"])
        if task["type"] in ("chief", "worker") and 0 <= index < len(jobs):
            return index, len(jobs)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # The error below names the remedy.
    raise ValueError(
        f"`distribution=multi_worker` needs {_TF_CONFIG} in the environment, such as "
        '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": '
        '"worker", "index": 0}}, with another index on each machine. Received: '
        f"{os.environ.get(_TF_CONFIG)!r}."
    )


def make_strategy(distribution: str) -> tf.distribute.Strategy:
    """Returns the strategy under which networks must be built.

    Args:
        distribution: `none` for one device; `mirrored` for all GPUs of this process, or
            its logical CPU devices if it has no GPU; `multi_worker` for the devices of
            all processes that TF_CONFIG lists. Call this function with `multi_worker`
            before any other use of TensorFlow; it waits for the other workers.

    Returns:
        The strategy.

    Raises:
        ValueError: If the name is unknown, or TF_CONFIG is missing or wrong.
    """
    if distribution not in DISTRIBUTIONS:
        raise ValueError(
            f"`distribution` must be one of {', '.join(DISTRIBUTIONS)}. "
            f"Received: {distribution!r}."
        )
    if distribution == "none":
        return tf.distribute.get_strategy()
    if distribution == "mirrored":
        devices = tf.config.list_logical_devices("GPU")
        devices = devices or tf.config.list_logical_devices("CPU")
        if len(devices) == 1:
            return tf.distribute.get_strategy()
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    worker_rank(distribution)
    options = tf.distribute.experimental.CommunicationOptions(
        timeout_seconds=_TIMEOUT_SECONDS
    )
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
