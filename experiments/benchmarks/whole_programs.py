"""Whole programs for the benchmark, timed from their start to their end.

    python whole_programs.py PROGRAM REPETITIONS

prints time and memory of a program of `PROGRAMS` as `row_timing` does. With a phase of
`first_predictions` as PROGRAM, the time of that phase counts. This file is run by its
path, so that the memory is that of the program alone.
"""

import json
import pathlib
import resource
import subprocess
import sys
import tempfile

from photograph_copies import PHOTOGRAPHS, copy_photographs
from row_timing import print_measurement, seconds_of

_ROOT = pathlib.Path(__file__).parents[2]


def _program(name: str, folder: pathlib.Path) -> list[str]:
    """The command of a program, with a folder for its files."""
    predict = [sys.executable, "-m", "dpde_tf.cli.main", "predict", "--overwrite"]
    predict.append(f"--output={folder / 'out'}")
    if name == "import":
        return [sys.executable, "-c", "import tensorflow"]
    if name == "predict":
        return [*predict, str(PHOTOGRAPHS[0])]
    if name == "predict-folder":
        return [*predict, str(copy_photographs(folder / "in"))]
    return [sys.executable, "-m", "experiments.benchmarks.first_predictions", name]


def _main(name: str, repetitions: int) -> None:
    """Times a program or a phase after one warm-up, and prints the measurement."""
    with tempfile.TemporaryDirectory() as folder:
        command = _program(name, pathlib.Path(folder))
        outputs = []

        def run() -> None:
            result = subprocess.run(
                command, cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True
            )
            outputs.append(result.stdout)

        seconds = seconds_of(run, repetitions, warm_up=1)
    if command[-1] == name:  # A phase; the program has timed it.
        seconds = [json.loads(output.splitlines()[-1]) for output in outputs[1:]]
    print_measurement(seconds, resource.RUSAGE_CHILDREN)


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
