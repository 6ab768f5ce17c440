"""Synthetic data sets, written in the layouts of three official ones."""

import concurrent.futures
import pathlib
from collections.abc import Iterator, Sequence

import keras

from data_prep.middlebury import SCENES
from data_prep.synthetic import layouts
from data_prep.synthetic.scenes import Scene, render_scene
from dpde_tf.files.atomic import partial_folder, readable_write_errors

DATASETS = ("nyu", "make3d", "middlebury")
MAKE3D_SIZE = (568, 426)
MIDDLEBURY_SIZES = {
    2001: (380, 430),
    2003: (375, 450),
    2005: (370, 463),
    2006: (370, 427),
}
# Sizes of the official splits; the converters refuse more.
MAX_TRAIN = {"nyu": 795, "make3d": 400, "middlebury": 0}
MAX_TEST = {"nyu": 654, "make3d": 134, "middlebury": len(SCENES)}
_SEEDS_PER_DATASET = 10_000  # so that no two data sets and seeds share a scene


def _render(
    dataset: str, sizes: Sequence[tuple[int, int]], seed: int, workers: int
) -> Iterator[Scene]:
    """Yields scenes of the given sizes in order, rendered by several threads."""
    first = (seed * len(DATASETS) + DATASETS.index(dataset)) * _SEEDS_PER_DATASET
    progress = keras.utils.Progbar(len(sizes), unit_name=f"{dataset} scene")
    with concurrent.futures.ThreadPoolExecutor(workers) as executor:
        jobs = [
            executor.submit(render_scene, first + index, size=size)
            for index, size in enumerate(sizes)
        ]
        try:
            while jobs:
                yield jobs.pop(0).result()
                progress.add(1)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


def _fill(
    folder: pathlib.Path,
    dataset: str,
    num_train: int,
    num_test: int,
    size: tuple[int, int],
    seed: int,
    workers: int,
) -> None:
    """Writes one data set into an empty folder."""
    number = num_train + num_test
    if dataset == "nyu":
        scenes = _render(dataset, [size] * number, seed, workers)
        layouts.write_nyu(
            folder, scenes, num_train=num_train, num_test=num_test, size=size, seed=seed
        )
    elif dataset == "make3d":
        scenes = _render(dataset, [MAKE3D_SIZE] * number, seed, workers)
        layouts.write_make3d(folder, scenes, num_train=num_train)
    else:
        names = layouts.middlebury_scenes(num_test)
        sizes = [MIDDLEBURY_SIZES[SCENES[name]] for name in names]
        scenes = _render(dataset, sizes, seed, workers)
        layouts.write_middlebury(folder, scenes, names=names)


def write_raw(
    output: str | pathlib.Path,
    dataset: str,
    *,
    num_train: int = 64,
    num_test: int = 16,
    size: tuple[int, int] = (240, 320),
    seed: int = 0,
    workers: int = 2,
) -> pathlib.Path:
    """Writes one synthetic data set in its official layout, atomically.

    Args:
        output: Parent folder of the data set.
        dataset: `nyu`, `make3d` or `middlebury`.
        num_train: Training pairs, at most as many as the official split has; 0 are
            written for `middlebury`.
        num_test: Test pairs, at most as many as the official split has.
        size: (height, width) of the images of `nyu`.
        seed: Seed of the scenes, not negative.
        workers: Number of threads that render.

    Returns:
        The folder of the data set.

    Raises:
        FileExistsError: If the folder exists already.
        ValueError: If an argument is out of range.
    """
    if dataset not in DATASETS or min(num_train, num_test, workers) < 1 or seed < 0:
        raise ValueError(
            f"--dataset must be one of {', '.join(DATASETS)} or all; --num_train, "
            "--num_test and --workers must be at least 1, --seed at least 0. Received: "
            f"{dataset}, {num_train}, {num_test}, {workers} and {seed}."
        )
    folder = pathlib.Path(output) / dataset
    if folder.exists():
        raise FileExistsError(
            f"{folder} exists and may hold real data, so it is left alone. Remove it, "
            "or give --output another name."
        )
    num_train = min(num_train, MAX_TRAIN[dataset])
    num_test = min(num_test, MAX_TEST[dataset])
    with readable_write_errors(folder), partial_folder(folder) as temporary:
        _fill(temporary, dataset, num_train, num_test, size, seed, workers)
        temporary.rename(folder)
    return folder
