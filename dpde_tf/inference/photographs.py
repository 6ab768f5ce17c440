"""Predictions for photographs of any size, as files for people and programs."""

import pathlib
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from dpde_tf.files.depth_maps import write_depth_png
from dpde_tf.files.images import read_image, resize_image
from dpde_tf.files.predictions import write_prediction
from dpde_tf.inference.predictor import DepthPredictor, working_size
from dpde_tf.visualization.colours import (
    colorize_depth,
    colorize_gradients,
    montage,
    write_image,
)
from dpde_tf.visualization.reconstruction.cameras import photograph_camera
from dpde_tf.visualization.reconstruction.files import write_reconstruction

# Colours saturate at this gradient, metres per pixel.
_GRADIENT_LIMIT = 0.1
# A 16-bit PNG of millimetres has 0 for "no measurement".
_SMALLEST_DEPTH = 0.001
_DEPTHS = ("depth", "fused")


def predict_photographs(
    predictor: DepthPredictor,
    paths: Sequence[pathlib.Path],
    output: pathlib.Path,
    *,
    done: Callable[[pathlib.Path], object],
    **options: object,
) -> dict[pathlib.Path, str]:
    """Predicts photographs; one that cannot be predicted does not stop the others.

    Args:
        predictor: The networks.
        paths: The photographs.
        output: Folder of the results.
        done: Called with the file of the colours of each photograph that is done.
        **options: Those of `predict_photograph`.

    Returns:
        The photographs that failed, with their reasons.
    """
    failures = {}
    for path in paths:
        try:
            done(predict_photograph(predictor, path, output, **options))
        except (ValueError, OSError) as error:
            failures[path] = str(error)
    return failures


def predict_photograph(
    predictor: DepthPredictor,
    path: pathlib.Path,
    output: pathlib.Path,
    *,
    training_size: tuple[int, int],
    export: Sequence[str] = (),
    focal: float | None = None,
    image_bits: int | None = None,
) -> pathlib.Path:
    """Writes all predictions for one photograph.

    `<stem>.npz` holds the maps at the networks' working size; `<stem>_depth.png` and,
    with a gradient network, `<stem>_fused.png` are 16-bit millimetres at the size of
    the photograph; `<stem>_prediction.png` shows everything in colours and comes last.

    Args:
        predictor: The networks.
        path: The photograph.
        output: Folder of the results.
        training_size: (height, width) of the images that the networks know.
        export: 3D files besides, as `write_reconstruction` makes them: some of `ply`,
            `glb`, `html`.
        focal: Focal length of the photograph in its pixels, if it is known.
        image_bits: See `read_image`, `bits`.

    Returns:
        The file of the colours.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not an image, or the focal length is not plausible.
    """
    photograph = read_image(path, bits=image_bits)
    camera = photograph_camera(photograph.shape[:2], focal=focal)
    small = resize_image(photograph, working_size(photograph.shape[:2], training_size))
    batch = predictor.predict(small[np.newaxis])
    maps = {key: values[0] for key, values in batch.items()}
    write_prediction(output / f"{path.stem}.npz", maps)
    size = photograph.shape[1::-1]
    for key in _DEPTHS:
        if key in maps:
            full = cv2.resize(maps[key], size, interpolation=cv2.INTER_LINEAR)
            full = np.maximum(full, _SMALLEST_DEPTH)
            write_depth_png(output / f"{path.stem}_{key}.png", full)
    if export:
        write_reconstruction(
            output,
            path.stem,
            small,
            {key: maps[key] for key in _DEPTHS if key in maps},
            camera.resized(small.shape[:2]),
            formats=export,
        )
    picture = output / f"{path.stem}_prediction.png"
    write_image(picture, prediction_picture(small, maps))
    return picture


def photograph_files(path: pathlib.Path, output: pathlib.Path) -> list[pathlib.Path]:
    """Returns the files that the predictions for a photograph may have, but for 3D.

    Args:
        path: The photograph.
        output: Folder of the results.

    Returns:
        Those of `predict_photograph`, whether they are there or not.
    """
    names = [".npz", *(f"_{key}.png" for key in _DEPTHS), "_prediction.png"]
    return [output / f"{path.stem}{name}" for name in names]


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
    return montage(
        [list(columns.values())],
        list(columns),
        depth_range=(limits["min_depth"], limits["max_depth"]),
    )
