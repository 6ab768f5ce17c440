"""Reads depth gradients: NPZ files with two keys, or NPY files with two channels."""

import pathlib

import numpy as np

from dpde_tf.files.arrays import drop_single_axes, read_npy, read_npz

SUFFIXES = (".npy", ".npz")
_KEYS = ("gradient_x", "gradient_y")


def read_gradients(path: str | pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns the two depth gradients of a file.

    Args:
        path: NPZ with `gradient_x` (along the width) and `gradient_y`, each `[H, W]`,
            or NPY `[H, W, 2]` in that order. Other keys of an NPZ file, and further
            axes of length 1 before or after, are ignored.

    Returns:
        gradient_x and gradient_y in metres per pixel, float32 `[H, W]`; NaN = unknown,
        in place of any non-finite value.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is truncated, or does not hold two such maps.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"The gradient file {path} does not exist.")
    if path.suffix.lower() == ".npz":
        arrays = read_npz(path)
        maps = [drop_single_axes(arrays[key], 2) for key in _KEYS if key in arrays]
        shapes = {key: array.shape for key, array in arrays.items()}
    else:
        array = read_npy(path)
        shapes = array.shape
        array = drop_single_axes(array, 3)
        maps = [*np.moveaxis(array, -1, 0)] if array.ndim == 3 else []
    if (
        len(maps) != 2
        or maps[0].shape != maps[1].shape
        or any(m.ndim != 2 or m.dtype.kind != "f" or not m.size for m in maps)
    ):
        raise ValueError(
            f"{path} must hold floating-point gradient_x and gradient_y, [H, W] each "
            f"(.npz), or [H, W, 2] (.npy). It holds: {shapes}."
        )
    # Numbers too large for float32 become infinite.
    with np.errstate(over="ignore"):
        maps = [m.astype(np.float32) for m in maps]
    gradient_x, gradient_y = (
        np.where(np.isfinite(m), m, np.float32(np.nan)) for m in maps
    )
    return gradient_x, gradient_y
