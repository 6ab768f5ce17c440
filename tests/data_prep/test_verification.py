"""Tests of data_prep.verification: a record set changed in every way is refused."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from data_prep.conversion.pair_encoding import Pair
from data_prep.conversion.record_sets import Options, write_record_set
from data_prep.conversion.verification import format_table, verify_record_set
from dpde_tf.data import manifest
from dpde_tf.data.records import encode_record
from dpde_tf.files.checksums import file_sha256
from tests.fixtures.programs import run_program

IMAGE = np.zeros((2, 3, 3), np.uint8)
DEPTH = np.full((2, 3), 2.0, np.float32)


@pytest.fixture
def record_set(tmp_path):
    """A record set of three pairs in two shards."""
    pairs = [Pair(name, name, lambda: (IMAGE, DEPTH)) for name in "abc"]
    write_record_set(
        tmp_path / "set",
        dataset="mine",
        splits={"train": pairs},
        raw_files={},
        options=Options(num_shards=2),
    )
    return tmp_path / "set"


def _rewrite(record_set, records, index=0):
    """Writes another shard with its true size and SHA-256 in the manifest."""
    described = manifest.read_manifest(record_set)
    split = described.splits["train"]
    path = record_set / split.shards[index].file
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    shards = list(split.shards)
    size = path.stat().st_size
    shards[index] = dataclasses.replace(
        shards[index], num_bytes=size, sha256=file_sha256(path)
    )
    split = dataclasses.replace(split, shards=tuple(shards))
    changed = dataclasses.replace(described, splits={"train": split})
    manifest.write_manifest(changed, record_set)


def test_verify_record_set_accepts_what_was_written(record_set):
    assert verify_record_set(record_set) == manifest.read_manifest(record_set)


def test_verify_record_set_refuses_a_changed_byte(record_set):
    path = record_set / "train-00000-of-00002.tfrecord"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"00000-of-00002.* SHA-256 .*--overwrite"):
        verify_record_set(record_set)


def test_verify_record_set_refuses_truncated_and_missing_shards(record_set):
    path = record_set / "train-00001-of-00002.tfrecord"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"00001-of-00002.* must have \d+ bytes"):
        verify_record_set(record_set)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"00001-of-00002.*does not exist"):
        verify_record_set(record_set)


def test_verify_record_set_refuses_another_order(record_set):
    _rewrite(record_set, [encode_record(name, IMAGE, DEPTH) for name in "ba"])
    with pytest.raises(ValueError, match="expected 'a', found 'b'"):
        verify_record_set(record_set)


def test_verify_record_set_refuses_another_shape(record_set):
    other = encode_record("a", IMAGE[:1], DEPTH[:1])
    _rewrite(record_set, [other, encode_record("b", IMAGE, DEPTH)])
    with pytest.raises(ValueError, match=r"'a' must have the size \(2, 3\)"):
        verify_record_set(record_set)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_verify_record_set_refuses_a_depth_out_of_range(record_set, value):
    depth = DEPTH.copy()
    depth[1, 1] = value
    _rewrite(record_set, [encode_record(name, IMAGE, depth) for name in "ab"])
    with pytest.raises(ValueError, match="'a' must be finite, at least 0"):
        verify_record_set(record_set)


def test_verify_record_set_refuses_an_empty_depth(record_set):
    _rewrite(record_set, [encode_record(name, IMAGE, 0 * DEPTH) for name in "ab"])
    with pytest.raises(
        ValueError, match=r"measured somewhere; it goes from 0.0 to 0.0"
    ):
        verify_record_set(record_set)


@pytest.mark.parametrize("names", ["a", "abx"])
def test_verify_record_set_refuses_another_number_of_records(record_set, names):
    _rewrite(record_set, [encode_record(name, IMAGE, DEPTH) for name in names])
    with pytest.raises(ValueError, match="must hold 2 records exactly"):
        verify_record_set(record_set)


def test_verify_record_set_refuses_a_manifest_with_wrong_counts(record_set):
    described = manifest.read_manifest(record_set)
    split = dataclasses.replace(described.splits["train"], names=("a", "b"))
    changed = dataclasses.replace(described, splits={"train": split})
    manifest.write_manifest(changed, record_set)
    with pytest.raises(
        ValueError, match="shards of 'train' must hold 2 records in all"
    ):
        verify_record_set(record_set)


@pytest.mark.parametrize(
    "field, stated, found",
    [
        ("depth_min", 1.0, 2.0),
        ("depth_max", 8.5, 5.0),
        ("depth_mean", 3.00000001, 3.0),
        ("valid_fraction", 0.6666, 2 / 3),
        ("depth_mean", float("nan"), 3.0),
    ],
)
def test_verify_record_set_refuses_other_depth_statistics(
    tmp_path, field, stated, found
):
    # By hand: (2 + 2 + 5 + 2 + 2 + 2 + 5 + 4) / 8 = 3; 8 of 12 pixels are measured.
    depths = ([[2, 2, 5], [0, 0, 0]], [[2, 2, 2], [5, 4, 0]])
    pairs = [
        Pair(str(index), str(index), lambda d=depth: (IMAGE, np.float32(d)))
        for index, depth in enumerate(depths)
    ]
    splits, folder = {"train": pairs}, tmp_path / "set"
    write_record_set(folder, dataset="mine", splits=splits, raw_files={})
    described = verify_record_set(folder)
    split = dataclasses.replace(described.splits["train"], **{field: stated})
    changed = dataclasses.replace(described, splits={"train": split})
    manifest.write_manifest(changed, folder)
    match = rf"manifest.json must give the {field} .*'train', which is {found!r}; it "
    with pytest.raises(ValueError, match=rf"{match}gives {stated!r}.*--overwrite"):
        verify_record_set(folder)


def test_verify_record_set_allows_another_order_of_the_sum(record_set):
    described = manifest.read_manifest(record_set)
    split = described.splits["train"]
    split = dataclasses.replace(split, depth_mean=np.nextafter(split.depth_mean, 9))
    changed = dataclasses.replace(described, splits={"train": split})
    manifest.write_manifest(changed, record_set)
    assert verify_record_set(record_set) == changed


def test_verify_record_set_names_a_folder_without_manifest(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a record set"):
        verify_record_set(tmp_path)


def test_format_table_has_one_line_per_split(record_set):
    lines = format_table(manifest.read_manifest(record_set)).splitlines()
    assert lines[0] == "mine, 2 x 3"
    assert lines[2].split() == [
        "train",
        "3",
        "0",
        "2.000",
        "2.000",
        "2.000",
        "100.0",
        "%",
    ]


@pytest.mark.slow
def test_program_prints_the_table_or_the_error(record_set):
    done = run_program("data_prep.verification", records=record_set)
    assert "mine, 2 x 3" in done.stdout
    (record_set / "train-00000-of-00002.tfrecord").unlink()
    done = run_program("data_prep.verification", records=record_set, check=False)
    assert done.returncode == 1 and "Error: " in done.stderr
