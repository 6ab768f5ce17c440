"""A case: a file to write, how to read it, and the expected outcome."""

import contextlib
import dataclasses
import os
import pathlib
import resource
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

REFUSED, RIGHT = "refused", "right"
# Room for a case beyond what the process has already; none needs a tenth of it.
_ROOM = 1 << 30
_PEAK = 256 << 20


@dataclasses.dataclass(frozen=True)
class Case:
    """One hostile or broken input.

    Attributes:
        entry: Entry point, such as `NPY depth`.
        name: What is wrong with the file.
        write: Writes the input into an empty folder and returns the file.
        read: Reads it; takes the file.
        expected: The right result; None if only a refusal is right.
        may_refuse: Whether an error is as good as the right result.
        named: What the error must name; None for the file.
        virtual: Whether the limit of address space applies; otherwise only the peak of
            memory that is really used does.
    """

    entry: str
    name: str
    write: Callable[[pathlib.Path], pathlib.Path]
    read: Callable[[pathlib.Path], Any]
    expected: Any = None
    may_refuse: bool = False
    named: str | None = None
    virtual: bool = True

    def __str__(self):
        return f"{self.entry}: {self.name}"


def outcome(case, folder):
    """`right` or `refused`; otherwise an AssertionError or the reader's error."""
    folder = pathlib.Path(folder)
    inside = folder / "inside"
    inside.mkdir()
    path = case.write(inside)
    before = _tree(folder)
    try:
        with warnings.catch_warnings(), _little_memory(case.virtual):
            warnings.simplefilter("error", RuntimeWarning)
            result = case.read(path)
    except (ValueError, OSError) as error:
        _check_message(case, str(error), path)
        found = REFUSED
    else:
        assert case.expected is not None, f"{case}: read as {_short(result)}"
        _check_equal(case, result)
        found = RIGHT
    after = _tree(folder)
    changed = {name for name in after if not name.startswith("inside/output")} - before
    assert not changed, f"{case}: wrote {changed}"
    if found == REFUSED:
        assert case.expected is None or case.may_refuse, f"{case}: refused"
    return found


def _check_message(case, message, path):
    assert len(message.splitlines()) == 1, f"{case}: {message!r}"
    named = case.named or path.name
    assert named in message, f"{case}: {message!r} does not name {named}"


def _check_equal(case, result):
    results = result if isinstance(result, tuple) else (result,)
    expected = case.expected if isinstance(case.expected, tuple) else (case.expected,)
    assert len(results) == len(expected), f"{case}: {_short(result)}"
    for one, due in zip(results, expected, strict=True):
        if isinstance(due, np.ndarray):
            same = one.dtype == due.dtype and np.array_equal(
                one, due, equal_nan=due.dtype.kind == "f"
            )
            assert same, f"{case}: {_short(one)} instead of {_short(due)}"
        else:
            assert one == due, f"{case}: {one!r} instead of {due!r}"


def _short(result):
    if isinstance(result, np.ndarray):
        return f"{result.dtype} {result.shape} {result.ravel()[:6].tolist()}"
    return repr(result)[:200]


def _tree(folder):
    return {str(p.relative_to(folder)) for p in pathlib.Path(folder).rglob("*")}


@contextlib.contextmanager
def _little_memory(virtual):
    """Limits the address space, or the peak of the memory in use."""
    if virtual:
        limits = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
        room = pages * os.sysconf("SC_PAGE_SIZE") + _ROOM
        resource.setrlimit(resource.RLIMIT_AS, (room, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limits)
        return
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # Forgets the former peak.
    start = _status("VmRSS")
    try:
        yield
    finally:  # Also if the case is refused.
        used = _status("VmHWM") - start
        assert used < _PEAK, f"{used >> 20} MB were used"


def _status(key):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) << 10
    raise AssertionError(key)
