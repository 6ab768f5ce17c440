"""Loads pickles that hold only data, without running code from them.

Python's usual unpickler allocates any amount of memory that a few bytes of a pickle
request, and NumPy accepts the state of an array from it unchecked, which can crash the
program or worse. This module therefore uses the slow unpickler that is written in
Python, with a reader that knows the size of the file, and builds arrays from checked
parts.
"""

import collections
import math
import os
import pathlib
import pickle
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, ClassVar

import numpy as np

from dpde_tf.files.errors import one_line

Globals = Mapping[tuple[str, str], Any]

# Truth values, whole numbers, floats; and the object that an array of shape () holds.
# NumPy would take these names for far more, such as lists of fields.
_TYPE = re.compile(r"[biuf]\d{1,2}|O[48]")


def _encode(text: str, encoding: str) -> bytes:
    """Restores bytes that Python 3 wrote for Python 2; refuses other encodings."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"the encoding {encoding!r} is not admitted")
    return text.encode("latin1")


class _PickledType:
    """The type of an array's numbers, of which a pickle gives name and byte order."""

    def __init__(self, name: str, *_: Any) -> None:
        if not _TYPE.fullmatch(name):
            raise pickle.UnpicklingError(f"it holds an array of {name!r}")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple) -> None:
        """Takes the byte order alone."""
        self.dtype = self.dtype.newbyteorder(state[1])


class _PickledArray(np.ndarray):
    """An array that checks what a pickle says about it."""

    def __setstate__(self, state: tuple) -> None:
        """Takes (version, shape, type, order, bytes; or a list for one object)."""
        version, shape, kind, fortran_order, content = state
        if version != 1 or not isinstance(kind, _PickledType):
            raise pickle.UnpicklingError("it holds an array of another version")
        if kind.dtype.hasobject:
            whole = shape == () and isinstance(content, list) and len(content) == 1
        else:
            content = _as_bytes(content)
            whole = min(shape, default=0) >= 0
            whole &= len(content) == math.prod(shape) * kind.dtype.itemsize
        if not whole:
            raise pickle.UnpicklingError(f"an array {shape} is not whole")
        super().__setstate__((1, shape, kind.dtype, bool(fortran_order), content))


def _as_bytes(content: Any) -> bytes:
    """The numbers of an array; Python 2 wrote them as text."""
    if isinstance(content, str):
        content = content.encode("latin1")
    if not isinstance(content, bytes):
        raise pickle.UnpicklingError("it holds an array without numbers")
    return content


def _new_array(*_: Any) -> np.ndarray:
    """An array without content, whatever is asked for; the content comes later."""
    return _PickledArray((0,), np.uint8)


def _new_type(name: str, *_: Any) -> _PickledType:
    return _PickledType(name)


# What the pickle of an array names; NumPy 2 has renamed its modules.
NUMPY_GLOBALS: Globals = {
    ("numpy", "ndarray"): None,  # An argument of `_reconstruct` alone.
    ("numpy", "dtype"): _new_type,
    ("numpy.core.multiarray", "_reconstruct"): _new_array,
    ("numpy._core.multiarray", "_reconstruct"): _new_array,
    ("_codecs", "encode"): _encode,
}


class _BoundedReader:
    """A file that refuses to read more than it has, before room is made for it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        start = file.tell()
        self._end = file.seek(0, os.SEEK_END)
        file.seek(start)

    def read(self, count: int) -> bytes:
        """Returns so many bytes."""
        if not 0 <= count <= self._end - self._file.tell():
            raise EOFError("it is cut off")
        return self._file.read(count)

    def readline(self) -> bytes:
        """Returns the rest of a line."""
        return self._file.readline()


class _Unpickler(pickle._Unpickler):
    """Resolves the admitted names only, and changes no function or class."""

    dispatch: ClassVar = dict(pickle._Unpickler.dispatch)
    # It makes room before it reads.
    del dispatch[pickle.BYTEARRAY8[0]]

    def __init__(
        self,
        file: BinaryIO,
        admitted: Globals,
        persistent_load: Callable[[Any], Any] | None,
    ) -> None:
        # Python 2 wrote the bytes of arrays as text.
        super().__init__(_BoundedReader(file), encoding="latin1")
        self._admitted = admitted
        self._persistent_load = persistent_load

    def find_class(self, module: str, name: str) -> Any:
        """Returns the class or function of that name."""
        if (module, name) not in self._admitted:
            raise pickle.UnpicklingError(
                f"it names {module}.{name}, which could run any code"
            )
        return self._admitted[module, name]

    def persistent_load(self, reference: Any) -> Any:
        """Returns what a reference to data outside the pickle means."""
        if self._persistent_load is None:
            raise pickle.UnpicklingError("it refers to data outside of it")
        return self._persistent_load(reference)

    def _load_build(self) -> None:
        """Sets the state of an object, if it is one of data."""
        data = (_PickledArray, _PickledType, collections.OrderedDict)
        if not isinstance(self.stack[-2], data):
            raise pickle.UnpicklingError(f"it changes a {type(self.stack[-2])}")
        self.load_build()

    dispatch[pickle.BUILD[0]] = _load_build


def load_pickle(
    file: BinaryIO,
    admitted: Globals,
    *,
    path: str | pathlib.Path,
    persistent_load: Callable[[Any], Any] | None = None,
) -> Any:
    """Returns the object of a pickle that names nothing but what is admitted.

    Args:
        file: Open file; afterwards, it is positioned just behind the pickle.
        admitted: Allowed classes and functions by (module, name).
        path: Path of the file, for messages.
        persistent_load: Resolves a reference to data outside of the pickle.

    Returns:
        The object.

    Raises:
        ValueError: If the pickle is broken, or names anything else.
    """
    try:
        return _Unpickler(file, admitted, persistent_load).load()
    # Python's manual: other exceptions may be raised for broken pickles.
    except (
        pickle.UnpicklingError,
        AttributeError,
        AssertionError,
        EOFError,
        ImportError,
        LookupError,
        OverflowError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise ValueError(
            f"{path} must hold arrays by name and nothing else; it is refused: "
            f"{one_line(error)}. Fetch the released file again."
        ) from error
