"""Reads and writes prediction files, of this library and of other networks.

A predictions folder of `experiments.predict` holds one `<record name>.npz` for each
record of a split, with float32 `[H, W]` arrays in metres. All files have `depth`. If a
network gives gradients, they also have `gradient_x` and `gradient_y` (metres per pixel)
and the `fused` depth. A context network adds `context_depth` and `uncertainty`, the
expected error; a guided network adds `sharp_depth`.
"""

import dataclasses
import pathlib
import unicodedata
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from dpde_tf.files.arrays import drop_single_axes, read_npz
from dpde_tf.files.atomic import atomic_write
from dpde_tf.files.depth_formats import as_map, find_depth_files, read_stored
from dpde_tf.files.depth_units import check_integers_have_scale, scale_integers
from dpde_tf.files.folders import normalized

_PREDICT = "dpde predict"
_NAMES_SHOWN = 3
NO_DEPTH = ("gradient", "uncertainty")
"""How the names of predicted arrays begin that are not depth."""


def some_names(names: Collection[str]) -> str:
    """Returns a few of the names and the number of the others, for a message."""
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
    """Returns arrays of one prediction file.

    Args:
        path: The `.npz` file.
        keys: Keys of the arrays; None for all.
        optional: Keys of further arrays, which are returned if the file has them.
        depth_scale: Metres per unit, for arrays of integers.

    Returns:
        Arrays by key, float32 `[H, W]`, without further axes of length 1.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is damaged or lacks a key, or if an array is not
            `[H, W]` or holds integers and no scale is given.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist. Run `{_PREDICT}`.")
    arrays = _load(path)
    if missing := [key for key in keys or () if key not in arrays]:
        raise ValueError(
            f"{path} has no array {', '.join(missing)}; it has: {', '.join(arrays)}. "
            "Choose with `keys`."
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
    # Numbers too large for float32 become infinite.
    with np.errstate(over="ignore"):
        return metres.astype(np.float32)


def _load(path: pathlib.Path) -> dict[str, np.ndarray]:
    """All arrays of an NPZ file."""
    try:
        return read_npz(path)
    except ValueError as error:
        raise ValueError(
            f"{error} If `{_PREDICT}` wrote it, delete it and run that again."
        ) from error


def prediction_path(folder: str | pathlib.Path, name: str | bytes) -> pathlib.Path:
    """Returns the path of the prediction file of a record.

    Args:
        folder: The predictions folder.
        name: Name of the record, from the manifest or from the record itself.

    Returns:
        `<folder>/<name>.npz`, in the Unicode normal form of the existing file, if any.

    Raises:
        ValueError: If the name is not a valid file name.
    """
    text = name if isinstance(name, str) else name.decode(errors="replace")
    if not text or "\0" in text or pathlib.PurePath(text).name != text:
        raise ValueError(
            f"The record name {text!r} cannot be the name of a file in {folder}. "
            "Convert the raw data again."
        )
    forms = (text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD")))
    paths = [pathlib.Path(folder) / f"{form}.npz" for form in forms]
    return next((path for path in paths if path.is_file()), paths[0])


def read_predicted_depths(
    folders: Sequence[str | pathlib.Path], names: Sequence[str]
) -> np.ndarray | None:
    """Returns the predicted depth of records, each from the first folder that has it.

    Args:
        folders: Predictions folders.
        names: Names of the records.

    Returns:
        Metres, float32 `[N, H, W, 1]`; 0 for a record that no folder has. None if
        `folders` is empty.

    Raises:
        FileNotFoundError: If a folder does not exist, or none has any of the records.
        ValueError: If a file is damaged, or the maps differ in size.
    """
    if not folders:
        return None
    if missing := [folder for folder in folders if not pathlib.Path(folder).is_dir()]:
        raise FileNotFoundError(
            f"The folder {missing[0]} of predictions does not exist. Run `{_PREDICT} "
            "--split=train --held_out`, or name another."
        )
    depths = {}
    for index, name in enumerate(names):
        paths = [prediction_path(folder, name) for folder in folders]
        if path := next((path for path in paths if path.is_file()), None):
            depths[index] = read_prediction(path, ["depth"])["depth"]
    sizes = {depth.shape for depth in depths.values()}
    if not sizes:
        raise FileNotFoundError(
            f"None of {', '.join(map(str, folders))} has a prediction for any of these "
            f"records. Run `{_PREDICT} --split=train --held_out`."
        )
    if len(sizes) > 1:
        raise ValueError(
            f"The predictions in {', '.join(map(str, folders))} must have one size. "
            f"Received: {sorted(sizes)}."
        )
    result = np.zeros([len(names), *sizes.pop(), 1], np.float32)
    for index, depth in depths.items():
        result[index, ..., 0] = depth
    return result


def write_prediction(
    path: str | pathlib.Path, arrays: Mapping[str, np.ndarray]
) -> None:
    """Writes the prediction file of one image.

    Args:
        path: The `.npz` file.
        arrays: Arrays by key, float32 `[H, W]`.
    """
    with atomic_write(path) as temporary:
        np.savez(temporary, **arrays)


@dataclasses.dataclass(frozen=True)
class PredictionFolder:
    """Predicted depth of any network, with one file per image.

    Attributes:
        directory: The folder.
        files: Depth files by normalized stem.
        depth_scale: Metres per stored integer; None if no file holds integers.
    """

    directory: pathlib.Path
    files: dict[str, pathlib.Path]
    depth_scale: float | None = None

    @classmethod
    def open(
        cls,
        directory: str | pathlib.Path,
        *,
        depth_scale: float | None = None,
        option: str = "predictions",
    ) -> "PredictionFolder":
        """Opens a folder of predictions.

        Args:
            directory: The folder.
            depth_scale: Metres per stored integer; required for PNG files.
            option: Name of the option that gives the folder, for messages.

        Returns:
            The opened folder.

        Raises:
            FileNotFoundError: If the folder does not exist, or holds no depth file.
            ValueError: If two files have the same stem, or PNG files lack a scale.
        """
        remedy = f"Run `{_PREDICT}`, or choose another with `{option}`."
        files = find_depth_files(directory, remedy=remedy)
        check_integers_have_scale(files.values(), depth_scale, flag="depth_scale")
        return cls(pathlib.Path(directory), files, depth_scale)

    def common_names(
        self, names: Sequence[str], *, allow_partial: bool = False
    ) -> list[str]:
        """Returns the records that have a prediction.

        Args:
            names: Names of the records.
            allow_partial: Whether to ignore records and files without a counterpart.

        Returns:
            Names of the records with a prediction, in the order of the records.

        Raises:
            FileNotFoundError: If files are missing and `allow_partial` is False.
            ValueError: If files have no record and `allow_partial` is False, or if no
                file has a record.
        """
        common = [name for name in names if normalized(name) in self.files]
        missing = set(names) - set(common)
        extra = set(self.files) - set(map(normalized, common))
        if missing and not allow_partial:
            raise FileNotFoundError(
                f"{self.directory} lacks {len(missing)} of {len(names)} predictions: "
                f"{some_names(missing)}. Run `{_PREDICT}` on the same split, "
                "or score the others with `allow_partial`."
            )
        if extra and (not allow_partial or not common):
            raise ValueError(
                f"{self.directory} has {len(extra)} predictions without a record in "
                f"the split: {some_names(extra)}. Choose another `split` or `records`, "
                "or ignore them with `allow_partial`."
            )
        return common

    def depth_keys(self) -> list[str]:
        """Returns the keys of the depth maps in the first file, and of no other maps.

        Returns:
            Keys such as `depth` and `fused`; `depth` alone for files without keys.
        """
        path = next(iter(self.files.values()))
        if path.suffix.lower() != ".npz":
            return ["depth"]
        maps = {
            key: array.shape
            for key, array in read_npz(path).items()
            if array.dtype.kind in "iuf" and drop_single_axes(array, 2).ndim == 2
        }
        keys = [key for key in maps if not key.startswith(NO_DEPTH)]
        # Other networks may add masks and matrices of the camera.
        size = maps.get("depth")
        return [key for key in keys if size in (None, maps[key])] or ["depth"]

    def read(self, name: str, keys: Sequence[str]) -> dict[str, np.ndarray]:
        """Returns predicted arrays of one image.

        Args:
            name: Name of the record.
            keys: Keys of the arrays of an NPZ file; `depth` for other files.

        Returns:
            Maps by key, metres, float32 `[H, W]`; NaN = no value.

        Raises:
            ValueError: If the file is damaged or lacks a key, or holds integers and no
                scale is given.
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
