"""Time and memory of a process of the benchmark; does not import TensorFlow."""

import json
import pathlib
import re
import resource
import sys
import time
from collections.abc import Callable, Sequence

_STATUS = pathlib.Path("/proc/self/status")


def seconds_of(
    run: Callable[[], object], repetitions: int, *, warm_up: int = 2
) -> list[float]:
    """Returns the times of a function after warm-up runs.

    Args:
        run: Function to time; its work must be finished when it returns.
        repetitions: Number of timed runs.
        warm_up: Number of runs before, which are not timed.

    Returns:
        Time of each run, seconds.
    """
    for _ in range(warm_up):
        run()
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return seconds


def print_measurement(seconds: Sequence[float], of: int = resource.RUSAGE_SELF) -> None:
    """Prints one line of JSON: `seconds` of each run and `peak_memory`.

    Args:
        seconds: Time of each run.
        of: Process whose memory is printed: this one, or the largest of its children
            with `resource.RUSAGE_CHILDREN`.
    """
    unit = 1 if sys.platform == "darwin" else 1024  # Unit of ru_maxrss.
    memory = unit * resource.getrusage(of).ru_maxrss
    # `ru_maxrss` starts with the memory of the process that started this one.
    own = of == resource.RUSAGE_SELF and _STATUS.exists()
    if peak := re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text() if own else ""):
        memory = 1024 * int(peak.group(1))
    print(json.dumps({"seconds": list(seconds), "peak_memory": memory}))
