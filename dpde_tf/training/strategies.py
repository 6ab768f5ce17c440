"""The strategies of `tf.distribute` for one device, one machine and several."""

import json
import os

import tensorflow as tf

DISTRIBUTIONS = ("none", "mirrored", "multi_worker")

_TF_CONFIG = "TF_CONFIG"
# What a worker waits for another: longer than tracing and checkpoints ever take.
_TIMEOUT_SECONDS = 600.0


def check_distribution(distribution: str) -> None:
    """Raises an error unless it is one that there is.

    Args:
        distribution: One of `DISTRIBUTIONS`.

    Raises:
        ValueError: If it is another word.
    """
    if distribution not in DISTRIBUTIONS:
        raise ValueError(
            f"--distribution must be one of {', '.join(DISTRIBUTIONS)}. "
            f"Received: {distribution!r}."
        )


def worker_place(distribution: str | None) -> tuple[int, int]:
    """Returns which of how many workers this process is.

    Args:
        distribution: With `multi_worker`, TF_CONFIG tells; else, or with None, there
            is one worker.

    Returns:
        Index, 0 for the chief, and number of workers.

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
        pass  # The same remedy.
    raise ValueError(
        f"--distribution=multi_worker needs {_TF_CONFIG} in the environment, such as "
        '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": '
        '"worker", "index": 0}}, with another index on each machine. Received: '
        f"{os.environ.get(_TF_CONFIG)!r}."
    )


def make_strategy(
    distribution: str, *, timeout_seconds: float = _TIMEOUT_SECONDS
) -> tf.distribute.Strategy:
    """Returns the strategy under which networks must be built.

    Args:
        distribution: `none` is one device; `mirrored` all GPUs of this process, or
            its logical CPU devices if it has none; `multi_worker` those of all
            processes that TF_CONFIG lists. The last must be made before TensorFlow
            does anything else, and waits for the other workers.
        timeout_seconds: How long a worker waits for the others in a step.

    Returns:
        The strategy.

    Raises:
        ValueError: If the word is unknown, or TF_CONFIG is missing or wrong.
    """
    check_distribution(distribution)
    if distribution == "none":
        return tf.distribute.get_strategy()
    if distribution == "mirrored":
        devices = tf.config.list_logical_devices("GPU")
        devices = devices or tf.config.list_logical_devices("CPU")
        if len(devices) == 1:
            return tf.distribute.get_strategy()
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    worker_place(distribution)
    options = tf.distribute.experimental.CommunicationOptions(
        timeout_seconds=timeout_seconds
    )
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
