"""Depth maps in files: 16-bit PNG with a scale, NPY, NPZ, PFM.

Values of a file are metres after a scale (`read_depth`), or relative, in a unit of
their own (`read_relative_depth`).
"""

import pathlib
import re
from typing import BinaryIO

import cv2
import numpy as np

from dpde_tf.atomic_files import write_whole
from dpde_tf.data.array_files import read_npy, read_npz
from dpde_tf.data.image_files import PNG_START, decode_pixels

_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
# Nine digits are enough: Python refuses numbers of thousands in a way of its own.
_PFM_HEADER = re.compile(
    rb"Pf\s+(\d{1,9})\s+(\d{1,9})\s+(" + _NUMBER + rb")(?:\r\n|\s)"
)
_PNG_MAX = np.iinfo(np.uint16).max


def _read_png(path: pathlib.Path) -> np.ndarray:
    """Returns the stored integers of a PNG with one channel."""
    data = path.read_bytes()
    stored = None
    # OpenCV looks at the content alone; a JPEG would do.
    if data.startswith(PNG_START):
        stored = decode_pixels(data, flags=cv2.IMREAD_UNCHANGED)
    if stored is None:
        raise ValueError(f"{path} is not a whole PNG file. Fetch or write it again.")
    return stored


def _read_npz(path: pathlib.Path, key: str | None) -> np.ndarray:
    """Returns one array of a NPZ file: of the key, `depth`, or the only one."""
    arrays = read_npz(path)
    if key is None:
        key = next(iter(arrays)) if len(arrays) == 1 else "depth"
    if key not in arrays:
        raise ValueError(
            f"{path} has no array {key!r}; it has: {', '.join(arrays)}. Choose one "
            "with --key."
        )
    return arrays[key]


def _read_pfm(path: pathlib.Path) -> np.ndarray:
    """Returns the values of a one-channel PFM, top row first.

    The sign of the header's scale is the byte order; its size is ignored, as the
    Middlebury files do not mean it as a factor.
    """
    data = path.read_bytes()
    header = _PFM_HEADER.match(data)
    if header is None:
        raise ValueError(
            f"{path} must begin with the header of a one-channel PFM ('Pf', width, "
            "height, scale). Write it again, or use NPY."
        )
    width, height, scale = int(header[1]), int(header[2]), float(header[3])
    if len(data) - header.end() != 4 * width * height:
        raise ValueError(
            f"{path} must hold {width} x {height} float32 values after its header; it "
            f"holds {len(data) - header.end()} bytes. Fetch or write it again."
        )
    values = np.frombuffer(data, "<f4" if scale < 0 else ">f4", offset=header.end())
    return values.reshape(height, width)[::-1]


_READERS = {".png": _read_png, ".npy": read_npy, ".pfm": _read_pfm}
SUFFIXES = (*_READERS, ".npz")


def measured_depth(depth: np.ndarray) -> np.ndarray:
    """Returns depth with 0 wherever it is not a measurement.

    Args:
        depth: Metres, of any shape and number type.

    Returns:
        Metres, float32, of the same shape; values that are negative or not finite
        have become 0.
    """
    # What is too large for float32 becomes infinite, so no measurement.
    with np.errstate(over="ignore"):
        depth = np.asarray(depth, np.float32)
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))


def read_depth(
    path: str | pathlib.Path, *, depth_scale: float = 1.0, key: str | None = None
) -> np.ndarray:
    """Returns the depth map of a PNG, NPY, NPZ or PFM file in metres.

    Args:
        path: File; its suffix says its format.
        depth_scale: Metres per stored unit, such as 0.001 for millimetres.
        key: Array of a NPZ file; None for `depth`, or the only one that is there.

    Returns:
        Metres, float32 `[H, W]`; 0 = no measurement, which is also what negative
        and non-finite values become.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the suffix is another one, the file is cut off, or it does
            not hold one number a pixel.
    """
    # Scaled in float64: a float32 product is off by one bit now and then.
    with np.errstate(over="ignore", invalid="ignore"):
        metres = _read_map(path, key) * depth_scale
    return measured_depth(metres)


def read_relative_depth(
    path: str | pathlib.Path, *, key: str | None = None
) -> np.ndarray:
    """Returns the depth or inverse depth of a file in its own unit.

    0 and negative values mean as much as others, since their origin is arbitrary.

    Args:
        path: File; its suffix says its format.
        key: As for `read_depth`.

    Returns:
        Stored values, float32 `[H, W]`; NaN = no value, which is also what infinity
        becomes.

    Raises:
        FileNotFoundError: As `read_depth`.
        ValueError: As `read_depth`.
    """
    with np.errstate(over="ignore"):
        values = _read_map(path, key).astype(np.float32)
    return np.where(np.isfinite(values), values, np.float32(np.nan))


def _read_map(path: str | pathlib.Path, key: str | None) -> np.ndarray:
    """Returns the stored numbers of a file, float64 `[H, W]`."""
    path = pathlib.Path(path)
    suffix = path.suffix.lower()
    _check_suffix(path)
    if not path.is_file():
        raise FileNotFoundError(f"The depth file {path} does not exist.")
    stored = _read_npz(path, key) if suffix == ".npz" else _READERS[suffix](path)
    if stored.ndim == 3 and stored.shape[2] == 1:
        stored = stored[..., 0]
    if stored.ndim != 2 or stored.dtype.kind not in "iuf" or not stored.size:
        raise ValueError(
            f"{path} must hold one number a pixel, [H, W]. It holds {stored.dtype} "
            f"{stored.shape}; a coloured depth picture cannot be turned into metres."
        )
    return stored.astype(np.float64)


def _check_suffix(path: pathlib.Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"{path} must be a depth file with one of the suffixes "
            f"{', '.join(SUFFIXES)}."
        )


def _write_npz(file: BinaryIO, depth: np.ndarray) -> None:
    np.savez(file, depth=depth)


def _write_pfm(file: BinaryIO, depth: np.ndarray) -> None:
    """Writes little-endian float32, the bottom row first."""
    height, width = depth.shape
    file.write(f"Pf\n{width} {height}\n-1.0\n".encode())
    file.write(depth[::-1].astype("<f4").tobytes())


_WRITERS = {".npy": np.save, ".npz": _write_npz, ".pfm": _write_pfm}


def write_depth(
    path: str | pathlib.Path, depth: np.ndarray, *, depth_scale: float = 0.001
) -> None:
    """Writes a depth map in the format that the suffix says, whole or not at all.

    NPY, NPZ (key `depth`) and PFM hold it as it is, in float32.

    Args:
        path: File to write; its folder is made if it is missing.
        depth: `[H, W]`.
        depth_scale: Unit of a PNG, see `write_depth_png`.

    Raises:
        ValueError: If the suffix or the shape is another one.
    """
    path = pathlib.Path(path)
    _check_suffix(path)
    if path.suffix.lower() == ".png":
        write_depth_png(path, depth, depth_scale=depth_scale)
        return
    if np.ndim(depth) != 2:
        raise ValueError(f"`depth` must be [H, W]. Received: {np.shape(depth)}.")
    with write_whole(path) as temporary, temporary.open("wb") as file:
        _WRITERS[path.suffix.lower()](file, np.asarray(depth, np.float32))


def write_depth_png(
    path: str | pathlib.Path, depth: np.ndarray, *, depth_scale: float = 0.001
) -> None:
    """Writes a depth map as a 16-bit PNG, in millimetres if nothing else is said.

    The file appears whole or not at all. Depth over 65535 units, 65.535 m in
    millimetres, is stored as 65535.

    Args:
        path: File to write, with the suffix `.png`.
        depth: Metres, `[H, W]`; 0, negative and non-finite = no measurement.
        depth_scale: Metres per stored unit.

    Raises:
        ValueError: If the suffix or the shape is another one.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() != ".png" or np.ndim(depth) != 2:
        raise ValueError(
            f"`depth` must be [H, W] and the file a .png. Received: {np.shape(depth)} "
            f"for {path}."
        )
    scaled = np.rint(measured_depth(depth).astype(np.float64) / depth_scale)
    stored = np.minimum(scaled, _PNG_MAX).astype(np.uint16)
    _, png = cv2.imencode(".png", stored)
    with write_whole(path) as temporary:
        temporary.write_bytes(png.tobytes())
