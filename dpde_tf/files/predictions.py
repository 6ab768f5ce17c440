"""Files of predictions, of `experiments/predict.py` and of any other network.

A predictions folder of ours holds one `<record name>.npz` for each record of a split,
with float32 `[H, W]` arrays: `depth`, and where there is a gradient network
`gradient_x`, `gradient_y` (metres per pixel) and the `fused` depth.
"""

import dataclasses
import pathlib
import unicodedata
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from dpde_tf.files.arrays import read_npz
from dpde_tf.files.atomic import write_whole
from dpde_tf.files.depth_formats import as_map, find_depth_files, read_stored
from dpde_tf.files.depth_units import check_integers_have_scale, scale_integers
from dpde_tf.files.folders import normalized

_PREDICT = "experiments.predict"
_NAMES_SHOWN = 3


def some_names(names: Collection[str]) -> str:
    """Returns a few of the names and how many there are more, for a message."""
    shown = ", ".join(sorted(names)[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return shown + (f" and {more} more" if more > 0 else "")


def read_prediction(
    path: str | pathlib.Path,
    keys: Sequence[str] | None = None,
    *,
    optional: Sequence[str] = (),
    depth_scale: float | None = None,
) -> dict[str, np.ndarray]:
    """Returns arrays of one predictions file.

    Args:
        path: The `.npz` file.
        keys: Which arrays; None for all.
        optional: Arrays that come besides `keys`, where the file has them.
        depth_scale: Metres per unit of arrays of integers.

    Returns:
        Key to float32 `[H, W]`; axes of length 1 before and behind are dropped.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is broken, lacks a key, or an array is not `[H, W]`, or
            holds integers without a scale.
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
    if keys:
        chosen = [*keys, *(key for key in optional if key in arrays)]
        arrays = {key: arrays[key] for key in chosen}
    return {
        key: _metres(array, f"{key!r} in {path}", depth_scale)
        for key, array in arrays.items()
    }


def _metres(stored: np.ndarray, origin: str, depth_scale: float | None) -> np.ndarray:
    """A map in metres, or metres per pixel, in float32."""
    metres = scale_integers(as_map(stored, origin), origin, depth_scale)
    # What is too large for float32 becomes infinite.
    with np.errstate(over="ignore"):
        return metres.astype(np.float32)


def _load(path: pathlib.Path) -> dict[str, np.ndarray]:
    """All arrays of a NPZ file."""
    try:
        return read_npz(path)
    except ValueError as error:
        raise ValueError(
            f"{error} If it is a prediction of ours, delete it and run "
            f"`python -m {_PREDICT}` again."
        ) from error


def prediction_path(folder: str | pathlib.Path, name: str | bytes) -> pathlib.Path:
    """Returns the predictions file of a record.

    Args:
        folder: The predictions folder.
        name: Name of the record, as its manifest or the record itself gives it.

    Returns:
        `<folder>/<name>.npz`; of the same name in other Unicode characters, if only
        that is there.

    Raises:
        ValueError: If that is no file right in the folder.
    """
    text = name if isinstance(name, str) else name.decode(errors="replace")
    if not text or "\0" in text or pathlib.PurePath(text).name != text:
        raise ValueError(
            f"The record {text!r} cannot give a file of {folder} its name. Convert the "
            "raw data again."
        )
    forms = (text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD")))
    paths = [pathlib.Path(folder) / f"{form}.npz" for form in forms]
    return next((path for path in paths if path.is_file()), paths[0])


def read_predicted_depths(
    folders: Sequence[str | pathlib.Path], names: Sequence[str]
) -> np.ndarray | None:
    """Returns the predicted depth of records, from the first folder that has it.

    Args:
        folders: Predictions folders.
        names: Names of the records.

    Returns:
        Metres, float32 `[N, H, W]` with a last axis of 1, 0 for a record that none of
        the folders has; None without folders.

    Raises:
        FileNotFoundError: If none of the folders has any of the records.
        ValueError: If a file is broken, or two differ in size.
    """
    if not folders:
        return None
    depths = {}
    for index, name in enumerate(names):
        paths = [prediction_path(folder, name) for folder in folders]
        if path := next((path for path in paths if path.is_file()), None):
            depths[index] = read_prediction(path, ["depth"])["depth"]
    sizes = {depth.shape for depth in depths.values()}
    if not sizes:
        raise FileNotFoundError(
            f"None of {', '.join(map(str, folders))} has a prediction of one of these "
            f"records. Run `python -m {_PREDICT} --split=train --held_out`."
        )
    if len(sizes) > 1:
        raise ValueError(
            f"The predictions in {', '.join(map(str, folders))} must be of one size. "
            f"Received: {sorted(sizes)}."
        )
    result = np.zeros([len(names), *sizes.pop(), 1], np.float32)
    for index, depth in depths.items():
        result[index, ..., 0] = depth
    return result


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


@dataclasses.dataclass(frozen=True)
class PredictionFolder:
    """Predicted depth of any network, one file an image, by stem.

    Attributes:
        directory: The folder.
        files: Normalized stem to a depth file.
        depth_scale: Metres per stored integer; None = there are none.
    """

    directory: pathlib.Path
    files: dict[str, pathlib.Path]
    depth_scale: float | None = None

    @classmethod
    def open(
        cls, directory: str | pathlib.Path, *, depth_scale: float | None = None
    ) -> "PredictionFolder":
        """Returns a folder of predictions.

        Args:
            directory: The folder.
            depth_scale: Metres per stored integer, which PNG files need.

        Returns:
            Its depth files.

        Raises:
            FileNotFoundError: If there is no such folder, or no depth file in it.
            ValueError: If two files have the same stem, or a PNG comes without a scale.
        """
        remedy = f"Run `python -m {_PREDICT}`, or choose another with --predictions."
        files = find_depth_files(directory, remedy=remedy)
        check_integers_have_scale(files.values(), depth_scale, flag="depth_scale")
        return cls(pathlib.Path(directory), files, depth_scale)

    def common_names(
        self, names: Sequence[str], *, allow_partial: bool = False
    ) -> list[str]:
        """Returns the records that have a prediction.

        Args:
            names: Names of the records.
            allow_partial: Leave out records and files without a counterpart.

        Returns:
            Their names, in the order of the records.

        Raises:
            FileNotFoundError: If files are missing and all are asked for.
            ValueError: If there are files without a record and none is allowed, or no
                file has one.
        """
        common = [name for name in names if normalized(name) in self.files]
        missing = set(names) - set(common)
        extra = set(self.files) - set(map(normalized, common))
        if missing and not allow_partial:
            raise FileNotFoundError(
                f"{self.directory} lacks {len(missing)} of {len(names)} predictions: "
                f"{some_names(missing)}. Run `python -m {_PREDICT}` on the same split, "
                "or score the others with --allow_partial."
            )
        if extra and (not allow_partial or not common):
            raise ValueError(
                f"{self.directory} has {len(extra)} predictions without a record in "
                f"the split: {some_names(extra)}. Choose another --split or --records, "
                "or leave them out with --allow_partial."
            )
        return common

    def depth_keys(self) -> list[str]:
        """Returns the keys of the first file that hold depth, not gradients.

        Returns:
            Such as `depth` and `fused`; `depth` alone for files without keys.
        """
        path = next(iter(self.files.values()))
        if path.suffix.lower() != ".npz":
            return ["depth"]
        arrays = read_prediction(path, depth_scale=self.depth_scale)
        return [key for key in arrays if not key.startswith("gradient")]

    def read(self, name: str, keys: Sequence[str]) -> dict[str, np.ndarray]:
        """Returns predicted arrays of one image.

        Args:
            name: Name of the record.
            keys: Arrays of a NPZ file; `depth` for other files.

        Returns:
            Key to metres, float32 `[H, W]`; NaN = no value.

        Raises:
            ValueError: If the file is broken, lacks a key, or holds integers without
                a scale.
        """
        path = self.files[normalized(name)]
        if path.suffix.lower() == ".npz":
            return read_prediction(path, keys, depth_scale=self.depth_scale)
        if set(keys) == {"depth"}:
            return {"depth": _metres(read_stored(path), str(path), self.depth_scale)}
        raise ValueError(
            f"{path} holds one map, called 'depth'. Received the keys: "
            f"{', '.join(keys)}."
        )
