"""Time and memory of a process of the benchmark; does not import TensorFlow."""

import json
import resource
import sys
import time
from collections.abc import Callable


def seconds_of(run: Callable[[], object], repetitions: int) -> list[float]:
    """Returns the times of a function after two warm-up runs.

    Args:
        run: Function to time; its work must be finished when it returns.
        repetitions: Number of timed runs.

    Returns:
        Time of each run, seconds.
    """
    run()
    run()
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return seconds


def print_measurement(run: Callable[[], object], repetitions: int) -> None:
    """Prints one line of JSON: `seconds` of each run and `peak_memory`.

    Args:
        run: Function to time.
        repetitions: Number of timed runs.
    """
    seconds = seconds_of(run, repetitions)
    unit = 1 if sys.platform == "darwin" else 1024  # Unit of ru_maxrss.
    memory = unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "peak_memory": memory}))
