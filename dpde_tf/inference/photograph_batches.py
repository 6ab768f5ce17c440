"""Many photographs, from file to file: reading and writing overlap with the networks.

One thread decodes photographs ahead of the networks, which see those of the same size
together, and two write results. Three batches of photographs wait before the networks,
and two behind them, so that the memory does not grow with the folder.
"""

import collections
import functools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future

import numpy as np

from dpde_tf.inference.overlap import read_ahead, threads
from dpde_tf.inference.photograph_cameras import PhotographCamera
from dpde_tf.inference.photographs import (
    Photograph,
    read_photograph,
    write_photograph,
)
from dpde_tf.inference.predictor import DepthPredictor

# Photographs that the networks see together.
_BATCH_SIZE = 8
# Photographs among which those of the same size are looked for.
_WINDOW = 2 * _BATCH_SIZE
_WRITERS = 2


def predict_photographs(
    predictor: DepthPredictor,
    paths: Sequence[pathlib.Path],
    output: pathlib.Path,
    *,
    done: Callable[[pathlib.Path, PhotographCamera], object],
    export: Sequence[str] = (),
    max_uncertainty: float | None = None,
    **options: object,
) -> dict[pathlib.Path, str]:
    """Predicts photographs; one that cannot be predicted does not stop the others.

    Args:
        predictor: The networks.
        paths: The photographs, in any number and of any sizes.
        output: Folder of the results, see `write_photograph`.
        done: Called with the picture file and the camera of each photograph, in the
            order of `paths`, once its files and all earlier ones are written.
        export: See `write_photograph`.
        max_uncertainty: See `write_photograph`.
        **options: Those of `read_photograph`.

    Returns:
        The photographs that failed, in order, with their reasons.
    """

    def write(photograph: Photograph, maps: dict) -> tuple:
        """Writes the results; returns the file of the colours, and the camera."""
        picture = write_photograph(
            photograph, maps, output, export=export, max_uncertainty=max_uncertainty
        )
        return picture, photograph.taken_by

    failures = {}
    for path, outcome in _outcomes(predictor, paths, write, options):
        error = outcome.exception()
        if error is None:
            done(*outcome.result())
        elif isinstance(error, ValueError | OSError):
            failures[path] = str(error)
        else:
            raise error
    return failures


def _outcomes(
    predictor: DepthPredictor,
    paths: Sequence[pathlib.Path],
    write: Callable,
    options: dict,
) -> Iterator[tuple[pathlib.Path, Future]]:
    """Yields each photograph with its file of the colours or its error, in order."""
    outcomes: dict[pathlib.Path, Future] = {}
    due = collections.deque(paths)

    def finished(limit: int) -> Iterator[tuple[pathlib.Path, Future]]:
        """Takes out what is done, and waits until at most `limit` are not."""
        while due and due[0] in outcomes:
            if len(outcomes) <= limit and not outcomes[due[0]].done():
                return
            path = due.popleft()
            yield path, outcomes.pop(path)

    def readable() -> Iterator[Photograph]:
        """Passes on the photographs that can be read."""
        read = functools.partial(read_photograph, **options)
        for path, photograph in read_ahead(read, paths, count=_BATCH_SIZE):
            if photograph.exception() is None:
                yield photograph.result()
            else:
                outcomes[path] = photograph

    with threads(_WRITERS) as writers:
        for batch in batches_of_one_size(readable()):
            maps = predictor.predict(np.stack([one.image for one in batch]))
            for row, one in enumerate(batch):
                own = {key: values[row] for key, values in maps.items()}
                outcomes[one.path] = writers.submit(write, one, own)
            yield from finished(_WINDOW)
        yield from finished(0)


def batches_of_one_size(photographs: Iterable[Photograph]) -> Iterator[list]:
    """Yields the photographs in batches of up to eight of the same size.

    Photographs of the same size are put together if fewer than 16 others are between
    them; the one that has waited longest is always in the next batch.

    Args:
        photographs: The photographs.

    Yields:
        Lists of them.
    """
    waiting: list[Photograph] = []

    def take() -> list[Photograph]:
        """Takes out the first one, and those of its size."""
        batch = of_first_size()
        waiting[:] = [one for one in waiting if not any(one is b for b in batch)]
        return batch

    def of_first_size() -> list[Photograph]:
        shape = waiting[0].image.shape
        return [one for one in waiting if one.image.shape == shape][:_BATCH_SIZE]

    for photograph in photographs:
        waiting.append(photograph)
        if len(waiting) == _WINDOW or len(of_first_size()) == _BATCH_SIZE:
            yield take()
    while waiting:
        yield take()
