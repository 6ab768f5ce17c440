"""Raw data sets of synthetic scenes in the official layouts, made without a download.

    python -m data_prep.synthetic --output=data/raw_synthetic --dataset=all

The converters read these folders as they read the official ones, with
--allow_partial, as there are fewer pairs. The scenes are rooms of textured boxes with
exact depth; no scene comes twice, in whatever split or data set.

nyu/, images of --size:

    nyu_depth_v2_labeled.mat   HDF5 behind the 512-byte header of MATLAB 7.3;
                               images uint8 (N, 3, W, H), depths float32 (N, W, H)
    splits.mat                 trainNdxs and testNdxs, columns, from 1, interleaved

make3d/, images of 568 x 426, a quarter of the official 2272 x 1704:

    Train400Img/img-<stem>.jpg                 Test134/img-<stem>.jpg
    Train400Depth/depth_sph_corr-<stem>.mat    Gridlaserdata/depth_sph_corr-<stem>.mat

with Position3DGrid 55 x 305 x 4: metres upwards, to the right, forwards, and along the
ray, which is what a laser measures.

middlebury/, scenes that bear the official names, for testing only:

    2005, 2006   view1.png, disp1.png, dmin.txt   stored = disparity of full size - dmin
    2003         im2.png, disp2.png               stored = 4 x disparity
    2001         im2.ppm, disp2.pgm               stored = 8 x disparity

with 0 = unknown, where the right view does not see the point. Depth is scaled by a
factor of the scene, so that 3740 px * 0.16 m / (stored + dmin) lies between 1 and 30 m
and the 8 bits suffice; dmin is 0 in 2001 and 2003.
"""

import concurrent.futures
import pathlib
from collections.abc import Iterator, Sequence

import keras
from absl import app, flags

from data_prep import synthetic_layouts as layouts
from data_prep.middlebury import SCENES
from data_prep.synthetic_scenes import Scene, render_scene
from dpde_tf.cli.path_flags import define_path
from dpde_tf.files.atomic import partial_folder
from dpde_tf.files.errors import readable_errors

FLAGS = flags.FLAGS

DATASETS = ("nyu", "make3d", "middlebury")
MAKE3D_SIZE = (568, 426)
MIDDLEBURY_SIZES = {
    2001: (380, 430),
    2003: (375, 450),
    2005: (370, 463),
    2006: (370, 427),
}
# The official splits are the upper limits, as the converters refuse more.
MAX_TRAIN = {"nyu": 795, "make3d": 400, "middlebury": 0}
MAX_TEST = {"nyu": 654, "make3d": 134, "middlebury": len(SCENES)}
_SEEDS_PER_DATASET = 10_000  # the data sets and different --seed share no scene


def _render(
    dataset: str, sizes: Sequence[tuple[int, int]], seed: int, workers: int
) -> Iterator[Scene]:
    """Yields scenes of those sizes in order, rendered by several threads."""
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
    """Writes one synthetic data set in its official layout, whole or not at all.

    Args:
        output: Folder in which the folder of the data set is made.
        dataset: `nyu`, `make3d` or `middlebury`.
        num_train: Training pairs, at most as many as the official split has; 0 are
            written for `middlebury`.
        num_test: Test pairs, at most as many as the official split has.
        size: (height, width) of the images of `nyu`.
        seed: Not negative; other seeds give other scenes.
        workers: Threads that render.

    Returns:
        The folder of the data set.

    Raises:
        FileExistsError: If it is there already.
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
    with partial_folder(folder) as temporary:
        _fill(temporary, dataset, num_train, num_test, size, seed, workers)
        temporary.rename(folder)
    return folder


def define_flags() -> None:
    """Defines the flags of this program; the program calls it before `app.run`."""
    define_path("output", None, "Folder of the raw data sets.", required=True)
    flags.DEFINE_enum("dataset", "all", [*DATASETS, "all"], "What to write.")
    flags.DEFINE_integer("num_train", 64, "Training pairs a data set, at most.")
    flags.DEFINE_integer("num_test", 16, "Test pairs a data set, at most.")
    flags.DEFINE_list("size", "240,320", "Height and width of the images of nyu.")
    flags.DEFINE_integer("seed", 0, "Which scenes.")
    flags.DEFINE_integer("workers", 2, "Threads that render.")


def main(argv: list[str]) -> None:
    """Runs the program; errors that name their remedy end it without a traceback.

    Args:
        argv: The program's name; all options are flags.
    """
    if len(argv) > 1:
        raise app.UsageError(f"All options are flags. Received: {argv[1:]}.")
    datasets = DATASETS if FLAGS.dataset == "all" else (FLAGS.dataset,)
    with readable_errors():
        for dataset in datasets:
            folder = write_raw(
                FLAGS.output,
                dataset,
                num_train=FLAGS.num_train,
                num_test=FLAGS.num_test,
                size=parse_size(FLAGS.size),
                seed=FLAGS.seed,
                workers=FLAGS.workers,
            )
            print(f"{folder} is written.")


def parse_size(values: Sequence[str]) -> tuple[int, int]:
    """Returns the value of --size as numbers.

    Args:
        values: Height and width as texts.

    Returns:
        (height, width).

    Raises:
        ValueError: If it is not two whole numbers from 8 on.
    """
    if len(values) != 2 or not all(v.isdecimal() and int(v) >= 8 for v in values):
        raise ValueError(
            "--size must be height and width, each at least 8, such as 240,320. "
            f"Received: {','.join(values)}."
        )
    return int(values[0]), int(values[1])


if __name__ == "__main__":
    define_flags()
    app.run(main)
