"""Files of predictions, as `experiments/predict.py` writes them.

A predictions folder holds one `<record name>.npz` for each record of a split, with
float32 `[H, W]` arrays: `depth`, and where there is a gradient network `gradient_x`,
`gradient_y` (metres per pixel) and the `fused` depth.
"""

import pathlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from dpde_tf.atomic_files import write_whole
from dpde_tf.data.array_files import read_npz

_PREDICT = "experiments.predict"
_NAMES_SHOWN = 3


def some_names(names: Collection[str]) -> str:
    """Returns a few of the names and how many there are more, for a message."""
    shown = ", ".join(sorted(names)[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return shown + (f" and {more} more" if more > 0 else "")


def read_prediction(
    path: str | pathlib.Path, keys: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Returns arrays of one predictions file.

    Args:
        path: The `.npz` file.
        keys: Which arrays; None for all.

    Returns:
        Key to float32 `[H, W]`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is broken, lacks a key, or an array is not `[H, W]`.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist. Run `python -m {_PREDICT}`.")
    arrays = _load(path)
    if missing := [key for key in keys or () if key not in arrays]:
        raise ValueError(
            f"{path} has no array {', '.join(missing)}; it has: {', '.join(arrays)}. "
            "Choose with --keys."
        )
    arrays = {key: arrays[key] for key in keys or arrays}
    for key, array in arrays.items():
        if array.ndim != 2 or not np.issubdtype(array.dtype, np.floating):
            raise ValueError(
                f"{key!r} in {path} must be floating-point [H, W]. "
                f"Received: {array.dtype} {array.shape}."
            )
    return {key: array.astype(np.float32) for key, array in arrays.items()}


def _load(path: pathlib.Path) -> dict[str, np.ndarray]:
    """All arrays of a NPZ file."""
    try:
        return read_npz(path)
    except ValueError as error:
        raise ValueError(
            f"{error} If it is a prediction of ours, delete it and run "
            f"`python -m {_PREDICT}` again."
        ) from error


def write_prediction(
    path: str | pathlib.Path, arrays: Mapping[str, np.ndarray]
) -> None:
    """Writes the predictions file of one image.

    Args:
        path: The `.npz` file.
        arrays: Key to float32 `[H, W]`.
    """
    with write_whole(path) as temporary:
        np.savez(temporary, **arrays)


def check_prediction_names(
    predictions: str | pathlib.Path, names: Sequence[str]
) -> None:
    """Checks that a folder holds a prediction for each record and no other.

    Args:
        predictions: Folder of `.npz` files.
        names: Names of the records.

    Raises:
        FileNotFoundError: If there is no such folder, or files are missing.
        ValueError: If there are files without a record.
    """
    predictions = pathlib.Path(predictions)
    if not predictions.is_dir():
        raise FileNotFoundError(
            f"The predictions folder {predictions} does not exist. "
            f"Run `python -m {_PREDICT}`, or choose another with --predictions."
        )
    found = {path.stem for path in predictions.glob("*.npz")}
    if missing := set(names) - found:
        raise FileNotFoundError(
            f"{predictions} lacks {len(missing)} of {len(names)} predictions: "
            f"{some_names(missing)}. Run `python -m {_PREDICT}` on the same split."
        )
    if extra := found - set(names):
        raise ValueError(
            f"{predictions} has {len(extra)} predictions without a record in the "
            f"split: {some_names(extra)}. Choose another --split or --records."
        )


def depth_keys(predictions: str | pathlib.Path, names: Sequence[str]) -> list[str]:
    """Returns the keys of the first prediction that hold depth, not gradients.

    Args:
        predictions: Folder of `.npz` files.
        names: Names of the records, at least one.

    Returns:
        Such as `depth` and `fused`.
    """
    arrays = read_prediction(pathlib.Path(predictions) / f"{names[0]}.npz")
    return [key for key in arrays if not key.startswith("gradient")]
