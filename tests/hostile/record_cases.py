"""Broken TFRecord files, and record sets with a manifest that matches them."""

import dataclasses

import numpy as np
import tensorflow as tf

from data_prep.conversion.verification import verify_record_set
from dpde_tf.data import manifest
from dpde_tf.data.records import encode_record
from dpde_tf.files.checksums import file_sha256

from .case import Case
from .files import cuts, flips, patched, png_of

_IMAGE = np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 9
_DEPTH = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
_STATISTICS = {"depth_min": 1.0, "depth_max": 6.0, "depth_mean": 3.5}


def _record(**changes):
    """A record with some fields replaced; None leaves one out."""
    example = tf.train.Example.FromString(encode_record("0007", _IMAGE, _DEPTH))
    feature = example.features.feature
    for key, value in changes.items():
        key = {"image": "image/encoded", "depth": "depth/raw"}.get(key, key)
        del feature[key]
        if isinstance(value, bytes):
            feature[key].bytes_list.value.append(value)
        elif isinstance(value, float):
            feature[key].float_list.value.append(value)
        elif value is not None:
            feature[key].int64_list.value.append(value)
    return example.SerializeToString(deterministic=True)


def _set(*records, change=lambda data: data, name="0007", file="test.tfrecord"):
    """Writes a record set whose manifest has the true sizes and checksums."""

    def write(folder):
        path = folder / "test.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in records:
                writer.write(record)
        path.write_bytes(change(path.read_bytes()))
        shard = manifest.Shard(file, 1, path.stat().st_size, file_sha256(path))
        split = manifest.Split((name,), (shard,), valid_fraction=1.0, **_STATISTICS)
        described = manifest.Manifest("mine", (2, 3), {"test": split}, {})
        manifest.write_manifest(described, folder)
        return path

    return write


def _verify(path):
    split = verify_record_set(path.parent).splits["test"]
    return {k: v for k, v in dataclasses.asdict(split).items() if k in _STATISTICS}


def record_cases():
    """Record sets, verified."""
    entry = "TFRecord"

    def case(name, write, expected=None, **options):
        return Case(entry, name, write, _verify, expected, virtual=False, **options)

    good = _record()
    yield case("whole", _set(good), _STATISTICS)
    # Only the right value is possible.
    yield case("a height of -1", _set(_record(height=-1)), _STATISTICS)
    yield case("none", _set())
    yield case("one more", _set(good, good))
    yield case("another name", _set(good, name="0008"))
    yield case("a missing shard", _set(good, file="none.tfrecord"), named="none.tf")
    odd = np.float32([[np.nan, 1, 2], [3, 4, 5]])
    for name, changes in (
        ("no image", {"image": None}),
        ("no depth", {"depth": None}),
        ("no name", {"name": None}),
        ("no height", {"height": None}),
        ("an image of text", {"image": b"image"}),
        ("an image of nothing", {"image": b""}),
        ("an image of another size", {"image": png_of(1, 1, [bytes(3)], bits=8)}),
        ("an image of 100 GB", {"image": png_of(200_000, 170_000, [], colour=2)}),
        ("an image of 1 gigapixel", {"image": png_of(32_768, 32_767, [], bits=8)}),
        ("a cut depth", {"depth": _DEPTH.tobytes()[:-4]}),
        ("a depth of odd bytes", {"depth": _DEPTH.tobytes()[:-1]}),
        ("a depth with NaN", {"depth": odd.tobytes()}),
        ("a depth with infinity", {"depth": (_DEPTH * np.float32(np.inf)).tobytes()}),
        ("a negative depth", {"depth": (-_DEPTH).tobytes()}),
        ("a depth of zeros", {"depth": bytes(24)}),
        ("a height of 10^11", {"height": 10**11}),
        ("a height of 2^62", {"height": 2**62, "width": 4}),
        ("a negative height", {"height": -2}),
        ("a height of 0", {"height": 0}),
        ("a height of a float", {"height": 2.0}),
        ("a name of a number", {"name": 7}),
        ("a name that is no text", {"name": b"\xff\xfe"}),
        ("a name of another folder", {"name": b"../../0007"}),
    ):
        yield case(name, _set(_record(**changes)))
    yield case("empty", _set(b""))
    yield case("text", _set(b"hello" * 9))
    yield case("a control character", _set(b"\x0c"))
    yield case("no text in the name of a field", _set(b"\n\x05\n\x03\n\x01\xbd" + good))
    for length, data in cuts(good, 8):
        yield case(f"a record cut after {length}", _set(data))
    for position, _ in flips(bytes(214), 16):
        yield case(
            f"a file with byte {position} changed", _set(good, change=_at(position))
        )
    for part in (0, 4, 12, 100):
        yield case(
            f"a file cut after {part}", _set(good, change=lambda d, n=part: d[:n])
        )
    for size in (10**11, 2**63):
        yield case(
            f"a record of {size} bytes",
            _set(good, change=lambda d, n=size: n.to_bytes(8, "little") + d[8:]),
        )


def _at(position):
    return lambda data: patched(data, position, bytes([data[position] ^ 0x55]))
