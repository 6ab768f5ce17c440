"""Tests of the record format and the manifest."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.data.manifest import Manifest, Shard, Split, read_manifest, write_manifest
from dpde_tf.data.records import (
    decode_record,
    encode_record,
    open_record_writer,
    readable_record_errors,
)
from dpde_tf.files.checksums import file_sha256
from tests.fixtures.small_training import largest_file


def test_decode_record_inverts_encode_record(rng):
    image = rng.integers(0, 256, [5, 7, 3], np.uint8)
    depth = rng.uniform(0, 81, [5, 7]).astype(np.float32)
    depth[2, 3] = 0.0
    record = decode_record(encode_record("größe", image, depth))
    assert record["name"].numpy().decode() == "größe"
    assert np.array_equal(record["image"], image)
    assert record["depth"].dtype == "float32"
    assert np.array_equal(record["depth"][..., 0], depth)


def test_encode_record_rejects_other_types_and_shapes():
    image = np.zeros([2, 3, 3], np.uint8)
    with pytest.raises(ValueError, match=r"image of 'a' must be uint8"):
        encode_record("a", image.astype(np.float32), np.zeros([2, 3], np.float32))
    with pytest.raises(ValueError, match=r"must be float32 \(2, 3\).*float64"):
        encode_record("a", image, np.zeros([2, 3]))
    with pytest.raises(ValueError, match=r"Received: float32 \(3, 2\)"):
        encode_record("a", image, np.zeros([3, 2], np.float32))


@pytest.fixture
def manifest():
    shard = Shard(file="train-0.tfrecord", num_records=2, num_bytes=9, sha256="ab" * 32)
    split = Split(
        names=("a", "b"),
        shards=(shard,),
        depth_min=0.5,
        depth_max=9.0,
        depth_mean=2.5,
        valid_fraction=1.0,
    )
    return Manifest(
        dataset="small",
        image_size=(2, 3),
        splits={"train": split},
        source={"raw": "x"},
    )


def test_read_manifest_inverts_write_manifest(manifest, tmp_path):
    write_manifest(manifest, tmp_path)
    assert read_manifest(tmp_path) == manifest
    assert manifest.split("train").num_records == 2


def test_manifest_split_error_lists_the_splits(manifest):
    with pytest.raises(ValueError, match=r"no split 'test'; it has: train"):
        manifest.split("test")


def test_read_manifest_rejects_another_version(manifest, tmp_path):
    write_manifest(dataclasses.replace(manifest), tmp_path)
    path = tmp_path / "manifest.json"
    fields = json.loads(path.read_text()) | {"format_version": 0}
    path.write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=r"must have format_version 1"):
        read_manifest(tmp_path)


def test_split_file_of_finds_the_shard_of_a_record(manifest):
    split = manifest.split("train")
    shards = tuple(
        dataclasses.replace(split.shards[0], file=file, num_records=1)
        for file in ("first", "second")
    )
    split = dataclasses.replace(split, shards=shards)
    assert [split.file_of(name) for name in split.names] == ["first", "second"]
    with pytest.raises(ValueError, match="fewer records than names: 'c'"):
        dataclasses.replace(split, names=("a", "b", "c")).file_of("c")


def test_open_record_writer_on_a_full_disk_names_file_and_remedy(tmp_path):
    with (
        pytest.raises(OSError, match=r"a.tfrecord could not be written: .*Free space"),
        largest_file(1000),
        open_record_writer(tmp_path / "a.tfrecord") as writer,
    ):
        writer.write(b"x" * 10**6)
    with (
        pytest.raises(OSError, match=r"none/a.tfrecord could not be written"),
        open_record_writer(tmp_path / "none" / "a.tfrecord"),
    ):
        pass


def _one_shard(folder, record):
    """A record set of one intact shard that holds `record`."""
    path = folder / "train-0.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(record)
    size, sha = path.stat().st_size, file_sha256(path)
    return dataclasses.replace(
        Split(("a",), (), 0.5, 9.0, 2.5, 1.0), shards=(Shard(path.name, 1, size, sha),)
    )


def test_record_errors_name_the_folder_of_a_bad_record(
    tmp_path,
):
    split = _one_shard(tmp_path, b"no example")
    dataset = tf.data.TFRecordDataset(str(tmp_path / "train-0.tfrecord"))
    with (
        pytest.raises(
            ValueError, match=rf"record of {tmp_path} .*data again"
        ) as caught,
        readable_record_errors(tmp_path, split),
    ):
        list(dataset.map(decode_record))
    assert len(str(caught.value).splitlines()) == 1


def test_record_errors_do_not_change_other_errors(tmp_path):
    split = _one_shard(tmp_path, b"no example")
    with (
        pytest.raises(tf.errors.InvalidArgumentError),
        readable_record_errors(tmp_path, split),
    ):
        tf.linalg.matmul(tf.ones((2, 3)), tf.ones((2, 3)))
