"""Peak memory of a function in this process (Linux)."""

import ctypes
import pathlib
import re
import sys
from collections.abc import Callable

_STATUS = pathlib.Path("/proc/self/status")


def peak_memory(run: Callable[[], object]) -> float:
    """Returns the peak increase of memory while a function runs.

    Args:
        run: Function, called once. Memory that earlier calls kept is not counted.

    Returns:
        Bytes; NaN if the system does not report it.
    """
    if not _is_known():
        run()
        return float("nan")
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # Resets the peak.
    before = _bytes("VmRSS")
    run()
    return _bytes("VmHWM") - before


def kept_memory(run: Callable[[], object]) -> float:
    """Returns the increase of memory that remains after a function ran.

    TensorFlow keeps the memory of its tensors, so this is their peak. Memory that was
    freed is not counted.

    Args:
        run: Function, called once.

    Returns:
        Bytes; NaN if the system does not report it.
    """
    if not _is_known():
        run()
        return float("nan")
    before = _bytes("VmRSS")
    run()
    ctypes.CDLL(None).malloc_trim(0)
    return _bytes("VmRSS") - before


def _is_known() -> bool:
    """Whether the system reports memory; returns freed memory to it first."""
    known = sys.platform.startswith("linux")
    if known:
        ctypes.CDLL(None).malloc_trim(0)  # Otherwise it would be reused uncounted.
    return known


def _bytes(name: str) -> int:
    """An entry of the status of the process, bytes."""
    return 1024 * int(re.search(rf"{name}:\s+(\d+) kB", _STATUS.read_text()).group(1))
