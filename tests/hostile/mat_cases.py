"""MATLAB files: version 5 (Make3D, splits of NYU) and 7.3 (NYU)."""

import io
import struct

import h5py
import numpy as np
import scipy.io
import scipy.sparse

from data_prep import nyu_depth_v2
from data_prep.make3d import GRID_SHAPE, read_depth_grid
from data_prep.nyu_depth_v2 import read_splits

from .array_cases import _case
from .case import Case
from .files import cuts, flips, npy_of, patched

_GRID = np.arange(np.prod(GRID_SHAPE)).reshape(GRID_SHAPE) % 79 + 1.0
_DEPTH = _GRID[..., 3].astype(np.float32)
_SPLITS = {"trainNdxs": np.array([[1], [3]]), "testNdxs": np.array([[2]])}


def _mat(variables, **options):
    file = io.BytesIO()
    scipy.io.savemat(file, variables, **options)
    return file.getvalue()


def _element(code, content, size=None):
    padding = b"\0" * (-len(content) % 8)
    size = len(content) if size is None else size
    return struct.pack("<II", code, size) + content + padding


def _mat5(name, content, *, declared=None, dims=(1, 2), kind=6):
    """A MATLAB 5 file of one variable; its declared sizes may be wrong."""
    flags = _element(6, struct.pack("<II", kind, 0))
    shape = _element(5, struct.pack(f"<{len(dims)}i", *dims))
    body = flags + shape + _element(1, name) + content
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"
    return header + _element(14, body, declared)


def _split_mat5(*, count=16, **options):
    """A split of two records; its declared sizes may be wrong."""
    numbers = _element(9, struct.pack("<2d", 1, 2), count)
    return _mat5(b"trainNdxs", numbers, **options)


def mat5_cases():
    """Grids of Make3D and splits of NYU."""
    good = _mat({"Position3DGrid": _GRID}, do_compression=True)
    entry, file, read = "MAT 5 depth", "d.mat", read_depth_grid
    for length, data in cuts(good, 14):
        yield _case(entry, f"cut after {length}", file, data, read, virtual=False)
    for position, data in flips(good, 30):
        yield _case(
            entry,
            f"byte {position} changed",
            file,
            data,
            read,
            _DEPTH,
            may_refuse=True,
            virtual=False,
        )
    for name, variable in (
        ("another size", _GRID[:, :300]),
        ("complex numbers", _GRID + 1j),
        ("text", "grid"),
        ("a structure", {"depth": _GRID}),
        ("a sparse matrix", scipy.sparse.csc_matrix(_GRID[..., 3])),
        ("nothing", np.zeros((0, 0))),
    ):
        data = _mat({"Position3DGrid": variable})
        yield _case(entry, name, file, data, read, virtual=False)
    cells = _element(14, b"") * _GRID.size
    for name, data in (
        ("empty", b""),
        ("a NPY", npy_of(_GRID)),
        ("version 7.3", b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + b"\0" * 400),
        ("another variable", _mat({"depth": _GRID})),
        ("cells", _mat5(b"Position3DGrid", cells, dims=GRID_SHAPE, kind=1)),
        ("version 4 of 100 GB", _mat4(100_000, 125_000)),
        ("version 4 of 2^62 bytes", _mat4(2**31 - 1, 2**31 - 1)),
        ("version 4 of negative size", _mat4(-1, 1)),
    ):
        yield _case(entry, name, file, data, read, virtual=False)
    odd = _GRID.copy()
    odd[0, :3, 3] = np.nan, np.inf, -1
    right = _DEPTH.copy()
    right[0, :3] = 0
    for name, grid, depth in (("whole", _GRID, _DEPTH), ("NaN", odd, right)):
        data = _mat({"Position3DGrid": grid})
        yield _case(entry, name, file, data, read, depth, virtual=False)
    yield from _split_cases()


def _mat4(rows, columns):
    name = b"Position3DGrid\0"
    return struct.pack("<5i", 0, rows, columns, 0, len(name)) + name + b"\0" * 64


def _split_cases():
    """Files of the official split."""
    entry, file = "MAT 5 splits", "splits.mat"

    def splits(name, data, expected=None):
        return _case(entry, name, file, data, read_splits, expected, virtual=False)

    right = {"train": [0, 2], "test": [1]}
    yield splits("whole", _mat(_SPLITS), right)
    yield splits("as floats", _mat({k: v * 1.0 for k, v in _SPLITS.items()}), right)
    for name, train in (
        ("nothing", np.zeros((0, 1))),
        ("an index of 0", [[0], [3]]),
        ("a negative index", [[-1], [3]]),
        ("NaN", [[np.nan], [3]]),
        ("infinity", [[np.inf], [3]]),
        ("a fraction", [[1.5], [3]]),
        ("one twice", [[1], [1]]),
        ("one in both", [[1], [2]]),
        ("text", "abc"),
        ("cells", np.array([["a"]], object)),
        ("complex numbers", [[1 + 1j]]),
    ):
        yield splits(name, _mat({**_SPLITS, "trainNdxs": train}))
    yield splits("one variable", _mat({"trainNdxs": [[1]]}))
    for name, options in (
        ("declares 4 GB", {"declared": 2**32 - 1}),
        ("4 GB of numbers", {"count": 2**32 - 8}),
        ("dimensions of 100 GB", {"dims": (100_000, 125_000)}),
        ("dimensions of 2^62", {"dims": (2**31 - 1, 2**31 - 1)}),
        ("negative dimensions", {"dims": (-1, -2)}),
        ("no dimensions", {"dims": ()}),
        ("an unknown class", {"kind": 99}),
        ("an opaque class", {"kind": 17}),
        ("a function", {"kind": 16}),
    ):
        yield splits(name, _split_mat5(**options))
    for length, data in cuts(_mat(_SPLITS), 10):
        yield splits(f"cut after {length}", data)


def _hdf5(fill):
    """Writes an HDF5 file that `fill` fills."""

    def write(folder):
        path = folder / "nyu.mat"
        with h5py.File(path, "w") as file:
            fill(file, folder)
        return path

    return write


def _read_hdf5(path):
    with nyu_depth_v2._open(path) as file:
        return nyu_depth_v2._pair(file["images"], file["depths"], 0).load()


_IMAGES = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 5, 4)
_DEPTHS = np.arange(1, 41, dtype=np.float32).reshape(2, 5, 4)


def _fill(**variables):
    def fill(file, folder):
        for name, value in {"images": _IMAGES, "depths": _DEPTHS, **variables}.items():
            if callable(value):
                value(file, folder)
            elif value is not None:
                file[name] = value

    return fill


def _declared(name, shape, dtype, **options):
    return lambda file, folder: file.create_dataset(name, shape, dtype, **options)


def _other(folder):
    """A file beside the input, with its own numbers."""
    path = folder / "other.h5"
    if not path.exists():
        with h5py.File(path, "w") as file:
            _fill()(file, folder)
    return path


def _virtual_depths(file, folder):
    layout = h5py.VirtualLayout(_DEPTHS.shape, np.float32)
    layout[:] = h5py.VirtualSource(_other(folder), "depths", _DEPTHS.shape)
    file.create_virtual_dataset("depths", layout)


def _external_images(file, folder):
    (folder / "secret.txt").write_bytes(bytes(_IMAGES.nbytes))
    external = [(str(folder / "secret.txt"), 0, h5py.h5f.UNLIMITED)]
    file.create_dataset("images", _IMAGES.shape, np.uint8, external=external)


def _link(name):
    def add(file, folder):
        file[name] = h5py.ExternalLink(str(_other(folder)), name)

    return add


def _group(name):
    return lambda file, folder: file.create_group(name)


def hdf5_cases():
    """The labeled file of NYU."""
    entry = "MAT 7.3"
    right = (
        np.ascontiguousarray(_IMAGES[0].transpose(2, 1, 0)),
        np.ascontiguousarray(_DEPTHS[0].T),
    )
    huge = {"images": (2, 3, 10**6, 10**5), "depths": (2, 10**6, 10**5)}
    wide = {"images": (2, 3, 4 * 10**4, 10**4), "depths": (2, 4 * 10**4, 10**4)}
    odd = _DEPTHS.copy()
    odd[0, 0, :3] = np.nan, np.inf, -1
    holes = right[1].copy()
    holes[:3, 0] = 0
    yield Case(entry, "whole", _hdf5(_fill()), _read_hdf5, right)
    fill = _hdf5(_fill(depths=odd))
    yield Case(entry, "NaN", fill, _read_hdf5, (right[0], holes))
    fill = _hdf5(_fill(depths=_DEPTHS.astype(np.float64)))
    yield Case(entry, "double precision", fill, _read_hdf5, right)
    for name, variables in (
        ("no images", {"images": None}),
        ("no depths", {"depths": None}),
        ("images that are a group", {"images": _group("images")}),
        ("depths that are text", {"depths": "deep"}),
        ("images as floats", {"images": _IMAGES.astype(np.float32)}),
        ("images of 16 bits", {"images": _IMAGES.astype(np.uint16)}),
        ("depths as whole numbers", {"depths": _DEPTHS.astype(np.uint16)}),
        ("complex depths", {"depths": _DEPTHS.astype(np.complex64)}),
        ("depths of references", {"depths": _references}),
        ("another order of axes", {"images": _IMAGES.transpose(0, 3, 2, 1)}),
        ("fewer depths", {"depths": _DEPTHS[:1]}),
        ("no pairs", {"images": _IMAGES[:0], "depths": _DEPTHS[:0]}),
        ("no pixels", {"images": _IMAGES[:, :, :0], "depths": _DEPTHS[:, :0]}),
        ("depths of another file", {"depths": _virtual_depths}),
        ("images of any file", {"images": _external_images}),
        ("a link for images", {"images": _link("images")}),
        ("a link for depths", {"depths": _link("depths")}),
        (
            "declares 600 GB",
            {
                "images": _declared("images", huge["images"], "u1", chunks=True),
                "depths": _declared("depths", huge["depths"], "f4", chunks=True),
            },
        ),
        (
            "declares 3 GB in one piece",
            {
                "images": _declared("images", wide["images"], "u1"),
                "depths": _declared("depths", wide["depths"], "f4"),
            },
        ),
    ):
        yield Case(entry, name, _hdf5(_fill(**variables)), _read_hdf5)
    yield from _damaged_hdf5_cases(entry, right)


def _references(file, folder):
    data = file.create_dataset("depths", _DEPTHS.shape, h5py.ref_dtype)
    data[0, 0, 0] = file.ref


def _damaged_hdf5_cases(entry, right):
    """Truncated and changed files, and files of other formats."""
    for name, data in (
        ("empty", b""),
        ("text", b"404 not found"),
        ("version 5", _mat(_SPLITS)),
        ("signature alone", b"\x89HDF\r\n\x1a\n"),
    ):
        yield _case(entry, name, "nyu.mat", data, _read_hdf5)
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        for name, array in (("images", _IMAGES), ("depths", _DEPTHS)):
            opened.create_dataset(
                name, data=array, compression="gzip", fletcher32=True, chunks=True
            )
    good = file.getvalue()
    for length, data in cuts(good, 16):
        yield _case(
            entry,
            f"cut after {length}",
            "nyu.mat",
            data,
            _read_hdf5,
            right,
            may_refuse=True,
        )
    for size in (0xFF, 0x7F):
        data = patched(good, 40, bytes([size]) * 8)
        yield _case(
            entry,
            f"end of file {size:x}",
            "nyu.mat",
            data,
            _read_hdf5,
            right,
            may_refuse=True,
        )
