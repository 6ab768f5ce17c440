"""Tests of data_prep.conversion.record_sets."""

import itertools
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import tensorflow as tf

from data_prep.conversion import record_sets, split_writing
from data_prep.conversion.pair_encoding import Pair
from data_prep.conversion.record_sets import Options, write_record_set
from dpde_tf.data import manifest
from dpde_tf.data.records import decode_record


def _pairs(rng, count, size=(4, 6), prefix="p"):
    """Random pairs with a few holes, and their arrays."""
    arrays = []
    for _ in range(count):
        depth = rng.uniform(1, 9, size).astype(np.float32)
        depth[0, 0] = 0
        arrays.append((rng.integers(0, 256, (*size, 3), np.uint8), depth))
    pairs = [
        Pair(f"{prefix}{i}", f"{prefix}{i}.raw", lambda a=a: a)
        for i, a in enumerate(arrays)
    ]
    return pairs, arrays


def _write(output, splits, **kwargs):
    return write_record_set(
        output, dataset="mine", splits=splits, raw_files={}, **kwargs
    )


def _read(output, split):
    shards = manifest.read_manifest(output).splits[split].shards
    files = [str(output / shard.file) for shard in shards]
    return list(tf.data.TFRecordDataset(files).map(decode_record).as_numpy_iterator())


def _bytes(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_write_record_set_gives_the_same_arrays_back_in_order(tmp_path, rng):
    pairs, arrays = _pairs(rng, 7)
    described = _write(
        tmp_path / "set", {"train": pairs}, options=Options(num_shards=3)
    )
    records = _read(tmp_path / "set", "train")
    assert [record["name"].decode() for record in records] == [p.name for p in pairs]
    for record, (image, depth) in zip(records, arrays, strict=True):
        np.testing.assert_array_equal(record["image"], image)
        np.testing.assert_array_equal(record["depth"][..., 0], depth)
    split = described.splits["train"]
    assert [shard.num_records for shard in split.shards] == [3, 2, 2]
    assert split.names == tuple(pair.name for pair in pairs)
    assert described == manifest.read_manifest(tmp_path / "set")


def test_write_record_set_describes_the_depths(tmp_path):
    # Hand: measured 1, 3 and 2, 4, 5 of 8 pixels; sum 15 over 5.
    depths = [[[1, 3], [0, 0]], [[2, 4], [5, 0]]]
    image = np.zeros((2, 2, 3), np.uint8)
    pairs = [
        Pair(str(i), str(i), lambda d=d: (image, np.float32(d)))
        for i, d in enumerate(depths)
    ]
    split = _write(tmp_path / "set", {"test": pairs}).splits["test"]
    found = split.depth_min, split.depth_max, split.depth_mean, split.valid_fraction
    assert found == (1, 5, 3, 5 / 8)
    assert [shard.num_records for shard in split.shards] == [1, 1]


def test_write_record_set_does_not_depend_on_the_workers(tmp_path, rng):
    pairs, _ = _pairs(rng, 9)
    for workers in (1, 3):
        options = Options(workers=workers)
        _write(tmp_path / str(workers), {"train": pairs}, options=options)
    assert _bytes(tmp_path / "1") == _bytes(tmp_path / "3")


def test_write_record_set_orders_the_fields_of_a_record(tmp_path, rng):
    """Otherwise the bytes change with the hash seed of the process."""
    _write(tmp_path / "set", {"train": _pairs(rng, 1)[0]})
    (shard,) = (tmp_path / "set").glob("*.tfrecord")
    (serialized,) = tf.data.TFRecordDataset(str(shard)).as_numpy_iterator()
    example = tf.train.Example.FromString(serialized)
    assert serialized == example.SerializeToString(deterministic=True)


def test_write_record_set_resizes_image_and_depth(tmp_path):
    image = np.array([[[0] * 3, [10] * 3], [[20] * 3, [31] * 3]], np.uint8)
    depth = np.float32([[1, 2], [3, 5]])
    pair = Pair("a", "a", lambda: (image, depth))
    described = _write(tmp_path / "set", {"test": [pair]}, image_size=(1, 1))
    (record,) = _read(tmp_path / "set", "test")
    assert described.image_size == (1, 1)
    np.testing.assert_array_equal(record["depth"], [[[11 / 4]]])
    np.testing.assert_array_equal(record["image"], [[[15] * 3]])  # 61 / 4 = 15.25


def test_write_record_set_describes_its_source(tmp_path, rng):
    raw = tmp_path / "raw.bin"
    raw.write_bytes(b"abc")
    options = Options(allow_partial=True)
    source = write_record_set(
        tmp_path / "set",
        dataset="mine",
        splits={"train": _pairs(rng, 1)[0]},
        raw_files={"raw": [raw]},
        settings={"scale": 2.0},
        options=options,
    ).source
    # The SHA-256 of "abc" is the example of FIPS 180-2, appendix B.1.
    assert source["raw_files"]["raw"] == {
        "num_files": 1,
        "num_bytes": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }
    assert source["settings"] == {"scale": 2.0}
    assert source["allow_partial"] is True
    assert source["versions"]["tensorflow"] == tf.__version__


def test_write_record_set_leaves_a_record_set_alone(tmp_path, rng):
    (first,), (second,) = _pairs(rng, 1, prefix="a")[0], _pairs(rng, 1, prefix="b")[0]
    _write(tmp_path / "set", {"train": [first]})
    before = _bytes(tmp_path / "set")
    with pytest.raises(FileExistsError, match="--overwrite"):
        _write(tmp_path / "set", {"train": [second]})
    assert _bytes(tmp_path / "set") == before
    _write(tmp_path / "set", {"train": [second]}, options=Options(overwrite=True))
    assert _read(tmp_path / "set", "train")[0]["name"] == b"b0"
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_write_record_set_never_replaces_another_folder(tmp_path, rng):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    with pytest.raises(FileExistsError, match="not a record set"):
        options = Options(overwrite=True)
        _write(tmp_path / "photos", {"train": _pairs(rng, 1)[0]}, options=options)
    assert (tmp_path / "photos" / "a.jpg").exists()


def test_write_record_set_never_replaces_other_files(tmp_path, rng):
    pairs, options = {"train": _pairs(rng, 1)[0]}, Options(overwrite=True)
    for name in ("set.tmp", "set.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").touch()
    _write(tmp_path / "set", pairs)
    (tmp_path / "set" / "notes.txt").touch()
    with pytest.raises(FileExistsError, match=r"set holds notes\.txt, which would be"):
        _write(tmp_path / "set", pairs, options=options)
    (tmp_path / "set" / "notes.txt").rename(tmp_path / "notes.txt")
    _write(tmp_path / "set", pairs, options=options)
    mine = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.txt")}
    assert mine == {"notes.txt", "set.tmp/mine.txt", "set.old/mine.txt"}


def test_write_record_set_removes_leftovers_of_a_killed_run(tmp_path, rng):
    (tmp_path / "set").mkdir()
    (tmp_path / ".partial-set").mkdir()
    (tmp_path / ".partial-set" / "train-00000-of-00001.tfrecord").touch()
    _write(tmp_path / "set", {"test": _pairs(rng, 1)[0]})
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert {path.name for path in (tmp_path / "set").iterdir()} == {
        "manifest.json",
        "test-00000-of-00001.tfrecord",
    }


def test_write_record_set_leaves_nothing_when_a_pair_fails(tmp_path, rng):
    def load():
        raise ValueError("bad.png is broken")

    pairs = [*_pairs(rng, 3)[0], Pair("bad", "bad.png", load)]
    with pytest.raises(ValueError, match=r"bad.png is broken"):
        _write(tmp_path / "set", {"train": pairs})
    assert not list(tmp_path.iterdir())


def test_failed_replacement_restores_the_former_set(tmp_path, rng):
    """The state after a kill or a failure between the two renamings."""
    _write(tmp_path / "set", {"train": _pairs(rng, 2)[0]})
    former = (tmp_path / "set" / "manifest.json").read_bytes()

    def load():
        (tmp_path / "set").rename(tmp_path / ".partial-former-set")
        raise OSError("the disk is gone")

    pairs, options = [Pair("bad", "bad.png", load)], Options(overwrite=True)
    for _ in range(2):
        with pytest.raises(OSError, match="the disk is gone"):
            _write(tmp_path / "set", {"train": pairs}, options=options)
        assert (tmp_path / "set" / "manifest.json").read_bytes() == former
        assert [path.name for path in tmp_path.iterdir()] == ["set"]
    (tmp_path / "set").rename(tmp_path / ".partial-former-set")
    load_again = [Pair("bad", "bad.png", lambda: 1 / 0)]
    with pytest.raises(ZeroDivisionError):
        _write(tmp_path / "set", {"train": load_again}, options=options)
    assert (tmp_path / "set" / "manifest.json").read_bytes() == former


@pytest.mark.slow
def test_killed_write_record_set_leaves_no_output(tmp_path, rng):
    program = textwrap.dedent(f"""
        import time, numpy as np
        from data_prep.conversion import record_sets
        from data_prep.conversion.pair_encoding import Pair
        def load():
            print("loading", flush=True)
            time.sleep(600)
        ready = lambda: (np.zeros((2, 2, 3), np.uint8), np.ones((2, 2), np.float32))
        pairs = [Pair("a", "a", ready), Pair("b", "b", load)]
        output = {str(tmp_path / "set")!r}
        record_sets.write_record_set(
            output, dataset="d", splits={{"train": pairs}}, raw_files={{}}
        )
    """)
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert any("loading" in line for line in process.stdout)
        process.send_signal(signal.SIGKILL)
    # The files of the lock, which its holder's death released, may stay.
    left = {path.name for path in tmp_path.iterdir()}
    assert ".partial-set" in left
    assert left <= {
        ".partial-set",
        ".set.dpde_tf.lock",
        ".set.dpde_tf.lock-holder",
    }
    _write(tmp_path / "set", {"train": _pairs(rng, 2)[0]})
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_encode_in_order_keeps_few_pairs_in_memory(rng):
    started = itertools.count()
    image, depth = _pairs(rng, 1)[1][0]

    def load():
        next(started)
        return image, depth

    encoded = split_writing._encode_in_order([Pair("a", "a", load)] * 50, None, 2)
    next(encoded)
    time.sleep(0.2)  # in which the threads would load all 50, if they might
    assert next(started) <= 5  # twice the workers, and the one that was taken
    encoded.close()


def test_write_record_set_refuses_bad_names_and_options(tmp_path, rng):
    pairs, _ = _pairs(rng, 2)
    with pytest.raises(ValueError, match="more than once: p0"):
        _write(tmp_path / "set", {"train": [*pairs, pairs[0]]})
    with pytest.raises(ValueError, match="'train' must have a pair"):
        _write(tmp_path / "set", {"train": []})
    with pytest.raises(ValueError, match="no pair to convert"):
        _write(tmp_path / "set", {})
    with pytest.raises(ValueError, match="--num_shards must be at least 1"):
        _write(tmp_path / "set", {"train": pairs}, options=Options(num_shards=0))
    assert not list(tmp_path.iterdir())


def test_write_record_set_refuses_several_sizes(tmp_path, rng):
    small, large = _pairs(rng, 2)[0], _pairs(rng, 2, (8, 6), "q")[0]
    with pytest.raises(ValueError, match=r"q0.raw has \(8, 6\).*--image_size"):
        _write(tmp_path / "set", {"train": [*small, *large]})
    with pytest.raises(ValueError, match="All splits must have one size"):
        _write(tmp_path / "set", {"train": small, "test": large})
    described = _write(
        tmp_path / "set", {"train": small, "test": large}, image_size=(4, 6)
    )
    assert described.image_size == (4, 6)


def test_write_record_set_takes_another_name(tmp_path, rng):
    pairs, _ = _pairs(rng, 1)
    described = _write(tmp_path / "set", {"train": pairs}, options=Options(name="toys"))
    assert described.dataset == "toys"
    assert manifest.read_manifest(tmp_path / "set").dataset == "toys"


def test_link_to_another_disk_stays_a_link(tmp_path, rng):
    (tmp_path / "disk").mkdir()
    (tmp_path / "set").symlink_to(tmp_path / "disk")
    pairs, options = {"train": _pairs(rng, 1)[0]}, Options(overwrite=True)
    for _ in range(2):
        _write(tmp_path / "set", pairs, options=options)
        assert (tmp_path / "set").is_symlink()
        assert manifest.read_manifest(tmp_path / "disk").splits
    assert {path.name for path in tmp_path.iterdir()} == {"set", "disk"}


def test_record_set_that_appears_meanwhile_is_left_alone(tmp_path, rng, monkeypatch):
    (first,), (second,) = _pairs(rng, 1, prefix="a")[0], _pairs(rng, 1, prefix="b")[0]
    describe = record_sets.describe_files

    def meanwhile(files):
        monkeypatch.setattr(record_sets, "describe_files", describe)
        _write(tmp_path / "set", {"train": [first]})
        return describe(files)

    monkeypatch.setattr(record_sets, "describe_files", meanwhile)
    with pytest.raises(FileExistsError, match="--overwrite"):
        write_record_set(
            tmp_path / "set",
            dataset="mine",
            splits={"train": [second]},
            raw_files={"raw": []},
        )
    assert _read(tmp_path / "set", "train")[0]["name"] == b"a0"


@pytest.mark.parametrize(("shrinking", "value"), [("area", 85), ("bilinear", 255)])
def test_images_are_shrunk_as_asked(tmp_path, shrinking, value):
    stripes = np.tile(np.uint8([0, 255, 0]), 2)[None, :, None].repeat(3, axis=2)
    pair = Pair("a", "a", lambda: (stripes, np.ones((1, 6), np.float32)))
    options = Options(shrinking=shrinking)
    _write(tmp_path / "set", {"test": [pair]}, image_size=(1, 2), options=options)
    (record,) = _read(tmp_path / "set", "test")
    assert (record["image"] == value).all()
