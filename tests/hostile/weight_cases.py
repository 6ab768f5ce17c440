"""Files of weights: of Keras, of PyTorch and of caffe-tensorflow."""

import functools
import io
import pathlib
import pickle
import struct
import tempfile
import zipfile

import h5py
import keras
import numpy as np

from dpde_tf.config import DepthNetworkConfig
from dpde_tf.runs.initial_weights import load_initial_depth_weights
from dpde_tf.runs.released.layer_file import read_layers
from dpde_tf.runs.released.torch_file import read_state_dict
from dpde_tf.runs.weight_files import load_weights
from tests.fixtures.torch_writer import write_torch

from .array_cases import Attack, _case
from .case import Case
from .files import HUGE, cuts, flips, npy_declaring, npy_of, patched

_ARRAYS = {"a.weight": np.arange(24, dtype=np.float32).reshape(4, 3, 2)}
_LAYERS = {"conv1": {"weights": np.arange(6, dtype=np.float32).reshape(2, 3)}}


@functools.cache
def _torch(legacy):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "w.pth"
        write_torch(path, _ARRAYS, legacy=legacy)
        return path.read_bytes()


def torch_cases():
    """State dictionaries of PyTorch in both formats."""

    def read(path):
        return tuple(read_state_dict(path).values())

    right = tuple(_ARRAYS.values())
    for legacy in (False, True):
        entry = f"PyTorch {'before' if legacy else 'since'} 1.6"
        good = _torch(legacy)
        yield _case(entry, "whole", "w.pth", good, read, right)
        for length, data in cuts(good, 16):
            yield _case(entry, f"cut after {length}", "w.pth", data, read)
        for position, data in flips(good[: good.index(b"storage")], 40):
            name = f"byte {position} changed"
            # One of a name, or of the archive's own directory, does not matter.
            yield _case(entry, name, "w.pth", data, _shapes, True, may_refuse=True)
    for name, content in _hostile_pickles():
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            archive.writestr("w/data.pkl", content)
        yield _case("PyTorch since 1.6", name, "w.pth", data.getvalue(), read)
    directory = _torch(False).index(b"PK\1\2")
    data = patched(_torch(False), directory + 9, b"\x08")
    data = patched(data, directory + 46, b"\xb6")
    yield _case("PyTorch since 1.6", "a name that is no text", "w.pth", data, read)
    keras_file = io.BytesIO()
    with zipfile.ZipFile(keras_file, "w") as archive:
        archive.writestr("config.json", '{"class_name": "Lambda"}')
        archive.writestr("model.weights.h5", b"")
    yield _case("PyTorch since 1.6", "a .keras", "w.pth", keras_file.getvalue(), read)


def _shapes(path):
    """Whether all arrays that were read fit in the file."""
    return all(a.nbytes <= path.stat().st_size for a in read_state_dict(path).values())


def _op(name, *arguments):
    """A pickle that calls a global with arguments."""
    module, function = name.rsplit(".", 1)
    call = b"(" + b"".join(pickle.dumps(a, 2)[2:-1] for a in arguments) + b"tR"
    return f"c{module}\n{function}\n".encode() + call


def _hostile_pickles():
    """(name, pickle) of pickles that run code when they are loaded."""
    start = b"\x80\x02"
    yield "a call of mkdir", pickle.dumps({"a": Attack()}, 2)
    yield "eval", start + _op("builtins.eval", "1") + b"."
    yield "lines in a name", start + b"cto\x0br\rch\x1b[2J\nFloat\x0cStorage\n."
    yield "a name in a name", start + b"ccollections\nOrderedDict.fromkeys\n."
    yield "34 GB of memo", start + b"Nr\xff\xff\xff\x7f."
    yield "10 GB of bytes", b"\x80\x04\x8e" + struct.pack("<Q", 10**10) + b"."
    yield "100 GB of text", b"\x80\x04\x8d" + struct.pack("<Q", 10**11) + b"."
    yield "100 GB of bytearray", b"\x80\x05\x96" + struct.pack("<Q", 10**11) + b"."
    yield "100 GB of frame", b"\x80\x04\x95" + struct.pack("<Q", 10**11) + b"."
    yield "2 GB of a number", start + b"\x8b" + struct.pack("<i", 2**31 - 1) + b"."
    yield "a number of 9999 digits", start + b"I" + b"9" * 9999 + b"\n."
    yield "100000 lists in lists", start + b"]" * 10**5 + b"a" * (10**5 - 1) + b"."
    yield "an empty stack", start + b"R."
    yield "nothing", b""
    yield "a text", pickle.dumps("weights", 2)
    yield "a number for an array", pickle.dumps({"a": 3}, 2)


def _array_pickle(shape, dtype, content, *, flags=0):
    """A pickled array whose parts may be wrong."""
    kind = _op("numpy.dtype", dtype, False, True)
    state = pickle.dumps((3, "<", None, None, None, -1, -1, flags), 2)[2:-1]
    head = _op("numpy.core.multiarray._reconstruct", 0, (0,), b"b")
    parts = pickle.dumps(1, 2)[2:-1] + pickle.dumps(shape, 2)[2:-1] + kind + state
    end = pickle.dumps(content, 4)[2:-1].replace(b"\x95", b"\x95")
    end = end[9:] if end[:1] == b"\x95" else end
    return head + b"(" + parts + b"b\x89" + end + b"tb"


def layer_cases():
    """Files of layers of caffe-tensorflow."""
    entry, file = "NPY of layers", "w.npy"

    def read(path):
        return tuple(read_layers(path).values())

    good = npy_of(np.array(_LAYERS, object))
    right = tuple(_LAYERS["conv1"].values())
    header = npy_declaring((), descr="|O", data=b"")
    yield _case(entry, "whole", file, good, read, right)
    for length, data in cuts(good, 16):
        yield _case(entry, f"cut after {length}", file, data, read)
    for name, content in _hostile_pickles():
        yield _case(entry, name, file, header + content, read)
    for name, array in (
        ("8 TB of zeros", _array_pickle((HUGE, 80), "f4", b"")),
        ("a negative shape", _array_pickle((-1, -4), "f4", b"\0" * 16)),
        ("fewer numbers", _array_pickle((4,), "f4", b"\0" * 12)),
        ("a count for numbers", _array_pickle((4,), "f4", 10**11)),
        ("addresses as objects", _array_pickle((1,), "O8", b"A" * 8)),
        ("addresses as objects, flags", _array_pickle((1,), "O8", b"A" * 8, flags=63)),
        ("text", _array_pickle((1,), "U2", b"\0" * 8)),
        ("a structure", _array_pickle((1,), "f4,O", b"\0" * 12)),
        ("a type of octal digits", _array_pickle((1,), "01f4", b"\0" * 4)),
        ("a type of words", _array_pickle((1,), "evil", b"\0" * 8)),
        ("ndarray called", _op("numpy.ndarray", (HUGE,))),
        ("dtype called", _op("numpy.dtype", "f8," * 99)),
    ):
        layer = b"}" + pickle.dumps("conv1", 2)[2:-1] + b"}"
        layer += pickle.dumps("weights", 2)[2:-1] + array + b"ss"
        yield _case(entry, name, file, header + b"\x80\x02" + layer + b".", read)
    yield _case(entry, "numbers", file, npy_of(np.ones(3)), read)
    declared = npy_declaring((HUGE,), descr="|O") + pickle.dumps({}, 2)
    yield _case(entry, "declares 25e9 objects", file, declared, read)


@functools.cache
def network():
    """A small network with the last layer of a depth network."""
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(2, 1, name="conv0"),
            keras.layers.Conv2D(1, 3, name="depth_conv"),
        ]
    )


@functools.cache
def _keras_file():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "w.weights.h5"
        network().save_weights(path)
        return path.read_bytes()


def _load(path):
    """The weights after a file was loaded."""
    for weight in network().weights:
        weight.assign(np.full(weight.shape, 7))
    load_weights(network(), path, remedy="Train again.")
    return tuple(np.array(weight) for weight in network().weights)


def _load_initial(path):
    load_initial_depth_weights(network(), DepthNetworkConfig(), path)


def _changed(change):
    """Writes the file of weights, changed."""

    def write(folder):
        path = folder / "w.weights.h5"
        path.write_bytes(_keras_file())
        with h5py.File(path, "r+") as file:
            change(file, folder)
        return path

    return write


def _replace(file, name, **options):
    del file[name]
    file.create_dataset(name, **options)


def _external(file, folder):
    (folder / "secret").write_bytes(b"\1" * 24)
    external = [(str(folder / "secret"), 0, 24)]
    name = "layers/conv2d/vars/0"
    _replace(file, name, shape=(1, 1, 3, 2), dtype="f4", external=external)


def _linked(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["0"] = np.ones((1, 1, 3, 2), np.float32)
    del file["layers/conv2d/vars/0"]
    file["layers/conv2d/vars/0"] = h5py.ExternalLink(str(folder / "other.h5"), "0")


def keras_cases():
    """`.weights.h5` files of Keras."""
    entry, file = "Keras weights", "w.weights.h5"
    good = _keras_file()
    right = _load_bytes(good)
    kernel = "layers/conv2d/vars/0"
    yield _case(entry, "whole", file, good, _load, right)
    for length, data in cuts(good, 16):
        yield _case(entry, f"cut after {length}", file, data, _load)
    for name, change in (
        ("a kernel of 100 GB", {"shape": (1, 1, HUGE, 1), "dtype": "f4"}),
        (
            "a kernel of 100 GB in chunks",
            {"shape": (1, 1, HUGE, 1), "dtype": "f4", "chunks": True},
        ),
        ("a kernel of another shape", {"data": np.ones((1, 1, 2, 2), np.float32)}),
        ("a kernel of text", {"data": "kernel"}),
    ):
        write = _changed(lambda file, _, c=change: _replace(file, kernel, **c))
        yield Case(entry, name, write, _load)
    yield Case(entry, "numbers of any file", _changed(_external), _load)
    yield Case(entry, "numbers of another HDF5 file", _changed(_linked), _load)

    def remove(file, _):
        del file[kernel]

    def add(file, _):
        file["more"] = 1

    def circle(file, _):
        file["layers/again"] = file["layers"]

    def code(file, _):
        # What Keras's former format keeps a model in, with a layer of code.
        layer = {"class_name": "Lambda", "config": {"function": ["code", None, None]}}
        file.attrs["model_config"] = str(layer)
        file.attrs["layer_names"] = ["lambda"]

    yield Case(entry, "a missing kernel", _changed(remove), _load)
    yield Case(entry, "another array", _changed(add), _load)
    yield Case(entry, "a group in itself", _changed(circle), _load, right)
    yield Case(entry, "a layer of code", _changed(code), _load, right)
    for name, data in (
        ("empty", b""),
        ("text", b"weights"),
        ("a bare pickle", pickle.dumps(Attack(), 4)),
        ("signature alone", b"\x89HDF\r\n\x1a\n"),
        ("an archive of Keras", _keras_archive()),
        ("a NPY of code", npy_of(np.array({"a": Attack()}, object))),
    ):
        yield _case("initial weights", name, file, data, _load_initial)


def _load_bytes(data):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "w.weights.h5"
        path.write_bytes(data)
        return _load(path)


def _keras_archive():
    """A `.keras` file with a layer that runs code when it is loaded."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", '{"module": "os", "class_name": "system"}')
        archive.writestr("metadata.json", "{}")
    return file.getvalue()
