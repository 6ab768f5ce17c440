"""Pickles that may hold data, and nothing that runs."""

import pathlib
import pickle
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np

Globals = Mapping[tuple[str, str], Any]


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes for Python 2; any other encoding is no such text."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"the encoding {encoding!r} is not admitted")
    return text.encode("latin1")


# What the pickle of an array names; NumPy 2 has renamed its modules.
_reconstruct, _ = np.empty(0).__reduce__()[:2]
NUMPY_GLOBALS: Globals = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    """Resolves the admitted names only."""

    def __init__(
        self,
        file: BinaryIO,
        admitted: Globals,
        persistent_load: Callable[[Any], Any] | None,
    ) -> None:
        # Python 2 wrote the bytes of arrays as text.
        super().__init__(file, encoding="latin1")
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


def load_pickle(
    file: BinaryIO,
    admitted: Globals,
    *,
    path: str | pathlib.Path,
    persistent_load: Callable[[Any], Any] | None = None,
) -> Any:
    """Returns the object of a pickle that names nothing but what is admitted.

    Args:
        file: Open file; afterwards it stands behind the pickle.
        admitted: (module, name) to the class or function that it stands for.
        path: Name of the file, for errors.
        persistent_load: Gives what a reference to outside data means.

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
        EOFError,
        ImportError,
        LookupError,
        OverflowError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError(
            f"{path} must hold arrays by name and nothing else; it is refused: {error}."
            " Fetch the released file again."
        ) from error
