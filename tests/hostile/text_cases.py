"""Split lists, dmin.txt, run.json, metrics, and names of records."""

import json

from data_prep.middlebury_scenes import read_dmin
from data_prep.rgbd_folder import read_list
from dpde_tf.config import GradientNetworkConfig
from dpde_tf.prediction_files import prediction_path
from dpde_tf.run_folder import read_metrics, read_run_record, recorded_config

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
