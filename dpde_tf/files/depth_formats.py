"""Formats of depth files: PNG, TIFF, NPY, NPZ and PFM, and their stored numbers."""

import functools
import pathlib
import re
from collections.abc import Callable

import cv2
import numpy as np

from dpde_tf.files.arrays import drop_single_axes, read_npy, read_npz
from dpde_tf.files.errors import why_no_file
from dpde_tf.files.exif import tiff_number
from dpde_tf.files.folders import files_by_stem, normalized
from dpde_tf.files.images import PNG_START, decode_pixels
from dpde_tf.files.videos import VIDEO_SUFFIXES

_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
# Nine digits are enough; Python raises another error for thousands of digits.
_PFM_HEADER = re.compile(
    rb"Pf\s+(\d{1,9})\s+(\d{1,9})\s+(" + _NUMBER + rb")(?:\r\n|\s)"
)
# Little- and big-endian, classic and with 64-bit offsets (BigTIFF).
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Tag of the bits of a number, if there is one channel; and their place in a PNG.
_TIFF_BITS = 258
_PNG_BITS = 24
_VIDEOS = (*VIDEO_SUFFIXES, ".ogv")
_LOSSY = frozenset((".avif", ".heic", ".heif", ".jpeg", ".jpg", ".webp"))


def _read_picture(
    path: pathlib.Path,
    starts: tuple[bytes, ...],
    kind: str,
    bits_of: Callable[[bytes], int | None],
) -> np.ndarray:
    """Returns the stored numbers of a picture file, in as many bits as it says."""
    data = path.read_bytes()
    stored = None
    # OpenCV ignores the suffix, so it would also decode a JPEG.
    if data.startswith(starts):
        stored = decode_pixels(data, flags=cv2.IMREAD_UNCHANGED)
    if stored is None:
        raise ValueError(
            f"{path} is not a complete {kind} file that OpenCV can decode. Fetch or "
            "write it again, or use NPY."
        )
    if (bits := bits_of(data)) not in (None, 8, 16, 32, 64):
        raise ValueError(
            f"{path} must have 8, 16, 32 or 64 bits for a number; it has {bits}, which "
            "OpenCV would change. Write it again with 16 bits."
        )
    return stored


def _read_png(path: pathlib.Path) -> np.ndarray:
    """Returns the stored integers of a PNG."""
    return _read_picture(path, (PNG_START,), "PNG", lambda data: data[_PNG_BITS])


def _read_tiff(path: pathlib.Path) -> np.ndarray:
    """Returns the stored numbers of a TIFF of one page."""
    bits_of = functools.partial(tiff_number, tag=_TIFF_BITS)
    stored = _read_picture(path, _TIFF_STARTS, "TIFF", bits_of)
    if (pages := cv2.imcount(str(path), cv2.IMREAD_UNCHANGED)) > 1:
        raise ValueError(
            f"{path} must hold one depth map; it is a TIFF of {pages} pages. Write "
            "each to a separate file."
        )
    return stored


def _read_npz(path: pathlib.Path, key: str | None) -> np.ndarray:
    """Returns one array of an NPZ file: the array `key`, the only one, or `depth`."""
    arrays = read_npz(path)
    if key is None:
        key = next(iter(arrays)) if len(arrays) == 1 else "depth"
    if key not in arrays:
        raise ValueError(
            f"{path} has no array {key!r}; it has: {', '.join(arrays)}. Choose one "
            "with `key` (for a reference: `reference_key`)."
        )
    return arrays[key]


def _read_pfm(path: pathlib.Path) -> np.ndarray:
    """Returns the values of a one-channel PFM, top row first.

    The sign of the scale in the header gives the byte order. Its magnitude is ignored,
    since it is not a factor in the Middlebury files.
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


_READERS = {
    ".png": _read_png,
    ".npy": read_npy,
    ".pfm": _read_pfm,
    ".tif": _read_tiff,
    ".tiff": _read_tiff,
}
SUFFIXES = (*_READERS, ".npz")


def read_stored(path: str | pathlib.Path, *, key: str | None = None) -> np.ndarray:
    """Returns the numbers of a depth file as they are stored.

    Args:
        path: File, whose suffix gives the format.
        key: Array of an NPZ file; None for the only array, or `depth` among several.

    Returns:
        Integers or floating-point numbers, `[H, W]`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the suffix is not one of `SUFFIXES`, the file is truncated, or it
            does not hold one number per pixel.
    """
    path = pathlib.Path(path)
    check_suffix(path)
    if not path.is_file():
        raise FileNotFoundError(f"The depth file {path} {why_no_file(path)}.")
    suffix = path.suffix.lower()
    stored = _read_npz(path, key) if suffix == ".npz" else _READERS[suffix](path)
    return as_map(stored, path)


def as_map(stored: np.ndarray, origin: object) -> np.ndarray:
    """Returns an array as a map with one number per pixel.

    Args:
        stored: `[H, W]`, possibly with further axes of length 1 before or after.
        origin: Origin of the array, for messages.

    Returns:
        The same integers or floating-point numbers, `[H, W]`.

    Raises:
        ValueError: If the array has another shape or type.
    """
    result = drop_single_axes(stored, 2)
    if result.ndim == 2 and result.dtype.kind in "iuf" and result.size:
        return result
    message = (
        f"{origin} must hold one number per pixel, [H, W]. It holds {stored.dtype} "
        f"{stored.shape}"
    )
    if result.ndim == 3 and result.shape[2] in (3, 4):
        message += "; a coloured depth picture cannot be turned into metres"
    elif result.ndim > 2:
        message += "; write each map to a separate file"
    raise ValueError(f"{message}.")


def check_suffix(path: pathlib.Path) -> None:
    """Checks that a file has the suffix of a depth file.

    Args:
        path: The file, which need not exist.

    Raises:
        ValueError: If the suffix is not one of `SUFFIXES`; the message names a remedy.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"{path} must be a depth file with one of the suffixes "
            f"{', '.join(SUFFIXES)}. {_remedy(path)}"
        )


def find_depth_files(
    folder: str | pathlib.Path, *, remedy: str
) -> dict[str, pathlib.Path]:
    """Returns the depth files of a folder.

    Args:
        folder: The folder; subfolders and hidden files are ignored.
        remedy: Remedy for an empty or missing folder, a whole sentence.

    Returns:
        Files by stem, as `files_by_stem` returns them.

    Raises:
        FileNotFoundError: If the folder does not exist, or holds no depth file.
        ValueError: If two files have the same stem.
    """
    if files := files_by_stem(folder, SUFFIXES, remedy=remedy):
        return files
    visible = (p for p in sorted(pathlib.Path(folder).iterdir()) if p.name[0] != ".")
    other = next((path for path in visible if path.is_file()), None)
    note = f" It holds files such as {other.name}. {_remedy(other)}" if other else ""
    raise FileNotFoundError(
        f"{folder} holds no depth file ({', '.join(SUFFIXES)}). {remedy}{note}"
    )


def other_format_note(folder: str | pathlib.Path, stem: str) -> str:
    """Returns a note on a file of the wanted stem in an unsupported format.

    Args:
        folder: A folder of depth files.
        stem: Normalized stem that is missing.

    Returns:
        Sentences after a space; an empty string if there is no such file.
    """
    for path in sorted(pathlib.Path(folder).iterdir()):
        if normalized(path.stem) == stem and path.suffix.lower() not in SUFFIXES:
            return f" {path.name} is not read. {_remedy(path)}"
    return ""


def _remedy(path: pathlib.Path) -> str:
    """What to do with a file in an unsupported format."""
    suffix = path.suffix.lower()
    if suffix in _VIDEOS:
        return (
            f"{path.name} is a video, whose compression changes depth: write each "
            "frame of the original as 16-bit PNG or NPY."
        )
    if suffix in _LOSSY:
        return (
            f"The compression of {suffix} changes depth: write the original as 16-bit "
            "PNG or NPY."
        )
    return "Write depth as NPY (`numpy.save`), 16-bit PNG or floating-point TIFF."
