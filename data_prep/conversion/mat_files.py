"""Variables of MATLAB files up to version 7 (those of 7.3 are HDF5)."""

import pathlib
import zlib

import numpy as np
import scipy.io

from data_prep.conversion.raw_files import require_file

# Errors that SciPy raises for truncated, damaged or foreign files.
_UNREADABLE = (
    scipy.io.matlab.MatReadError,
    zlib.error,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    AttributeError,
    NameError,
    NotImplementedError,
    MemoryError,  # The file claims a size that exceeds the memory.
)


def read_variable(path: str | pathlib.Path, variable: str) -> np.ndarray:
    """Returns one numeric variable of a MATLAB file.

    Args:
        path: File in the format of MATLAB version 4 to 7.
        variable: Name in the file.

    Returns:
        Array of numbers.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be read or lacks the variable, or if the variable
            is not a dense array of numbers.
    """
    require_file(path, "Fetch it with `python -m data_prep.download`.")
    try:
        variables = scipy.io.loadmat(path, variable_names=[variable])
    except _UNREADABLE as error:
        raise ValueError(
            f"{path} must be a whole MATLAB file; it cannot be read ({error}). Fetch "
            "or unpack it again."
        ) from error
    if variable not in variables:
        raise ValueError(
            f"{path} must hold the variable {variable!r}; it does not. Fetch or unpack "
            "it again."
        )
    array = variables[variable]
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        raise ValueError(
            f"{path} must hold an array of numbers in {variable!r}; it holds another "
            f"type, {getattr(array, 'dtype', type(array).__name__)}. Fetch it again."
        )
    return array
