"""Runs a program of the project as its user does."""

import subprocess
import sys


def run_program(module, *switches, check=True, **flags):
    """The process of `python -m module`, ended; it must succeed unless not checked."""
    command = [sys.executable, "-m", module, *switches]
    command += [f"--{name}={value}" for name, value in flags.items()]
    result = subprocess.run(command, capture_output=True, text=True)
    assert not check or result.returncode == 0, result.stderr[-3000:]
    return result
