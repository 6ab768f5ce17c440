"""Tests that files of weights are read without running what they contain."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from dpde_tf.runs.released.layer_file import read_layers
from dpde_tf.runs.released.restricted_pickle import NUMPY_GLOBALS, load_pickle
from dpde_tf.runs.released.torch_file import LEGACY_MAGIC, read_state_dict
from tests.fixtures.torch_writer import write_torch


class _Attack:
    """Its pickle makes a folder when it is loaded by Python's own unpickler."""

    def __init__(self, folder):
        self._folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self._folder),)


def _write_attack(path, kind, folder):
    attack = _Attack(folder)
    if kind == "npy":
        np.save(path, {"conv1": attack}, allow_pickle=True)
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("weights/data.pkl", pickle.dumps({"conv1": attack}))
    else:
        parts = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, attack)
        path.write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))


@pytest.mark.parametrize("kind", ["npy", "zip", "legacy"])
def test_reading_runs_no_code(tmp_path, kind):
    path, folder = tmp_path / "weights.npy", tmp_path / "attacked"
    _write_attack(path, kind, folder)
    read = read_layers if kind == "npy" else read_state_dict
    with pytest.raises(ValueError, match=r"weights\.npy .*posix\.mkdir, which could"):
        read(path)
    assert not folder.exists()


def test_the_attack_of_these_tests_works(tmp_path):
    pickle.loads(pickle.dumps(_Attack(tmp_path / "attacked")))
    assert (tmp_path / "attacked").exists()


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_load_pickle_reads_arrays_of_any_protocol(rng, protocol):
    content = {"a": rng.normal(size=[2, 3]), "b": np.float32([1e-3, -2.0]), "c": "text"}
    file = io.BytesIO(pickle.dumps(content, protocol))
    loaded = load_pickle(file, NUMPY_GLOBALS, path="file")
    assert np.array_equal(loaded["a"], content["a"])
    assert np.array_equal(loaded["b"], content["b"])
    assert loaded["c"] == "text"


def test_load_pickle_reads_arrays_of_python_2():
    # Opcodes as Python 2 writes them: U is a string of bytes.
    numbers = np.float32([-1.5, 3e9])
    data = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n"
        b"(I0\ntU\x01btR(I1\n(I2\ntcnumpy\ndtype\n(U\x02f4I0\nI1\ntR"
        b"(I3\nU\x01<NNNI-1\nI-1\nI0\ntbI00\nU\x08" + numbers.tobytes() + b"tb."
    )
    assert max(numbers.tobytes()) > 127
    loaded = load_pickle(io.BytesIO(data), NUMPY_GLOBALS, path="file")
    assert loaded.dtype == np.float32
    assert np.array_equal(loaded, numbers)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"\x80\x02}q",
        pickle.dumps(np.ones(3))[:-9],
        b"c_codecs\nencode\n.",
    ],
)
def test_load_pickle_refuses_broken_files(data):
    admitted = {} if data.startswith(b"c_") else NUMPY_GLOBALS
    with pytest.raises(ValueError, match=r"w\.pkl must hold arrays by name"):
        load_pickle(io.BytesIO(data), admitted, path="w.pkl")


@pytest.mark.parametrize("content", [np.ones([2, 3]), 3.0])
def test_read_layers_refuses_plain_arrays(tmp_path, content):
    np.save(tmp_path / "w.npy", content)
    with pytest.raises(ValueError, match=r"must hold a dictionary of layers.*an array"):
        read_layers(tmp_path / "w.npy")


@pytest.mark.parametrize(
    ("content", "found"),
    [(["a", None], "a list|an array"), ({"a": 3}, "a int for 'a'")],
)
def test_read_layers_refuses_other_objects(tmp_path, content, found):
    np.save(tmp_path / "w.npy", np.array(content, object), allow_pickle=True)
    with pytest.raises(ValueError, match=rf"a dictionary of layers.*({found})"):
        read_layers(tmp_path / "w.npy")


def _arrays(rng):
    """Kernels, a scalar of another type, and one array under two names."""
    kernel = rng.normal(size=[4, 3, 2, 2]).astype(np.float32)
    return {"a.weight": kernel, "count": np.array(7, np.int64), "b.weight": kernel}


@pytest.mark.parametrize("legacy", [False, True])
def test_read_state_dict_reads_both_formats(tmp_path, rng, legacy):
    arrays, path = _arrays(rng), tmp_path / "w.pth"
    write_torch(path, arrays, legacy=legacy)
    assert path.read_bytes().startswith(LEGACY_MAGIC) == legacy
    loaded = read_state_dict(path)
    assert list(loaded) == list(arrays)
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype
        assert np.array_equal(loaded[name], array)


@pytest.mark.parametrize("legacy", [False, True])
def test_read_state_dict_reads_transposed_tensors(tmp_path, rng, legacy):
    array = rng.normal(size=[5, 3]).astype(np.float32).T
    write_torch(tmp_path / "w.pth", {"a": array}, legacy=legacy)
    assert np.array_equal(read_state_dict(tmp_path / "w.pth")["a"], array)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("part", [0.3, 0.7, 0.98])
def test_read_state_dict_refuses_truncated_files(tmp_path, rng, legacy, part):
    path = tmp_path / "w.pth"
    write_torch(path, _arrays(rng), legacy=legacy)
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(ValueError, match=r"w\.pth must .*Fetch the released file"):
        read_state_dict(path)


def test_read_state_dict_refuses_big_endian_files(tmp_path, rng):
    path = tmp_path / "w.pth"
    write_torch(path, _arrays(rng), legacy=True)
    # The opcodes of True and False.
    data = path.read_bytes().replace(
        b"little_endianq\x02\x88", b"little_endianq\x02\x89"
    )
    assert data != path.read_bytes()
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"its format is 1001 of .*False"):
        read_state_dict(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/data.pkl", pickle.dumps({}))
        archive.writestr("weights/byteorder", "big")
    with pytest.raises(ValueError, match=r"numbers are big-endian"):
        read_state_dict(path)


def test_read_state_dict_refuses_another_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(ValueError, match=r"archive has no data\.pkl"):
        read_state_dict(tmp_path / "w.pth")


def test_read_state_dict_refuses_objects_other_than_tensors(tmp_path):
    for content, message in (({"epoch": 3}, "'epoch' is not a tensor"), (3, "a int")):
        with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive:
            archive.writestr("weights/data.pkl", pickle.dumps(content))
        with pytest.raises(ValueError, match=message):
            read_state_dict(tmp_path / "w.pth")


def test_read_state_dict_refuses_tensors_beyond_their_storage(tmp_path, rng):
    array = rng.normal(size=[100]).astype(np.float32)
    write_torch(tmp_path / "w.pth", {"a": array}, legacy=True)
    data = (tmp_path / "w.pth").read_bytes()
    # The shape (100,) of the tensor; the storage's size stands elsewhere.
    shape = b"Kd\x85"
    assert data.count(shape) == 1
    (tmp_path / "w.pth").write_bytes(data.replace(shape, b"Ke\x85"))
    with pytest.raises(ValueError, match=r"reaches to 100 of a storage of 100"):
        read_state_dict(tmp_path / "w.pth")


def test_read_state_dict_refuses_a_wrong_element_count(tmp_path, rng):
    array = rng.normal(size=[100]).astype(np.float32)
    write_torch(tmp_path / "w.pth", {"a": array}, legacy=True)
    data = (tmp_path / "w.pth").read_bytes()
    start = data.rindex(struct.pack("<q", 100))
    (tmp_path / "w.pth").write_bytes(data[:start] + struct.pack("<q", 99) + data[-396:])
    with pytest.raises(ValueError, match=r"cut off before storage 0"):
        read_state_dict(tmp_path / "w.pth")
