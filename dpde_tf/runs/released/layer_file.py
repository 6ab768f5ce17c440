"""Files of layers as caffe-tensorflow writes them: an NPY with a pickled dictionary."""

import pathlib

import numpy as np

from dpde_tf.files.arrays import read_npy_header
from dpde_tf.runs.released.restricted_pickle import NUMPY_GLOBALS, load_pickle

MAGIC = np.lib.format.MAGIC_PREFIX


def read_layers(path: str | pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the arrays of an `.npy` file of layers.

    Args:
        path: The file; it holds {layer name: {array name: array}}.

    Returns:
        `<layer name>/<array name>` to the array.

    Raises:
        ValueError: If the file holds anything else.
    """
    with pathlib.Path(path).open("rb") as file:
        try:
            shape, dtype, _ = read_npy_header(file)
        except ValueError as error:
            raise _not_layers(path, f"something else: {error}") from error
        if shape != () or not dtype.hasobject:
            raise _not_layers(path, f"an array {shape} of {dtype}")
        content = load_pickle(file, NUMPY_GLOBALS, path=path)
    # An array of shape () whose only element is the dictionary.
    is_scalar = isinstance(content, np.ndarray) and content.shape == ()
    layers = content.item() if is_scalar else content
    return _flatten(path, layers)


def _flatten(path: str | pathlib.Path, layers: object) -> dict[str, np.ndarray]:
    """The arrays by layer and name; refuses what is not two dictionaries deep."""
    if not isinstance(layers, dict):
        raise _not_layers(path, f"a {type(layers).__name__}")
    arrays = {}
    for layer, parts in layers.items():
        if not isinstance(parts, dict):
            raise _not_layers(path, f"a {type(parts).__name__} for {layer!r}")
        arrays |= {f"{layer}/{name}": array for name, array in parts.items()}
    return arrays


def _not_layers(path: str | pathlib.Path, found: str) -> ValueError:
    """The error for a file of something else."""
    return ValueError(
        f"{path} must hold a dictionary of layers, {{name: {{'weights': array}}}}, as "
        f"the released FCRN does. It holds {found}."
    )
