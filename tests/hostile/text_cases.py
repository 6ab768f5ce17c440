"""Split lists, dmin.txt, run.json, metrics, and names of records."""

import json

from data_prep.conversion.middlebury_scenes import read_dmin
from data_prep.conversion.pair_lists import read_list
from dpde_tf.config import GradientNetworkConfig
from dpde_tf.data.manifest import read_manifest
from dpde_tf.files.predictions import prediction_path
from dpde_tf.runs.run_folder import read_metrics, read_run_record, recorded_config

from .array_cases import _case
from .case import Case


def list_cases():
    """Lists of the pairs of a split."""
    for name, data in (
        ("empty", b""),
        ("comments alone", b"# a\n\n  # b\n"),
        ("a PNG", b"\x89PNG\r\n\x1a\n\xff\xfe\xfd"),
        ("UTF-16", "a\nb\n".encode("utf-16")),
        ("Latin-1", "zimmer_grün\n".encode("latin1")),
        ("half a character", "zimmer_grün".encode()[:-2]),
    ):
        yield _case("split list", name, "train.txt", data, read_list)
    for name, data, right in (
        ("lines of Windows", b"a.png\r\nb\r\n", ["a", "b"]),
        ("the mark of Windows", b"\xef\xbb\xbfa.png\nb", ["a", "b"]),
        ("lines of old Macs", b"a\rb\r", ["a", "b"]),
        ("folders above", b"../../a.png\n/etc/passwd\n", ["a", "passwd"]),
        ("dots in names", b"a.b.png\n1.5\n", ["a.b", "1.5"]),
        ("NUL", b"a\0b\n", ["a\0b"]),
        ("a line of a megabyte", b"x" * 2**20, ["x" * 2**20]),
        ("100000 lines", b"a\n" * 100_000, ["a"] * 100_000),
    ):
        yield _case("split list", name, "train.txt", data, read_list, right)


def dmin_cases():
    """The cropped disparity of a scene of Middlebury."""

    def read(path):
        return read_dmin(path.parent, "Aloe")[0]

    for data in (
        b"",
        b"nan",
        b"inf",
        b"-inf",
        b"1e400",
        b"-1",
        b"270 280",
        b"0x10",
        b"\xff\xfe2\0",
        b"[" * 9999,
        b"9" * 99_999,
    ):
        yield _case("dmin.txt", repr(data[:12]), "dmin.txt", data, read)
    for data, right in ((b"270\n", 270.0), (b" 0 ", 0.0), (b"\xef\xbb\xbf1e2", 100.0)):
        yield _case("dmin.txt", repr(data), "dmin.txt", data, read, right)


def run_cases():
    """The record and the metrics of a run."""

    def config(path):
        return recorded_config(path.parent, GradientNetworkConfig)

    name = GradientNetworkConfig.__name__
    for title, content in (
        ("a list", []),
        ("null", None),
        ("no configuration", {}),
        ("a configuration that is text", {"config": "none"}),
        ("another network", {"config": {"Other": {}}}),
        ("an unknown field", {"config": {name: {"code": "import os"}}}),
        ("fields in a list", {"config": {name: [1, 2]}}),
        ("a number for fields", {"config": {name: 3}}),
    ):
        data = json.dumps(content).encode()
        yield _case("run.json", title, "run.json", data, config)
    right = GradientNetworkConfig()
    data = json.dumps({"config": {name: {}}}).encode()
    yield _case("run.json", "whole", "run.json", data, config, right)
    for title, data in (
        ("empty", b""),
        ("cut off", b'{"config": {'),
        ("not UTF-8", b'{"a": "\xff"}'),
        ("a pickle", b"\x80\x04N."),
    ):
        yield _case(
            "run.json", title, "run.json", data, lambda p: read_run_record(p.parent)
        )
        yield _case(
            "metrics.jsonl",
            title,
            "metrics.jsonl",
            data,
            lambda p: read_metrics(p.parent),
            [] if title == "empty" else None,
        )


def record_name_cases():
    """Names of records, which become names of files."""
    for name in (
        "",
        ".",
        "/",
        "../a",
        "a/../../b",
        "/etc/cron.d/a",
        "a/",
        "a\0b",
        b"\xff/a",
        b"../\xff",
    ):
        yield _name_case(name, None)
    for name in ("0007", "..", "a.b", "..a", "grün", "a b", "-rf"):
        yield _name_case(name, f"{name}.npz")


def _name_case(name, right):
    def write(folder):
        return folder / "output"

    def read(path):
        made = prediction_path(path, name)
        assert made.parent == path
        return made.name

    return Case("record name", repr(name), write, read, right)


def manifest_cases():
    """Manifests of record sets."""
    shard = {"file": "a.tfrecord", "num_records": 1, "num_bytes": 9, "sha256": "0" * 64}
    statistics = dict.fromkeys(("depth_min", "depth_max", "depth_mean"), 1.0)
    split = {"names": ["a"], "shards": [shard], "valid_fraction": 1.0, **statistics}
    good = {
        "format_version": 1,
        "dataset": "mine",
        "image_size": [2, 3],
        "splits": {"test": split},
        "source": {},
    }

    def case(name, data, right=None):
        def read(path):
            return read_manifest(path.parent).image_size[1]

        return _case("manifest.json", name, "manifest.json", data, read, right)

    yield case("whole", json.dumps(good).encode(), 3)
    whole = json.dumps(good).encode()
    for length in (0, 1, 40, len(whole) // 2, len(whole) - 1):
        yield case(f"cut after {length}", whole[:length])
    for name, data in (
        ("no text", b"\xff\xfe\0"),
        ("a list", b"[]"),
        ("a number", b"7"),
        ("null", b"null"),
        ("deep", b"[" * 99_999),
    ):
        yield case(name, data)
    for key in good:
        yield case(f"no {key}", _json(good, without=key))
    for name, changes in (
        ("another version", {"format_version": 2}),
        ("splits of a list", {"splits": []}),
        ("a split of text", {"splits": {"test": "a"}}),
        ("a size of three", {"image_size": [1, 2, 3]}),
        ("a size of text", {"image_size": "ab"}),
        ("no size", {"image_size": None}),
    ):
        yield case(name, _json(good | changes))
    for key in split:
        broken = {k: v for k, v in split.items() if k != key}
        yield case(f"a split without {key}", _json(good | {"splits": {"a": broken}}))
    for name, changes in (
        ("another folder", {"file": "../a.tfrecord"}),
        ("the root", {"file": "/etc/passwd"}),
        ("a file of a number", {"file": 7}),
        ("a field too many", {"code": "import os"}),
    ):
        shards = [shard | changes]
        changed = good | {"splits": {"test": split | {"shards": shards}}}
        yield case(f"a shard with {name}", _json(changed))


def _json(fields, without=None):
    return json.dumps({k: v for k, v in fields.items() if k != without}).encode()
