"""Runs a program of the project as its user does."""

import os
import re
import subprocess
import sys

_CHATTER = re.compile("InitializeLog|oneDNN|cuInit|cuda drivers|CPU instructions")


def run_program(module, *switches, check=True, **flags):
    """The process of `python -m module`, ended; it must succeed unless not checked.

    What TensorFlow says when nothing is wrong must not be on its stderr.
    """
    command = [sys.executable, "-m", module, *switches]
    command += [f"--{name}={value}" for name, value in flags.items()]
    env = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    result = subprocess.run(command, capture_output=True, text=True, env=env)
    assert not check or result.returncode == 0, result.stderr[-3000:]
    assert not _CHATTER.search(result.stderr), result.stderr[-3000:]
    return result
