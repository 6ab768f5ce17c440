"""NPY, NPZ and PFM: depth, gradients, predictions."""

import functools
import zipfile

import numpy as np

from dpde_tf.files import depth_maps as depth_files
from dpde_tf.files.depth_maps import read_relative_depth
from dpde_tf.files.gradient_maps import read_gradients
from dpde_tf.files.predictions import read_prediction

from .case import Case
from .files import (
    HUGE,
    cuts,
    flips,
    npy_declaring,
    npy_header,
    npy_of,
    npz_of,
    patched,
    pfm_of,
)

DEPTH = np.arange(1, 13, dtype=np.float32).reshape(3, 4) / 4
# Integers are metres, as floating-point numbers are.
read_depth = functools.partial(depth_files.read_depth, depth_scale=1.0)
GRADIENTS = {"gradient_x": DEPTH / 8, "gradient_y": -DEPTH}
_NAN, _INF = np.float32(np.nan), np.float32(np.inf)


class Attack:
    """Its pickle makes a folder when Python's own unpickler loads it."""

    def __reduce__(self):
        import os

        return os.mkdir, ("attacked",)


def _file(name, data):
    def write(folder):
        path = folder / name
        path.write_bytes(data)
        return path

    return write


def _case(entry, name, file, data, read, expected=None, **options):
    return Case(entry, name, _file(file, data), read, expected, **options)


def _bad_npy():
    """(name, bytes) of NPY files that must be refused."""
    yield "empty", b""
    yield "magic alone", b"\x93NUMPY"
    yield "text", b"1 2 3\n4 5 6\n"
    yield "a PNG", b"\x89PNG\r\n\x1a\n" + b"\0" * 40
    yield "a bare pickle", b"\x80\x04\x95\0\0\0\0\0\0\0\0."
    for version in (0, 4, 9):
        yield (
            f"version {version}",
            patched(npy_declaring((4, 4)), 6, bytes([version])),
        )
    yield (
        "4 GB of header",
        npy_header("{'descr': '<f4'", version=2, length=2**32 - 1),
    )
    yield "64 KB of header", npy_header("{" + " " * 60000)
    yield "a deep header", npy_header("(" * 3000)
    yield "a header of signs", npy_header("-" * 9000 + "1")
    yield "a header that is a list", npy_header("[]")
    yield "a header of code", npy_header("__import__('os').mkdir('attacked')")
    yield "a header with a list for a key", npy_header("{[]: 1}")
    for shape in (
        (100_000, 250_000),
        (HUGE,),
        (1 << 31, 1 << 31),
        (1 << 62, 4),
        (1 << 63, 2),
        (10**22, 2),
        (1 << 32, 1 << 32, 0),
        (-1,),
        (-1, 16),
        (-2, -8),
        (5, 4),
        (3, 4),
        (True, 16),
        (4.0, 4),
        "(4L, 5L)",
        "None",
    ):
        yield f"declares {shape}", npy_declaring(shape)
    for descr in (
        "|O",
        "<f3",
        "None",
        "<U4",
        "|S4",
        "<M8[s]",
        "|V0",
        "|V4",
        "<c8",
        "|b1",
        "f4,f4",
        "<f4" * 99,
    ):
        size = {"<c8": 128, "<M8[s]": 128, "|b1": 16, "|V0": 0}.get(descr, 64)
        yield f"of {descr[:20]}", npy_declaring((4, 4), descr=descr, data=b"\1" * size)
    yield "objects", npy_of(np.array([[Attack(), None]], object))
    yield "an object", npy_of(np.array({"depth": Attack()}, object))


def _bad_depth_arrays():
    """(name, array) of arrays that are not depth maps."""
    yield "one axis", np.ones(4, np.float32)
    yield "a number", np.float32(3)
    yield "four axes", np.ones((2, 2, 3, 1), np.float32)
    yield "several maps", np.ones((5, 2, 6), np.float32)
    yield "a coloured picture", np.ones((2, 2, 3), np.uint8)
    yield "truth values", np.ones((2, 2), bool)
    yield "complex numbers", np.ones((2, 2), np.complex64)
    yield "words", np.array([["a", "b"]])
    yield "times", np.ones((2, 2), "timedelta64[s]")
    yield "fields", np.zeros((2, 2), [("z", "<f4")])
    for shape in ((0, 0), (0, 5), (5, 0), (0, 0, 1)):
        yield f"no pixels {shape}", np.zeros(shape, np.float32)


def _good_depths():
    """(name, array, expected depth)."""
    odd = np.array([[np.nan, np.inf, -np.inf], [-1, 0, 2.5]])
    right = np.array([[0, 0, 0], [0, 0, 2.5]], np.float32)
    yield "NaN and infinity", odd, right
    yield "NaN and infinity in half precision", odd.astype(np.float16), right
    yield "1x1", np.array([[7.0]]), np.array([[7]], np.float32)
    yield "a last axis of one", DEPTH[..., None], DEPTH
    yield "a first axis of one", DEPTH[None], DEPTH
    yield "axes of one", DEPTH[None, ..., None], DEPTH
    yield "big-endian", DEPTH.astype(">f8"), DEPTH
    yield "columns first", np.asfortranarray(DEPTH), DEPTH
    yield "whole numbers", np.int64([[1, -3]]), np.float32([[1, 0]])
    yield "too large for float32", np.array([[1e300, 2]]), np.float32([[0, 2]])
    long = (np.arange(200_000, dtype=np.float32) % 977 + 1).reshape(20_000, 10)
    yield "20000x10", long, long
    yield "10x20000", long.T, np.ascontiguousarray(long.T)


def npy_cases():
    """Depth and gradients in NPY files."""
    for name, data in _bad_npy():
        yield _case("NPY depth", name, "d.npy", data, read_depth)
    for name, array in _bad_depth_arrays():
        yield _case("NPY depth", name, "d.npy", npy_of(array), read_depth)
    for length, data in cuts(npy_of(DEPTH), 12):
        yield _case("NPY depth", f"cut after {length}", "d.npy", data, read_depth)
    extra = npy_of(DEPTH) + b"\0"
    yield _case("NPY depth", "one byte more", "d.npy", extra, read_depth)
    for name, array, right in _good_depths():
        yield _case("NPY depth", name, "d.npy", npy_of(array), read_depth, right)
    for name, array in _bad_depth_arrays():
        if name != "a coloured picture":
            data = npy_of(array)
            yield _case("NPY gradients", name, "g.npy", data, read_gradients)
    for shape in ((2, 4, 4), (4, 4, 1), (4, 4, 3), (0, 4, 2)):
        data = npy_of(np.zeros(shape, np.float32))
        yield _case("NPY gradients", f"shape {shape}", "g.npy", data, read_gradients)
    odd = np.array([[[np.nan, 1], [np.inf, 2], [1e300, -3]]])
    right = np.float32([[np.nan, np.nan, np.nan]]), np.float32([[1, 2, -3]])
    data = npy_of(odd)
    yield _case(
        "NPY gradients", "NaN and infinity", "g.npy", data, read_gradients, right
    )
    whole = npy_of(np.ones((4, 4, 2), np.int32))
    yield _case("NPY gradients", "whole numbers", "g.npy", whole, read_gradients)


def _bad_npz(good):
    """(name, bytes) of NPZ files that must be refused."""
    member = {"depth.npy": npy_of(DEPTH)}
    yield "empty", b""
    yield "a NPY", npy_of(DEPTH)
    yield "an archive of text", npz_of({"readme.txt": b"hello"})
    yield "an array and text", npz_of({**member, "readme.txt": b"hello"})
    yield "an array and a folder", npz_of({**member, "folder/": b""})
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield f"compression {method}", npz_of(member, compression=method)
    for name, data in (
        ("declares 100 GB", npy_declaring((HUGE,))),
        ("declares 10 GB", npy_declaring((HUGE // 10,))),
        ("objects", npy_of(np.array([[Attack()]], object))),
        ("a deep header", npy_header("(" * 3000)),
        ("one byte more", npy_of(DEPTH) + b"\0"),
    ):
        yield f"a member that {name}", npz_of({"depth.npy": data})
        deflated = npz_of({"depth.npy": data}, compression=zipfile.ZIP_DEFLATED)
        yield f"a deflated member that {name}", deflated
    directory = good.index(b"PK\1\2")
    for name, offset, new in (
        ("a password", 8, b"\1\0"),
        ("an unknown compression", 10, b"\x63\0"),
        ("another checksum", 16, b"\1\2\3\4"),
        ("4 GB uncompressed", 24, b"\xf0\xff\xff\xff"),
        ("a place behind the end", 42, b"\0\0\0\x7f"),
        ("a place in the middle", 42, b"\x20\0\0\0"),
    ):
        yield name, patched(good, directory + offset, new)


def npz_cases():
    """Depth, gradients and predictions in NPZ files."""
    good = npz_of({"depth.npy": npy_of(DEPTH)})
    readers = (
        ("NPZ depth", read_depth),
        ("NPZ prediction", functools.partial(read_prediction, keys=["depth"])),
    )
    for entry, read in readers:
        for name, data in _bad_npz(good):
            yield _case(entry, name, "p.npz", data, read)
        for length, data in cuts(good, 10):
            yield _case(entry, f"cut after {length}", "p.npz", data, read)
    for position, data in flips(good, 40):
        yield _case(
            "NPZ depth",
            f"byte {position} changed",
            "p.npz",
            data,
            read_depth,
            DEPTH,
            may_refuse=True,
        )
    for name, array in _bad_depth_arrays():
        data = npz_of({"depth.npy": npy_of(array)})
        yield _case("NPZ depth", name, "p.npz", data, read_depth)
        yield _case("NPZ prediction", name, "p.npz", data, read_prediction)
    for name, array, right in _good_depths():
        data = npz_of({"depth.npy": npy_of(array)}, compression=zipfile.ZIP_DEFLATED)
        yield _case("NPZ depth", name, "p.npz", data, read_depth, right)
    two = npz_of({"a.npy": npy_of(DEPTH), "b.npy": npy_of(DEPTH)})
    yield _case("NPZ depth", "two arrays", "p.npz", two, read_depth)
    yield from _gradient_npz_cases()


def _gradient_npz_cases():
    """Gradients in NPZ files."""

    def gradients(name, arrays, expected=None):
        data = npz_of({f"{k}.npy": npy_of(v) for k, v in arrays.items()})
        return _case("NPZ gradients", name, "g.npz", data, read_gradients, expected)

    yield gradients("one of two", {"gradient_x": DEPTH})
    yield gradients("two sizes", {**GRADIENTS, "gradient_y": DEPTH[:2]})
    yield gradients("whole numbers", {k: np.ones((2, 2), int) for k in GRADIENTS})
    yield gradients("complex", {k: np.ones((2, 2), complex) for k in GRADIENTS})
    yield gradients("no pixels", {k: np.ones((0, 2)) for k in GRADIENTS})
    yield gradients("other keys", {"dx": DEPTH, "dy": DEPTH})
    right = tuple(GRADIENTS.values())
    yield gradients("another key", {**GRADIENTS, "name": np.array("a")}, right)
    odd = {k: np.array([[np.nan, np.inf, 1e300]]) for k in GRADIENTS}
    unknown = np.full((1, 3), np.nan, np.float32)
    yield gradients("nothing finite", odd, (unknown, unknown))
    for name, data in (("declares 100 GB", npy_declaring((HUGE,))), ("is cut", b"")):
        archive = npz_of({"gradient_x.npy": data, "gradient_y.npy": npy_of(DEPTH)})
        yield _case("NPZ gradients", name, "g.npz", archive, read_gradients)


def pfm_cases():
    """Depth in PFM files."""
    values = DEPTH.copy()
    for name, header in (
        ("no header", b"\0"),
        ("three channels", b"PF\n4 3\n-1.0\n"),
        ("half floats", b"Pf4\n4 3\n-1.0\n"),
        ("no height", b"Pf\n4\n-1.0\n"),
        ("negative width", b"Pf\n-4 3\n-1.0\n"),
        ("width 0", b"Pf\n0 3\n-1.0\n"),
        ("100 GB", b"Pf\n100000 250000\n-1.0\n"),
        ("10^18 pixels", b"Pf\n999999999 999999999\n-1.0\n"),
        ("a width of 5000 digits", b"Pf\n" + b"9" * 5000 + b" 3\n-1.0\n"),
        ("a scale with two points", b"Pf\n4 3\n-1.0.0\n"),
        ("a scale of points", b"Pf\n4 3\n-...\n"),
        ("a scale of words", b"Pf\n4 3\n-inf\n"),
        ("no newline", b"Pf 4 3 -1"),
        ("other digits", "Pf\n４ ３\n-1.0\n".encode()),
    ):
        data = pfm_of(values, header=header)
        yield _case("PFM depth", name, "d.pfm", data, read_depth)
    good = pfm_of(values)
    for length, data in cuts(good, 14):
        yield _case("PFM depth", f"cut after {length}", "d.pfm", data, read_depth)
    yield _case("PFM depth", "one byte more", "d.pfm", good + b"\0", read_depth)
    for name, header in (
        ("one line", b"Pf 4 3 -1.0\n"),
        ("lines of Windows", b"Pf\r\n4 3\r\n-1.0\r\n"),
        ("an exponent", b"Pf\n4 3\n-1e-03\n"),
        ("a scale of 5000 digits", b"Pf\n4 3\n-" + b"9" * 5000 + b"\n"),
    ):
        data = pfm_of(values, header=header)
        yield _case("PFM depth", name, "d.pfm", data, read_depth, values)
    odd = np.array([[_NAN, _INF, -_INF, -1, 2]])
    right = np.float32([[0, 0, 0, 0, 2]])
    yield _case(
        "PFM depth", "NaN and infinity", "d.pfm", pfm_of(odd), read_depth, right
    )
    relative = np.float32([[np.nan, np.nan, np.nan, -1, 2]])
    yield _case(
        "PFM relative depth",
        "NaN and infinity",
        "d.pfm",
        pfm_of(odd),
        read_relative_depth,
        relative,
    )
