"""The first predictions of a process, for the benchmark.

    python -m experiments.benchmarks.first_predictions PHASE

prints the seconds of one of `PHASES`.
"""

import pathlib
import statistics
import sys
import time
from collections.abc import Callable

import dpde_tf
from dpde_tf.files.images import read_image

PHASES = ("from_preset", "first", "next", "graphs", "later", "new_size")
_PHOTOGRAPH = pathlib.Path(__file__).parents[1] / "photographs" / "bedroom.jpg"


def phases() -> dict[str, float]:
    """Returns the times of the first predictions of this process.

    Returns:
        Seconds of `DepthEstimator.from_preset`; of the first prediction, the median of
        the next two, the fourth, which makes graphs, and the median of the next three;
        and of the first prediction of another size.
    """
    seconds, made = {}, []

    def timed(name: str, function: Callable[[], object], times: int = 1) -> None:
        values = []
        for _ in range(times):
            start = time.perf_counter()
            made.append(function())
            values.append(time.perf_counter() - start)
        seconds[name] = statistics.median(values)

    image = read_image(_PHOTOGRAPH)
    timed("from_preset", lambda: dpde_tf.DepthEstimator.from_preset("nyu"))
    (estimator,) = made
    timed("first", lambda: estimator.predict(image))
    timed("next", lambda: estimator.predict(image), 2)
    timed("graphs", lambda: estimator.predict(image))
    timed("later", lambda: estimator.predict(image), 3)
    timed("new_size", lambda: estimator.predict(image[:, :-80]))
    return seconds


if __name__ == "__main__":
    print(phases()[sys.argv[1]])
