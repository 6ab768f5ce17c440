"""The first predictions of a process, for the benchmark.

    python -m experiments.benchmarks.first_predictions PHASE

prints the seconds of one of the `phases`, and does not run the later ones.
"""

import statistics
import sys
import time
from collections.abc import Iterator

import numpy as np

import dpde_tf
from dpde_tf.files.images import read_image
from experiments.benchmarks.photograph_copies import PHOTOGRAPHS
from experiments.benchmarks.row_timing import seconds_of


def phases() -> Iterator[tuple[str, float]]:
    """Yields the times of the first predictions of this process, each once it is known.

    Yields:
        Name of a phase and its seconds: `DepthEstimator.from_preset`; the first
        prediction, the median of the next three, and the first one of another size.
    """
    image = read_image(PHOTOGRAPHS[0])
    start = time.perf_counter()
    estimator = dpde_tf.DepthEstimator.from_preset("nyu")
    yield "from_preset", time.perf_counter() - start

    def seconds(times: int = 1, photograph: np.ndarray = image) -> float:
        return statistics.median(
            seconds_of(lambda: estimator.predict(photograph), times, warm_up=0)
        )

    yield "first", seconds()
    yield "next", seconds(3)
    yield "new_size", seconds(photograph=image[:, :-80])


if __name__ == "__main__":
    print(next(seconds for name, seconds in phases() if name == sys.argv[1]))
