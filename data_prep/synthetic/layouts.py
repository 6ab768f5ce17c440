"""Synthetic scenes as raw files in the layouts of three official data sets.

The layouts are described in `data_prep.synthetic`, the program that writes them.
"""

import itertools
import pathlib
from collections.abc import Iterable

import cv2
import h5py
import numpy as np
import scipy.io

from data_prep.middlebury import CALIBRATED_YEARS, FILES, SCENES
from data_prep.synthetic.scenes import Scene

MAKE3D_GRID = (55, 305)
_MIN_STORED, _MAX_STORED = 30, 240  # of a disparity image; less only if dmin is 0
_MAX_DMIN = 300


def matlab_header() -> bytes:
    """Returns the first 512 bytes of a MATLAB 7.3 file.

    Returns:
        116 bytes of text, 8 zeros, the version 0x0200, `IM` for little-endian, zeros.
    """
    text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 ."
    return (text.ljust(116) + bytes(8) + b"\x00\x02IM").ljust(512, b"\x00")


def write_nyu(
    folder: pathlib.Path,
    scenes: Iterable[Scene],
    *,
    num_train: int,
    num_test: int,
    size: tuple[int, int],
    seed: int,
) -> None:
    """Writes the two files of NYU Depth v2 (labeled).

    Args:
        folder: Existing folder.
        scenes: `num_train + num_test` scenes of the size.
        num_train: Number of indices in `trainNdxs`.
        num_test: Number of indices in `testNdxs`.
        size: (height, width).
        seed: Seed of the choice of training pairs.
    """
    number, (height, width) = num_train + num_test, size
    path = folder / "nyu_depth_v2_labeled.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, shape, dtype, matlab_class in (
            ("images", (3, width, height), np.uint8, "uint8"),
            ("depths", (width, height), np.float32, "single"),
        ):
            dataset = file.create_dataset(
                name, (number, *shape), dtype, chunks=(1, *shape), compression="gzip"
            )
            dataset.attrs["MATLAB_class"] = np.bytes_(matlab_class)
        for index, scene in enumerate(scenes):
            file["images"][index] = scene.image.transpose(2, 1, 0)
            file["depths"][index] = scene.depth.T
    with path.open("r+b") as file:
        file.write(matlab_header())
    order = np.random.default_rng(seed).permutation(number) + 1  # from 1
    columns = {
        "trainNdxs": np.sort(order[:num_train])[:, np.newaxis].astype(np.uint16),
        "testNdxs": np.sort(order[num_train:])[:, np.newaxis].astype(np.uint16),
    }
    scipy.io.savemat(folder / "splits.mat", columns)


def position_grid(scene: Scene) -> np.ndarray:
    """Returns what a laser at the camera measures in 55 x 305 directions.

    Args:
        scene: The scene, sampled at the centres of the grid cells.

    Returns:
        Metres up, to the right, ahead, and along the ray, float64 `[55, 305, 4]`.
    """
    pixels = []
    for cells, extent in zip(MAKE3D_GRID, scene.depth.shape, strict=True):
        pixels.append(((np.arange(cells) + 0.5) * extent / cells).astype(int))
    rows, columns = np.meshgrid(*pixels, indexing="ij")
    height, width = scene.depth.shape
    forwards = scene.depth[rows, columns].astype(np.float64)
    right = (columns + 0.5 - width / 2) / scene.focal_length * forwards
    upwards = (height / 2 - rows - 0.5) / scene.focal_length * forwards
    position = np.stack([upwards, right, forwards], axis=-1)
    distance = np.linalg.norm(position, axis=-1, keepdims=True)
    return np.concatenate([position, distance], axis=-1)


def write_make3d(
    folder: pathlib.Path, scenes: Iterable[Scene], *, num_train: int
) -> None:
    """Writes the four folders of Make3D.

    Args:
        folder: Existing folder.
        scenes: First those for training, then those for testing.
        num_train: Number of scenes for training.
    """
    for name in ("Train400Img", "Train400Depth", "Test134", "Gridlaserdata"):
        (folder / name).mkdir()
    for index, scene in enumerate(scenes):
        images, depths = ("Train400Img", "Train400Depth")
        if index >= num_train:
            images, depths = ("Test134", "Gridlaserdata")
        stem = f"synthetic{index:03d}-p-000t000"
        _write_pixels(folder / images / f"img-{stem}.jpg", scene.image)
        grid = {"Position3DGrid": position_grid(scene)}
        path = folder / depths / f"depth_sph_corr-{stem}.mat"
        scipy.io.savemat(path, grid, do_compression=True)


def disparity_from_depth(
    depth: np.ndarray, *, calibrated: bool
) -> tuple[np.ndarray, int]:
    """Returns the disparity image of a scene, scaled to fill its range of values.

    The nearest point gets the value 240. The depth is 3740 px * 0.16 m /
    (value + dmin), up to one factor per scene.

    Args:
        depth: Metres, `[H, W]`, all positive.
        calibrated: Whether dmin may differ from 0.

    Returns:
        Values from 1 to 240, uint8 `[H, W]`, 0 where the right view does not see the
        point; and dmin.
    """
    nearest, farthest = float(depth.min()), float(depth.max())
    dmin = 0
    if calibrated:  # as large as the farthest point allows
        span = max(farthest - nearest, 1e-6)
        largest = (_MAX_STORED * nearest - _MIN_STORED * farthest) / span
        dmin = int(np.clip(largest, 0, _MAX_DMIN))
    disparity = (dmin + _MAX_STORED) * nearest / depth - dmin
    stored = np.clip(np.rint(disparity), 1, _MAX_STORED).astype(np.uint8)
    stored[_hidden_from_the_right(disparity / 3)] = 0  # these pixels are thirds
    return stored, dmin


def _hidden_from_the_right(disparity: np.ndarray) -> np.ndarray:
    """Pixels that a nearer surface hides in the right view."""
    rows, columns = np.indices(disparity.shape)
    shift = int(np.ceil(disparity.max()))  # so that places count from 0
    place = np.floor(columns - disparity).astype(int) + shift
    nearest = np.zeros((disparity.shape[0], place.max() + 2))
    np.maximum.at(nearest, (rows, place), disparity)
    np.maximum.at(nearest, (rows, place + 1), disparity)  # no gaps in slanted faces
    hidden = nearest[rows, place] > disparity + 1
    return cv2.medianBlur(hidden.astype(np.uint8), 5) > 0  # without single pixels


def middlebury_scenes(number: int) -> list[str]:
    """Returns official names: the first of each year, then the second, and so on.

    Args:
        number: Number of names; 4 or more include all years.

    Returns:
        Names of scenes.
    """
    years = dict.fromkeys(SCENES.values())
    columns = ([name for name in SCENES if SCENES[name] == year] for year in years)
    ranks = itertools.zip_longest(*columns)
    return [name for rank in ranks for name in rank if name][:number]


def write_middlebury(
    folder: pathlib.Path, scenes: Iterable[Scene], *, names: list[str]
) -> None:
    """Writes the folders of some scenes of Middlebury.

    Args:
        folder: Existing folder.
        scenes: One for each name.
        names: Official names; their year decides the layout.
    """
    for name, scene in zip(names, scenes, strict=True):
        calibrated = SCENES[name] in CALIBRATED_YEARS
        stored, dmin = disparity_from_depth(scene.depth, calibrated=calibrated)
        image_file, disparity_file = FILES[SCENES[name]]
        (folder / name).mkdir()
        _write_pixels(folder / name / image_file, scene.image)
        _write_pixels(folder / name / disparity_file, stored)
        if calibrated:
            (folder / name / "dmin.txt").write_text(f"{dmin}\n", encoding="utf-8")


def _write_pixels(path: pathlib.Path, pixels: np.ndarray) -> None:
    """Writes an RGB or grey image in the format of the suffix."""
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(path.suffix, pixels)
    path.write_bytes(encoded.tobytes())
