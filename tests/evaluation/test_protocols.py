import dataclasses
import pathlib

import pytest

from dpde_tf.evaluation import protocols


def names(*given, dataset="nyu_depth_v2", split="test"):
    chosen = protocols.choose_protocols(list(given), dataset=dataset, split=split)
    return [protocol.name for protocol in chosen]


def test_protocols_are_found_by_their_names():
    for name, protocol in protocols.PROTOCOLS.items():
        assert protocol.name == name
        assert protocol.source
        assert protocols.find_protocol(name) is protocol
    with pytest.raises(ValueError, match=r"Unknown protocol 'x'.*all, paper, fcrn"):
        protocols.find_protocol("x")


def test_choose_protocols_returns_all_for_the_data_set():
    nyu = ["paper", "fcrn", "harsanyi", "eigen", "hu", "mscrf"]
    assert names("all") == nyu
    assert names("hu", "all", "hu") == ["hu", *(name for name in nyu if name != "hu")]
    assert names("all", dataset="make3d") == ["paper", "c1", "c2"]
    assert names("all", dataset="middlebury", split="simple") == [
        "paper",
        "simple",
        "simple_median",
        "simple_least_squares",
        "simple_least_squares_disparity",
    ]
    assert names("all", dataset="rooms") == ["paper"]


def test_choose_protocols_accepts_a_named_one_for_other_data():
    assert names("eigen", "simple_median", dataset="rooms") == [
        "eigen",
        "simple_median",
    ]


def test_choose_protocols_refuses_the_other_depth_of_middlebury():
    with pytest.raises(ValueError, match=r"'simple' is for the split 'simple'.*`spl"):
        names("simple", dataset="middlebury", split="calibrated")
    with pytest.raises(ValueError, match="Unknown protocol 'garg'"):
        names("garg")


@pytest.mark.parametrize("field", ["alignment", "interpolation", "mean"])
def test_protocol_refuses_unknown_words(field):
    with pytest.raises(ValueError, match=f"`{field}` must be one of.*'x'"):
        protocols.Protocol("a", "b", "c", **{field: "x"})


def test_protocol_refuses_a_crop_without_its_size():
    with pytest.raises(ValueError, match="needs the `size`"):
        dataclasses.replace(protocols.HARSANYI, size=None)


def _rules(protocol):
    """The cells of a protocol in the table of the page on scores."""
    size = "size of the truth"
    if protocol.size:
        size = "x".join(map(str, protocol.size))
        size += ", nearest" if protocol.interpolation == "nearest" else ""
    crop = "none"
    if protocol.crop:
        top, bottom, left, right = protocol.crop
        crop = f"rows {top}-{bottom - 1}, columns {left}-{right - 1}"
    depths = "measured"
    if protocol.max_depth:
        signs = "[]" if protocol.inclusive else "()"
        depths = f"{signs[0]}{protocol.min_depth:g}, {protocol.max_depth:g}{signs[1]} m"
    clip = "[{:g}, {:g}] m".format(*protocol.clip) if protocol.clip else "none"
    mean = {"pooled": "pixels", "per_image_mean": "images"}[protocol.mean]
    return [f"`{protocol.name}`", size, crop, depths, clip, mean, protocol.source]


@pytest.mark.parametrize(
    "protocol",
    [p for p in protocols.PROTOCOLS.values() if p.alignment == "none"],
    ids=lambda protocol: protocol.name,
)
def test_page_says_what_each_protocol_compares(protocol):
    page = pathlib.Path(protocols.__file__).with_name("README.md")
    row = f"| {' | '.join(_rules(protocol))} |"
    assert row in page.read_text(encoding="utf-8").splitlines()
