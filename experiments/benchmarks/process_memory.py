"""Peak memory of a function in this process (Linux)."""

import ctypes
import pathlib
import re
import sys
from collections.abc import Callable

_STATUS = pathlib.Path("/proc/self/status")


def peak_memory(run: Callable[[], object]) -> float:
    """Returns by how much the memory of the process rises while a function runs.

    Args:
        run: The function; it runs once. What earlier calls have kept is not seen.

    Returns:
        Bytes; NaN where the system does not tell.
    """
    if not _is_known():
        run()
        return float("nan")
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # Resets the peak.
    before = _bytes("VmRSS")
    run()
    return _bytes("VmHWM") - before


def kept_memory(run: Callable[[], object]) -> float:
    """Returns by how much the memory of the process has risen after a function ran.

    TensorFlow keeps the memory of its tensors, so that this is their peak, but not
    that of what else came and went.

    Args:
        run: The function; it runs once.

    Returns:
        Bytes; NaN where the system does not tell.
    """
    if not _is_known():
        run()
        return float("nan")
    before = _bytes("VmRSS")
    run()
    ctypes.CDLL(None).malloc_trim(0)
    return _bytes("VmRSS") - before


def _is_known() -> bool:
    """Whether the system tells; gives freed memory back to it."""
    known = sys.platform.startswith("linux")
    if known:
        ctypes.CDLL(None).malloc_trim(0)  # It would be used again, unseen.
    return known


def _bytes(name: str) -> int:
    """An entry of the process's status, bytes."""
    return 1024 * int(re.search(rf"{name}:\s+(\d+) kB", _STATUS.read_text()).group(1))
