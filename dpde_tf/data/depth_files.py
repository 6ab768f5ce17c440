"""Depth maps in files: 16-bit PNG with a scale, NPY, PFM."""

import pathlib
import re

import cv2
import numpy as np

from dpde_tf.atomic_files import write_whole

_PFM_HEADER = re.compile(rb"Pf\s+(\d+)\s+(\d+)\s+(-?[\d.]+(?:[eE][-+]?\d+)?)\s")
_PNG_MAX = np.iinfo(np.uint16).max


def _read_png(path: pathlib.Path) -> np.ndarray:
    """Returns the stored integers of a PNG with one channel."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if stored is None:
        raise ValueError(f"{path} is not a whole PNG file. Fetch or write it again.")
    return stored


def _read_npy(path: pathlib.Path) -> np.ndarray:
    """Returns the array of a NPY file, which may not hold Python objects."""
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(
            f"{path} is not a whole NPY file of numbers ({error}). Write it again with "
            "`numpy.save`."
        ) from error


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


_READERS = {".png": _read_png, ".npy": _read_npy, ".pfm": _read_pfm}
SUFFIXES = tuple(_READERS)


def measured_depth(depth: np.ndarray) -> np.ndarray:
    """Returns depth with 0 wherever it is not a measurement.

    Args:
        depth: Metres, of any shape and number type.

    Returns:
        Metres, float32, of the same shape; values that are negative or not finite
        have become 0.
    """
    depth = np.asarray(depth, np.float32)
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))


def read_depth(path: str | pathlib.Path, *, depth_scale: float = 1.0) -> np.ndarray:
    """Returns the depth map of a PNG, NPY or PFM file in metres.

    Args:
        path: File; its suffix says its format.
        depth_scale: Metres per stored unit, such as 0.001 for millimetres.

    Returns:
        Metres, float32 `[H, W]`; 0 = no measurement, which is also what negative
        and non-finite values become.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the suffix is another one, the file is cut off, or it does
            not hold one number a pixel.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in _READERS:
        raise ValueError(
            f"{path} must be a depth file with one of the suffixes "
            f"{', '.join(SUFFIXES)}."
        )
    if not path.is_file():
        raise FileNotFoundError(f"The depth file {path} does not exist.")
    stored = _READERS[path.suffix.lower()](path)
    if stored.ndim == 3 and stored.shape[2] == 1:
        stored = stored[..., 0]
    if stored.ndim != 2 or not np.issubdtype(stored.dtype, np.number):
        raise ValueError(
            f"{path} must hold one number a pixel, [H, W]. It holds {stored.dtype} "
            f"{stored.shape}; a coloured depth picture cannot be turned into metres."
        )
    # Scaled in float64: a float32 product is off by one bit now and then.
    return measured_depth(stored.astype(np.float64) * depth_scale)


def write_depth_png(path: str | pathlib.Path, depth: np.ndarray) -> None:
    """Writes a depth map as a 16-bit PNG in millimetres.

    The file appears whole or not at all. Depth over 65.535 m is stored as 65.535 m.

    Args:
        path: File to write, with the suffix `.png`.
        depth: Metres, `[H, W]`; 0, negative and non-finite = no measurement.

    Raises:
        ValueError: If the suffix or the shape is another one.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() != ".png" or np.ndim(depth) != 2:
        raise ValueError(
            f"`depth` must be [H, W] and the file a .png. Received: {np.shape(depth)} "
            f"for {path}."
        )
    scaled = np.rint(1000.0 * measured_depth(depth).astype(np.float64))
    millimetres = np.minimum(scaled, _PNG_MAX).astype(np.uint16)
    _, png = cv2.imencode(".png", millimetres)
    with write_whole(path) as temporary:
        temporary.write_bytes(png.tobytes())
