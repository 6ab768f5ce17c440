"""Predictions for photographs of any size, as files for people and programs."""

import dataclasses
import pathlib
from collections.abc import Sequence

import cv2
import numpy as np

from dpde_tf.files.depth_maps import write_depth
from dpde_tf.files.exif import read_exif_camera
from dpde_tf.files.images import read_image, resize_image
from dpde_tf.files.predictions import write_prediction
from dpde_tf.inference.photograph_cameras import (
    CameraOptions,
    PhotographCamera,
    find_photograph_camera,
)
from dpde_tf.inference.predictor import working_size
from dpde_tf.visualization.colours import (
    colorize_depth,
    colorize_gradients,
    montage,
    write_image,
)
from dpde_tf.visualization.reconstruction.files import (
    reconstruction_files,
    write_reconstruction,
)

# Colours saturate at this gradient, metres per pixel.
_GRADIENT_LIMIT = 0.1
# A 16-bit PNG of millimetres has 0 for "no measurement".
_SMALLEST_DEPTH = 0.001
_DEPTHS = ("depth", "fused")


@dataclasses.dataclass(frozen=True)
class Photograph:
    """A photograph as the networks see it.

    Attributes:
        path: Its file.
        size: (height, width) of the file.
        image: RGB, uint8 `[H, W, 3]`, of the networks' working size.
        taken_by: The camera that is assumed, at the size of the file.
    """

    path: pathlib.Path
    size: tuple[int, int]
    image: np.ndarray
    taken_by: PhotographCamera


def read_photograph(
    path: pathlib.Path,
    *,
    training_size: tuple[int, int],
    dataset: str = "",
    camera: CameraOptions | None = None,
    image_bits: int | None = None,
) -> Photograph:
    """Returns a photograph, resized for the networks.

    Args:
        path: The file.
        training_size: (height, width) of the images that the networks know.
        dataset: Data set of those images, see `find_photograph_camera`.
        camera: What is known of the camera, if anything.
        image_bits: See `read_image`, `bits`.

    Returns:
        The photograph.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not an image, or the focal length is not plausible.
    """
    full = read_image(path, bits=image_bits)
    size = full.shape[:2]
    taken_by = find_photograph_camera(
        size,
        training_size=training_size,
        dataset=dataset,
        options=camera or CameraOptions(),
        exif=read_exif_camera(path),
    )
    image = resize_image(full, working_size(size, training_size))
    return Photograph(path, size, image, taken_by)


def write_photograph(
    photograph: Photograph,
    maps: dict[str, np.ndarray],
    output: pathlib.Path,
    *,
    export: Sequence[str] = (),
    max_uncertainty: float | None = None,
) -> pathlib.Path:
    """Writes all predictions for one photograph.

    `<stem>.npz` holds the maps at the networks' working size; `<stem>_depth.png` and,
    with a gradient network, `<stem>_fused.png` are 16-bit millimetres at the size of
    the photograph; `<stem>_prediction.png` shows everything in colours and comes last.

    Args:
        photograph: The photograph.
        maps: Maps of one image, `[H, W]`, as returned by `DepthPredictor.predict`; they
            are scaled for the camera of the photograph.
        output: Folder of the results.
        export: Additional 3D files, see `write_reconstruction`: some of `ply`, `glb`,
            `html`.
        max_uncertainty: Metres; pixels of larger uncertainty are omitted from the 3D
            files.

    Returns:
        The picture file.

    Raises:
        ValueError: If `max_uncertainty` is given, and there is no uncertainty, or all
            pixels exceed the limit.
        OSError: If a file cannot be written.
    """
    stem = photograph.path.stem
    maps = photograph.taken_by.scale(maps)
    depths = {key: maps[key] for key in _DEPTHS if key in maps}
    trusted = _trusted(depths, maps.get("uncertainty"), max_uncertainty)
    write_prediction(output / f"{stem}.npz", maps)
    for key, depth in depths.items():
        full = cv2.resize(depth, photograph.size[::-1], interpolation=cv2.INTER_LINEAR)
        full = np.maximum(full, _SMALLEST_DEPTH)
        write_depth(output / f"{stem}_{key}.png", full)
    if export:
        camera = photograph.taken_by.camera.resized(photograph.image.shape[:2])
        write_reconstruction(
            output, stem, photograph.image, trusted, camera, formats=export
        )
    picture = output / f"{stem}_prediction.png"
    write_image(picture, prediction_picture(photograph.image, maps))
    return picture


def _trusted(
    depths: dict[str, np.ndarray],
    uncertainty: np.ndarray | None,
    limit: float | None,
) -> dict[str, np.ndarray]:
    """Depth maps without pixels of larger uncertainty than a limit."""
    if limit is None:
        return depths
    if uncertainty is None or not (uncertainty <= limit).any():
        least = "none" if uncertainty is None else f"{uncertainty.min():.3g} m or more"
        raise ValueError(
            f"The uncertainty must be `max_uncertainty`, {limit:g} m, somewhere. "
            f"Received: {least}. A context network gives it."
        )
    return {key: np.where(uncertainty <= limit, d, 0) for key, d in depths.items()}


def photograph_files(path: pathlib.Path, output: pathlib.Path) -> list[pathlib.Path]:
    """Returns the files that the predictions for a photograph may have, except in 3D.

    Args:
        path: The photograph.
        output: Folder of the results.

    Returns:
        Those of `write_photograph`, whether they are there or not.
    """
    names = [".npz", *(f"_{key}.png" for key in _DEPTHS), "_prediction.png"]
    return [output / f"{path.stem}{name}" for name in names]


def reconstruction_files_of(
    path: pathlib.Path, output: pathlib.Path, formats: Sequence[str]
) -> list[pathlib.Path]:
    """Returns the 3D files that a photograph may have.

    Args:
        path: The photograph.
        output: Folder of the results.
        formats: Names in `FORMATS`.

    Returns:
        Those of `write_reconstruction`, whether they are there or not.
    """
    return reconstruction_files(output, path.stem, _DEPTHS, formats=formats)


def prediction_picture(image: np.ndarray, maps: dict[str, np.ndarray]) -> np.ndarray:
    """Returns an image and its predictions side by side, in colours.

    Args:
        image: RGB, uint8 `[H, W, 3]`.
        maps: As `DepthPredictor.predict` gives them, of one image, `[H, W]`.

    Returns:
        RGB, uint8, with titles and a colour bar in metres.
    """
    nearest, farthest = float(maps["depth"].min()), float(maps["depth"].max())
    limits = {"min_depth": max(nearest, 0.0), "max_depth": max(farthest, 0.0)}
    columns = {"image": image, "depth": colorize_depth(maps["depth"], **limits)}
    if "fused" in maps:
        columns["gradients"] = colorize_gradients(
            maps["gradient_x"], maps["gradient_y"], limit=_GRADIENT_LIMIT
        )
        columns["fused"] = colorize_depth(maps["fused"], **limits)
    if "uncertainty" in maps:
        largest = float(maps["uncertainty"].max())
        title = f"uncertainty, blue = {largest:.1f} m"
        columns[title] = colorize_depth(
            maps["uncertainty"], min_depth=0.0, max_depth=largest
        )
    return montage(
        [list(columns.values())],
        list(columns),
        depth_range=(limits["min_depth"], limits["max_depth"]),
    )
