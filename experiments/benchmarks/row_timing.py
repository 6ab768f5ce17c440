"""What a process of the benchmark measures of itself; TensorFlow stays out of it."""

import json
import resource
import sys
import time
from collections.abc import Callable


def seconds_of(run: Callable[[], object], repetitions: int) -> list[float]:
    """Returns how long a function takes, after two runs that do not count.

    Args:
        run: What to time; it must have finished when it returns.
        repetitions: How often.

    Returns:
        Seconds of each run.
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
    """Prints a line of JSON: `seconds` of each run, `peak_memory` of the process.

    Args:
        run: What to time.
        repetitions: How often.
    """
    seconds = seconds_of(run, repetitions)
    unit = 1 if sys.platform == "darwin" else 1024  # Of ru_maxrss.
    memory = unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "peak_memory": memory}))
