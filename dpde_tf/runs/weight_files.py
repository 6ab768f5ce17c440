"""Files of weights, `*.weights.h5`: checked before Keras takes them in."""

import hashlib
import pathlib

import h5py
import keras
import numpy as np

from dpde_tf.files.errors import one_line
from dpde_tf.files.hdf5 import (
    DAMAGED,
    check_stored_in_file,
    locked_error,
    open_to_read,
)

# Attribute of the file, which Keras does not look at.
_CHECKSUM = "dpde_tf_sha256"


def add_checksum(path: str | pathlib.Path) -> None:
    """Notes the SHA-256 of all arrays in a file of weights, for `load_weights`.

    Args:
        path: A file that `keras.Model.save_weights` has just written.
    """
    with h5py.File(path, "r+") as file:
        file.attrs[_CHECKSUM] = _sha256(file)


def load_weights(
    network: keras.Model, path: str | pathlib.Path, *, remedy: str
) -> None:
    """Sets the weights of a network to those of a file with these layers and no others.

    Nothing in the file is run, and nothing outside of it is read.

    Args:
        network: The network.
        path: An existing file that `keras.Model.save_weights` wrote; the optimiser's
            arrays are left alone.
        remedy: What to do if it is damaged or of another network, a whole sentence.

    Raises:
        BlockingIOError: If another program has it open to write.
        ValueError: If it is damaged, or of another network.
    """
    path = pathlib.Path(path)
    try:
        with open_to_read(path) as file:
            count = len(array_sizes(file, path))
            expected = file.attrs.get(_CHECKSUM)
            whole = expected is None or expected == _sha256(file)
    except DAMAGED as error:
        raise ValueError(
            f"{path} is not a whole file of weights ({one_line(error)}). {remedy}"
        ) from error
    if count != len(network.weights):
        raise ValueError(
            f"{path} holds {count} arrays; this network has {len(network.weights)}. It "
            f"is of another network. {remedy}"
        )
    if not whole:
        raise ValueError(
            f"{path} is damaged: its arrays are not those that were saved. {remedy}"
        )
    try:
        network.load_weights(path)
    except BlockingIOError as error:  # Keras opens it with a lock.
        raise locked_error(path) from error
    except (ValueError, *DAMAGED) as error:
        raise ValueError(
            f"{path} is damaged or of another network: {one_line(error)} {remedy}"
        ) from error


def array_sizes(file: h5py.File, path: pathlib.Path) -> list[int]:
    """Returns the number of values of each array, without those of the optimiser.

    Args:
        file: The open file; all of its arrays are checked.
        path: Its path, for messages.

    Raises:
        ValueError: If an array is not stored in the file itself.
    """
    links, sizes = {}, []
    file.visititems_links(links.__setitem__)
    for name, link in links.items():
        if isinstance(link, h5py.ExternalLink):
            raise ValueError(
                f"{path} must hold {name!r} itself; it refers to another file. Do not "
                "use it."
            )
        item = file[name]
        if isinstance(item, h5py.Dataset):
            check_stored_in_file(item, path, name)
            sizes += [] if name.startswith("optimizer/") else [item.size]
    return sizes


def _sha256(file: h5py.File) -> str:
    """The SHA-256 of names, types, shapes and values of all arrays, in order."""
    names = []
    file.visit(names.append)
    digest = hashlib.sha256()
    for name in sorted(names):
        if isinstance(item := file[name], h5py.Dataset):
            digest.update(f"{name} {item.dtype} {item.shape} ".encode())
            digest.update(np.ascontiguousarray(item[()]).tobytes())
    return digest.hexdigest()
