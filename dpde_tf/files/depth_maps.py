"""Reads and writes depth maps, in metres or as relative depth.

Floating-point numbers are metres; integers are multiplied by a scale. See
`depth_formats` for the formats.
"""

import functools
import pathlib
from collections.abc import Sequence
from typing import BinaryIO

import cv2
import numpy as np
from absl import logging

from dpde_tf.files.atomic import atomic_write
from dpde_tf.files.depth_formats import check_suffix, read_stored
from dpde_tf.files.depth_units import check_positive, scale_integers

_PNG_MAX = np.iinfo(np.uint16).max
# Numbers that programs store where there is no depth, also in files of larger types.
_TYPE_MAXIMA = frozenset(
    [float(np.iinfo(f"{kind}{bits}").max) for kind in "iu" for bits in (1, 2, 4, 8)]
    + [float(np.finfo(f"f{size}").max) for size in (2, 4, 8)]
)
_MANY = 0.01
_NUM_WARNINGS = 5
# Half of the pixels farther than this, in metres: the unit is probably another one.
_FAR = 200.0


def measured_depth(depth: np.ndarray) -> np.ndarray:
    """Returns depth with 0 wherever there is no measurement.

    Args:
        depth: Metres, of any shape and number type.

    Returns:
        Metres, float32, of the same shape; 0 in place of negative and non-finite
        values.
    """
    # Numbers too large for float32 become infinite, hence no measurement.
    with np.errstate(over="ignore"):
        depth = np.asarray(depth, np.float32)
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))


def read_depth(
    path: str | pathlib.Path,
    *,
    depth_scale: float | None = None,
    key: str | None = None,
    invalid_values: Sequence[float] = (),
    max_depth: float | None = None,
) -> np.ndarray:
    """Returns the depth map of a file in metres.

    Warns if many pixels have the maximum of a number type, which often stands for "no
    measurement", and if half of the depth is farther than 200 m.

    Args:
        path: File, whose suffix gives the format.
        depth_scale: Metres per stored integer, such as 0.001 for millimetres;
            floating-point numbers are metres.
        key: Array of an NPZ file; None for the only array, or `depth` among several.
        invalid_values: Stored numbers, before scaling, that stand for no measurement.
        max_depth: Depth in metres beyond which there is no measurement.

    Returns:
        Metres, float32 `[H, W]`; 0 = no measurement, also for negative and non-finite
        values.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the suffix is not supported, the file is truncated, or it does
            not hold one number per pixel, or holds integers and no scale is given.
    """
    stored = read_stored(path, key=key)
    metres = scale_integers(stored, path, depth_scale)
    with np.errstate(invalid="ignore"):
        metres[_holds(stored, invalid_values)] = 0
        if max_depth is not None:
            metres[metres > max_depth] = 0
    metres = measured_depth(metres)
    _warn_of_maximum(stored, metres > 0, path)
    warn_of_unit(metres, path)
    return metres


def read_relative_depth(
    path: str | pathlib.Path,
    *,
    key: str | None = None,
    invalid_values: Sequence[float] = (),
) -> np.ndarray:
    """Returns the relative depth or inverse depth of a file, as stored.

    0 and negative values are valid, since the origin is arbitrary.

    Args:
        path: File, whose suffix gives the format.
        key: As for `read_depth`.
        invalid_values: Stored numbers that stand for no value.

    Returns:
        Stored values, float32 `[H, W]`; NaN = no value, also for infinite values.

    Raises:
        FileNotFoundError: As for `read_depth`.
        ValueError: As for `read_depth`; no scale is needed.
    """
    stored = read_stored(path, key=key)
    with np.errstate(over="ignore"):
        values = stored.astype(np.float32)
    values[~np.isfinite(values) | _holds(stored, invalid_values)] = np.nan
    return values


def _holds(stored: np.ndarray, values: Sequence[float]) -> np.ndarray:
    """Mask of the pixels with one of `values`, rounded to the type of the array."""
    with np.errstate(over="ignore"):
        dtype = stored.dtype if stored.dtype.kind == "f" else np.float64
        return np.isin(stored, np.asarray(values, np.float64).astype(dtype))


def _warn_of_maximum(
    stored: np.ndarray, measured: np.ndarray, path: str | pathlib.Path
) -> None:
    """Warns if many measured pixels have the maximum of a number type."""
    if not measured.any():
        return
    highest = stored[measured].max()
    share = np.mean(measured & (stored == highest))
    if float(highest) in _TYPE_MAXIMA and share >= _MANY:
        logging.log_first_n(
            logging.WARNING,
            "%s: %.1f %% of the pixels are %s, the maximum of a number type. If this "
            'means "no measurement", give `invalid_value=%s`, or `max_depth` in '
            "metres (for a reference: `reference_invalid_value`, "
            "`reference_max_depth`). Only the first files are named.",
            _NUM_WARNINGS,
            path,
            100 * share,
            f"{highest:.17g}",
            f"{highest:.17g}",
        )


def warn_of_unit(metres: np.ndarray, origin: str | pathlib.Path) -> None:
    """Warns if depth is so far that its unit is probably not the metre.

    Args:
        metres: Depth in metres, of any shape; what is not positive is not measured.
        origin: File or name, for the message.
    """
    measured = metres[metres > 0]
    if measured.size and (median := np.median(measured)) > _FAR:
        logging.log_first_n(
            logging.WARNING,
            "%s: half of the depth is farther than %.4g m. If these are millimetres, "
            "give `depth_scale=0.001` for integers; floating-point numbers must be "
            "metres. Only the first files are named.",
            _NUM_WARNINGS,
            origin,
            median,
        )


def _write_npz(file: BinaryIO, depth: np.ndarray) -> None:
    np.savez(file, depth=depth)


def _write_pfm(file: BinaryIO, depth: np.ndarray) -> None:
    """Writes little-endian float32, the bottom row first."""
    height, width = depth.shape
    file.write(f"Pf\n{width} {height}\n-1.0\n".encode())
    file.write(depth[::-1].astype("<f4").tobytes())


def _write_picture(suffix: str, file: BinaryIO, numbers: np.ndarray) -> None:
    file.write(cv2.imencode(suffix, numbers)[1].tobytes())


_WRITERS = {
    ".npy": np.save,
    ".npz": _write_npz,
    ".pfm": _write_pfm,
    ".png": functools.partial(_write_picture, ".png"),
    ".tif": functools.partial(_write_picture, ".tif"),
    ".tiff": functools.partial(_write_picture, ".tif"),
}


def write_depth(
    path: str | pathlib.Path, depth: np.ndarray, *, depth_scale: float = 0.001
) -> None:
    """Writes a depth map atomically, in the format that the suffix gives.

    NPY, NPZ (key `depth`), PFM and TIFF store the map unchanged, in float32.

    A PNG has 16-bit numbers, by default in millimetres. Depth over 65535 units, 65.535
    m in millimetres, is stored as 65535. Depth under half a unit becomes 0, "no
    measurement", as negative and non-finite values do. A warning gives the number of
    pixels of too much or too little depth.

    Args:
        path: File to write; a missing folder is created.
        depth: Depth map, `[H, W]`; metres for a PNG.
        depth_scale: Metres per stored unit of a PNG.

    Raises:
        ValueError: If the suffix or the shape is wrong, or the scale of a PNG is not
            positive.
    """
    path = pathlib.Path(path)
    check_suffix(path)
    if np.ndim(depth) != 2:
        raise ValueError(f"`depth` must be [H, W]. Received: {np.shape(depth)}.")
    suffix = path.suffix.lower()
    if suffix == ".png":
        stored = _in_units(path, depth, depth_scale)
    else:
        stored = np.asarray(depth, np.float32)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        _WRITERS[suffix](file, stored)


def _in_units(path: pathlib.Path, depth: np.ndarray, scale: float) -> np.ndarray:
    """Depth in units, uint16; warns of what they cannot hold."""
    check_positive(scale)
    measured = measured_depth(depth)
    units = np.rint(measured.astype(np.float64) / scale)
    stored = np.minimum(units, _PNG_MAX).astype(np.uint16)
    _warn_of_range(path, np.sum(units > _PNG_MAX), "over", _PNG_MAX, scale)
    _warn_of_range(path, np.sum((measured > 0) & (stored == 0)), "under", 0.5, scale)
    return stored


def _warn_of_range(
    path: pathlib.Path, count: int, side: str, limit: float, depth_scale: float
) -> None:
    """Warns if a PNG could not hold the depth of some pixels."""
    if count:
        logging.warning(
            "%s: %d pixels %s %g m, which 16 bits of %g m cannot hold, are stored as "
            "%d. Choose another scale (`depth_scale`, where available) or NPY.",
            path,
            count,
            side,
            limit * depth_scale,
            depth_scale,
            limit,
        )
