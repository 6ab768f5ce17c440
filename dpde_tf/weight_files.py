"""Files of weights, `*.weights.h5`: checked before Keras takes them in."""

import pathlib

import h5py
import keras

from dpde_tf.data.hdf5_files import check_stored_in_file
from dpde_tf.error_messages import one_line

# What h5py raises on a file that is cut off or damaged.
_DAMAGED = (OSError, RuntimeError, KeyError, TypeError)


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
        ValueError: If it is damaged, or of another network.
    """
    path = pathlib.Path(path)
    try:
        count = _count_arrays(path)
    except _DAMAGED as error:
        raise ValueError(
            f"{path} is not a whole file of weights ({one_line(error)}). {remedy}"
        ) from error
    if count != len(network.weights):
        raise ValueError(
            f"{path} holds {count} arrays; this network has {len(network.weights)}. It "
            f"is of another network. {remedy}"
        )
    try:
        network.load_weights(path)
    except (ValueError, *_DAMAGED) as error:
        raise ValueError(
            f"{path} is damaged or of another network: {one_line(error)} {remedy}"
        ) from error


def _count_arrays(path: pathlib.Path) -> int:
    """The number of arrays in a file, without the optimiser's; checks all of them."""
    links, count = {}, 0
    with h5py.File(path) as file:
        file.visititems_links(links.__setitem__)
        for name, link in links.items():
            if isinstance(link, h5py.ExternalLink):
                raise ValueError(
                    f"{path} must hold {name!r} itself; it refers to another file. Do "
                    "not use it."
                )
            item = file[name]
            if isinstance(item, h5py.Dataset):
                check_stored_in_file(item, path, name)
                count += not name.startswith("optimizer/")
    return count
