"""Units of depth files: integers need a scale, floating-point numbers are metres."""

import math
import pathlib
from collections.abc import Collection

import numpy as np

from dpde_tf.files.depth_formats import read_stored


def scale_integers(
    stored: np.ndarray, origin: object, depth_scale: float | None
) -> np.ndarray:
    """Returns stored numbers in metres.

    Args:
        stored: Integers, or floating-point numbers, which are metres.
        origin: Origin of the numbers, for messages.
        depth_scale: Metres per integer; None if no integers are expected.

    Returns:
        Metres, float64, a new array of the same shape.

    Raises:
        ValueError: If the numbers are integers and there is no scale.
    """
    if stored.dtype.kind == "f":
        return stored.astype(np.float64)
    if depth_scale is None:
        option = "`depth_scale` (of a reference: `reference_scale`)"
        problem = f"{origin} holds {stored.dtype} integers"
        raise ValueError(_needs_scale(problem, option))
    # In float64: a float32 product is sometimes off by one bit.
    return stored * np.float64(depth_scale)


def check_integers_have_scale(
    files: Collection[pathlib.Path],
    depth_scale: float | None,
    *,
    flag: str,
    key: str | None = None,
) -> None:
    """Checks that a scale is given if the first file, PNG files first, holds integers.

    `scale_integers` raises an error for integers in the other files.

    Args:
        files: Depth files.
        depth_scale: Metres per integer.
        flag: Name of the flag for the scale, such as `depth_scale`.
        key: Array of NPZ files.

    Raises:
        ValueError: If the scale is missing or not a positive number.
    """
    if depth_scale is not None:
        check_positive(depth_scale, flag)
        return
    for path in _png_first(files)[:1]:
        if _kind_of_numbers(path, key) == "integers":
            raise ValueError(_needs_scale(f"{path} holds integers", f"`{flag}`"))


def check_scale_has_integers(
    files: Collection[pathlib.Path],
    depth_scale: float | None,
    *,
    flag: str,
    key: str | None = None,
) -> None:
    """Checks that a scale is given only if some file holds integers.

    Args:
        files: Depth files.
        depth_scale: Metres per integer; 1 and None are always accepted.
        flag: Name of the flag for the scale, such as `depth_scale`.
        key: Array of NPZ files.

    Raises:
        ValueError: If all files hold floating-point numbers, which are metres.
    """
    if depth_scale in (None, 1.0) or not files:
        return
    ordered = _png_first(files)
    if all(_kind_of_numbers(path, key) == "metres" for path in ordered):
        raise ValueError(
            f"`{flag}={depth_scale:g}` is for integers; {ordered[0]} and all others "
            "hold floating-point numbers, which are metres. Omit the flag, or write "
            "the files in metres."
        )


def _png_first(files: Collection[pathlib.Path]) -> list[pathlib.Path]:
    return sorted(files, key=lambda path: path.suffix.lower() != ".png")


def _kind_of_numbers(path: pathlib.Path, key: str | None) -> str:
    """`integers` or `metres`; an empty string if the file cannot be read."""
    if path.suffix.lower() == ".png":
        return "integers"
    try:
        return "metres" if read_stored(path, key=key).dtype.kind == "f" else "integers"
    except (ValueError, OSError):
        return ""


def _needs_scale(problem: str, option: str) -> str:
    return (
        f"{problem}. Give the metres per integer with {option}, 0.001 for millimetres, "
        "or write depth as floating-point metres."
    )


def check_positive(depth_scale: float, flag: str = "depth_scale") -> None:
    """Checks that a scale is a positive number.

    Args:
        depth_scale: Metres per stored unit.
        flag: Name of the flag for the scale.

    Raises:
        ValueError: If the scale is not positive and finite.
    """
    if not 0 < depth_scale < math.inf:
        raise ValueError(
            f"`{flag}` must be the metres per stored unit, a positive number. "
            f"Received: {depth_scale}."
        )
