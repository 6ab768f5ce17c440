"""Coverage-guided fuzzing of the parsers of this library, with Atheris.

    python tests/fuzz_parsers.py --seconds=100              # all targets, in turn
    python tests/fuzz_parsers.py --target=pfm --seconds=60  # one

A target fails if a parser raises anything but a ValueError of one line that names the
file, or returns what the bytes do not say. Atheris then writes the bytes beside this
program's working directory and ends with an error. See `make fuzz`.
"""

import argparse
import io
import pathlib
import pickle
import re
import subprocess
import sys
import tempfile

import atheris
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
sys.path.insert(1, str(pathlib.Path(__file__).parent))

with atheris.instrument_imports(
    include=[
        "dpde_tf.files.arrays",
        "dpde_tf.files.depth_maps",
        "dpde_tf.files.file_formats",
        "dpde_tf.files.image_bits",
        "dpde_tf.files.images",
        "dpde_tf.data.records",
        "dpde_tf.runs.released.restricted_pickle",
        "dpde_tf.runs.released.torch_file",
        "data_prep.rgbd_folder",
        "data_prep.conversion.verification",
        "pickle",
    ]
):
    import tensorflow as tf

    from data_prep.conversion.pair_lists import read_list
    from data_prep.conversion.verification import _read_records
    from dpde_tf.data.records import decode_record, encode_record
    from dpde_tf.files.depth_maps import read_depth, read_relative_depth
    from dpde_tf.runs.released.restricted_pickle import NUMPY_GLOBALS, load_pickle
    from dpde_tf.runs.released.torch_file import read_state_dict

from hostile.files import npy_of, npz_of, pfm_of

_VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)
_FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="fuzz-"))


def _read(read, data, name):
    """The result of a reader for these bytes, or None if it refuses them properly."""
    path = _FOLDER / name
    path.write_bytes(data)
    try:
        return read(path)
    except ValueError as error:
        assert str(path) in str(error), error
        assert len(str(error).splitlines()) == 1, error
        return None


def fuzz_pfm(data):
    """A readable PFM holds exactly the values after its header."""
    values = _read(read_relative_depth, data, "d.pfm")
    if values is not None:
        height, width = map(int, values.shape)
        numbers = data[len(data) - 4 * height * width :]
        header = data[: len(data) - len(numbers)].split()
        assert header[0] == b"Pf" and [int(n) for n in header[1:3]] == [width, height]
        order = "<f4" if float(header[3]) < 0 else ">f4"
        due = np.frombuffer(numbers, order).reshape(height, width)[::-1]
        due = np.where(np.isfinite(due), due, np.nan).astype(np.float32)
        assert np.array_equal(values, due, equal_nan=True)


def fuzz_list(data):
    """A list gives the last part of each line."""
    stems = _read(read_list, data, "train.txt")
    if stems is not None:
        assert stems
        text = data.decode("utf-8-sig")
        lines = [line.strip() for line in text.splitlines()]
        assert len(stems) == sum(bool(x) and x[0] != "#" for x in lines)
        assert not any("/" in stem for stem in stems)


def fuzz_record(data):
    """A record has image and depth of the declared size, or TensorFlow refuses it."""
    try:
        record = decode_record(tf.constant(data))
        record["name"].numpy().decode()
    except (tf.errors.InvalidArgumentError, UnicodeDecodeError):
        return
    assert record["image"].dtype == tf.uint8 and record["image"].shape.rank == 3
    assert record["depth"].dtype == tf.float32 and record["depth"].shape.rank == 3


def fuzz_shard(data):
    """The same for a whole file, whose checksums rarely fit."""
    path = _FOLDER / "shard.tfrecord"
    path.write_bytes(data)
    _read_shard(path)


def _read_shard(path):
    try:
        for record in _read_records(path):
            assert record["image"].dtype == np.uint8 and record["image"].ndim == 3
            assert record["depth"].dtype == np.float32 and record["depth"].ndim == 3
    except ValueError as error:
        assert str(path) in str(error), error
        assert len(str(error).splitlines()) == 1, error


def fuzz_npy(data):
    """A readable NPY gives what NumPy reads."""
    _same_as_numpy(data, "d.npy")


def fuzz_npz(data):
    """An NPZ gives depth or an error."""
    depth = _read(read_depth, data, "d.npz")
    assert depth is None or (depth.ndim == 2 and np.isfinite(depth).all())


def _same_as_numpy(data, name):
    depth = _read(read_relative_depth, data, name)
    if depth is not None:
        with np.errstate(over="ignore"):
            due = np.load(io.BytesIO(data)).astype(np.float64).astype(np.float32)
        due = np.where(np.isfinite(due), due, np.float32(np.nan))
        assert np.array_equal(depth, due.reshape(depth.shape), equal_nan=True)


def fuzz_pickle(data):
    """A pickle gives data or an error."""
    try:
        load_pickle(io.BytesIO(data), NUMPY_GLOBALS, path="w.npy")
    except ValueError as error:
        assert str(error).startswith("w.npy"), error


def fuzz_torch(data):
    """A state dictionary gives arrays that fit in the file."""
    arrays = _read(read_state_dict, data, "w.pth")
    for array in (arrays or {}).values():
        assert array.nbytes <= max(len(data), 1)


def _seeds():
    """Target to well-formed inputs."""
    from hostile.weight_cases import _array_pickle, _torch

    image = np.zeros((2, 3, 3), np.uint8)
    record = encode_record("0007", image, _VALUES)
    shard = _FOLDER / "seed"
    with tf.io.TFRecordWriter(str(shard)) as writer:
        writer.write(record)
    array = b"\x80\x02" + _array_pickle((4,), "f4", b"\0" * 16) + b"."
    pickles = [pickle.dumps({"a": _VALUES}, n) for n in range(6)]
    return {
        "pfm": [pfm_of(_VALUES), b"Pf 3 2 1e-3\r\n" + b"\1" * 24],
        "list": [b"a.png\r\n# b\n\n../c.npy", b"\xef\xbb\xbfgr\xc3\xbcn\n"],
        "record": [record],
        "shard": [shard.read_bytes()],
        "npy": [npy_of(_VALUES), npy_of(np.asfortranarray(_VALUES.astype(">f8")))],
        "npz": [npz_of({"depth.npy": npy_of(_VALUES)})],
        "pickle": [array, *pickles],
        "torch": [_torch(True), _torch(False)],
    }


_TARGETS = {
    "pfm": fuzz_pfm,
    "list": fuzz_list,
    "record": fuzz_record,
    "shard": fuzz_shard,
    "npy": fuzz_npy,
    "npz": fuzz_npz,
    "pickle": fuzz_pickle,
    "torch": fuzz_torch,
}


def _fuzz(target, seconds):
    """Fuzzes one target in this process, which Atheris ends."""
    corpus = _FOLDER / "corpus"
    corpus.mkdir()
    for number, data in enumerate(_seeds()[target]):
        (corpus / str(number)).write_bytes(data)
    # Only what has just been looked at counts: a parser may not leave the limit.
    options = [f"-max_total_time={seconds}", "-max_len=4096", "-rss_limit_mb=3000"]
    options += ["-timeout=10", "-print_final_stats=1", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], _TARGETS[target])
    atheris.Fuzz()


def main():
    """Fuzzes one target, or each in a process of its own."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--target", choices=_TARGETS)
    arguments.add_argument("--seconds", type=int, default=600)
    options = arguments.parse_args()
    if options.target:
        _fuzz(options.target, options.seconds)
    share = max(options.seconds // len(_TARGETS), 1)
    for target in _TARGETS:
        command = [sys.executable, __file__, f"--target={target}"]
        result = subprocess.run(
            [*command, f"--seconds={share}"],
            capture_output=True,
            text=True,
            errors="replace",
        )
        runs = re.findall(r"number_of_executed_units: (\d+)", result.stderr)
        found = "nothing" if result.returncode == 0 else "a failure:"
        print(f"{target}: {' '.join(runs)} inputs in {share} s, found {found}")
        if result.returncode:
            sys.exit(result.stderr[-4000:])


if __name__ == "__main__":
    main()
