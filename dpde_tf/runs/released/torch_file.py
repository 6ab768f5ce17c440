"""State dictionaries that PyTorch wrote, read without PyTorch.

Since version 1.6, `torch.save` writes a ZIP archive: `<name>/data.pkl`, a pickle of the
dictionary in which tensors refer to storages, and `<name>/data/<key>`, the numbers of
each storage. Earlier versions wrote a sequence of pickles: a magic number, the version
of the format, properties of the machine, the dictionary, and the list of storage keys.
A 64-bit count and the numbers followed for each key.
"""

import collections
import math
import os
import pathlib
import pickle
import zipfile
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from dpde_tf.files.errors import BAD_ZIP, one_line
from dpde_tf.runs.released.restricted_pickle import load_pickle

ZIP_MAGIC = b"PK\x03\x04"
# The first bytes of the older files: a pickle of the number 0x1950a86a20f9469cfc6c.
LEGACY_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_LEGACY_VERSION = 1001


def read_state_dict(path: str | pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the arrays of a file that `torch.save(model.state_dict())` wrote.

    Args:
        path: The file, in either format.

    Returns:
        Name to array.

    Raises:
        ValueError: If the file is cut off, or holds anything but tensors by name.
    """
    path = pathlib.Path(path)
    with path.open("rb") as file:
        read = _read_zip if file.read(len(ZIP_MAGIC)) == ZIP_MAGIC else _read_legacy
        file.seek(0)
        content = read(file)
    if not isinstance(content, dict):
        raise _broken(path, f"it holds a {type(content).__name__}")
    others = [k for k, value in content.items() if not isinstance(value, np.ndarray)]
    if not _are_texts(list(content)):
        raise _broken(path, "a name in it is no text")
    if others:
        raise _broken(path, f"{others[0]!r} is not a tensor")
    return dict(content)


class _Storages:
    """The storages that a pickle refers to; their numbers come later."""

    def __init__(self, file: BinaryIO) -> None:
        self._path = pathlib.Path(file.name)
        self._left = os.fstat(file.fileno()).st_size
        self.arrays: dict[str, np.ndarray] = {}

    def __call__(self, reference: Any) -> np.ndarray:
        """Returns the array of ('storage', type, key, device, count[, view])."""
        kind, dtype, key, _, count, *view = reference
        if kind != "storage" or not isinstance(dtype, np.dtype) or any(view):
            raise pickle.UnpicklingError(f"it refers to {reference}")
        if key not in self.arrays:
            self._left -= count * dtype.itemsize
            if self._left < 0:
                raise pickle.UnpicklingError(f"it is cut off before storage {key}")
            self.arrays[key] = np.empty(count, dtype)
        return self.arrays[key]

    def fill(self, key: str, data: bytes) -> None:
        """Puts the numbers of a storage in their place."""
        storage = self.arrays[key]
        if len(data) != storage.nbytes:
            raise _broken(self._path, f"it is cut off in storage {key}")
        storage[:] = np.frombuffer(data, storage.dtype)


def _read_zip(file: BinaryIO) -> Any:
    """The object in a file of PyTorch 1.6 or later."""
    try:
        with zipfile.ZipFile(file) as archive:
            return _read_archive(archive, file)
    except BAD_ZIP as error:
        if str(file.name) in str(error):  # Ours.
            raise
        raise _broken(file.name, str(error)) from error


def _read_archive(archive: zipfile.ZipFile, file: BinaryIO) -> Any:
    """The object in the archive that a file is."""
    storages = _Storages(file)
    names = set(archive.namelist())
    pickles = [name for name in names if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise _broken(file.name, "the archive has no data.pkl")
    folder = pickles[0].removesuffix("data.pkl")
    order = f"{folder}byteorder"
    if order in names and archive.read(order) != b"little":
        raise _broken(file.name, "its numbers are big-endian")
    with archive.open(pickles[0]) as pickled:
        content = load_pickle(
            pickled, _GLOBALS, path=file.name, persistent_load=storages
        )
    for key, storage in storages.arrays.items():
        name = f"{folder}data/{key}"
        if name not in names:
            raise _broken(file.name, f"it lacks storage {key}")
        if archive.getinfo(name).file_size != storage.nbytes:
            raise _broken(file.name, f"it is cut off in storage {key}")
        storages.fill(key, archive.read(name))
    return content


def _read_legacy(file: BinaryIO) -> Any:
    """The object in a file of PyTorch before 1.6."""
    storages = _Storages(file)

    def load() -> Any:
        return load_pickle(file, _GLOBALS, path=file.name, persistent_load=storages)

    if file.read(len(LEGACY_MAGIC)) != LEGACY_MAGIC:
        raise _broken(file.name, "it begins otherwise")
    version, machine, content, keys = load(), load(), load(), load()
    little_endian = isinstance(machine, dict) and machine.get("little_endian")
    if version != _LEGACY_VERSION or not little_endian or not _are_texts(keys):
        raise _broken(file.name, f"its format is {version} of {machine}")
    for key in keys:
        storage = storages.arrays.get(key)
        count = int.from_bytes(file.read(8), "little")
        if storage is None or count != storage.size:
            raise _broken(file.name, f"it is cut off before storage {key}")
        storages.fill(key, file.read(storage.nbytes))
    if missing := storages.arrays.keys() - set(keys):
        raise _broken(file.name, f"it lacks storage {next(iter(missing))}")
    return content


def _are_texts(keys: Any) -> bool:
    """Whether this is a list of texts."""
    return isinstance(keys, list) and all(isinstance(key, str) for key in keys)


def _tensor(
    storage: np.ndarray,
    offset: int,
    shape: Sequence[int],
    strides: Sequence[int],
    *_: Any,
) -> np.ndarray:
    """The part of a storage that a tensor is, without leaving its bounds."""
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if 0 not in shape and (min(offset, *strides, 0) < 0 or last >= storage.size):
        raise ValueError(f"a tensor reaches to {last} of a storage of {storage.size}")
    if math.prod(shape) > storage.size:
        raise ValueError(f"a tensor {shape} is larger than its storage")
    return np.lib.stride_tricks.as_strided(
        storage[offset:], shape, [s * storage.itemsize for s in strides]
    )


_GLOBALS = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch", "HalfStorage"): np.dtype("<f2"),
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "DoubleStorage"): np.dtype("<f8"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


def _broken(path: str | pathlib.Path, reason: str) -> ValueError:
    """The error for a file that is not as it should be."""
    return ValueError(
        f"{path} must be a file of `torch.save(model.state_dict(), ...)`; "
        f"{one_line(reason)}. Fetch the released file again."
    )
