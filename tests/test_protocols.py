import dataclasses

import pytest

from dpde_tf import protocols


def names(*given, dataset="nyu_depth_v2", split="test"):
    chosen = protocols.choose_protocols(list(given), dataset=dataset, split=split)
    return [protocol.name for protocol in chosen]


def test_protocols_are_found_by_their_names():
    for name, protocol in protocols.PROTOCOLS.items():
        assert protocol.name == name
        assert protocol.source
        assert protocols.find_protocol(name) is protocol
    with pytest.raises(ValueError, match=r"no protocol 'x'.*all, paper, fcrn"):
        protocols.find_protocol("x")


def test_choose_protocols_takes_all_that_are_for_the_data():
    nyu = ["paper", "fcrn", "harsanyi", "eigen", "hu", "mscrf"]
    assert names("all") == names("hu", "all", "hu")[1:2] + nyu[1:] == nyu
    assert names("all", dataset="make3d") == ["paper", "c1", "c2"]
    assert names("all", dataset="middlebury", split="simple") == [
        "paper",
        "simple",
        "simple_median",
        "simple_least_squares",
        "simple_least_squares_disparity",
    ]
    assert names("all", dataset="rooms") == ["paper"]


def test_choose_protocols_takes_a_named_one_for_other_data_too():
    assert names("eigen", "simple_median", dataset="rooms") == [
        "eigen",
        "simple_median",
    ]


def test_choose_protocols_refuses_the_other_depth_of_middlebury():
    with pytest.raises(ValueError, match=r"'simple' is for the split 'simple'.*--spl"):
        names("simple", dataset="middlebury", split="calibrated")
    with pytest.raises(ValueError, match="no protocol 'garg'"):
        names("garg")


@pytest.mark.parametrize("field", ["alignment", "interpolation", "mean"])
def test_protocol_refuses_unknown_words(field):
    with pytest.raises(ValueError, match=f"`{field}` must be one of.*'x'"):
        protocols.Protocol("a", "b", "c", **{field: "x"})


def test_protocol_refuses_a_crop_without_its_size():
    with pytest.raises(ValueError, match="needs the `size`"):
        dataclasses.replace(protocols.HARSANYI, size=None)
