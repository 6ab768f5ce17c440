"""Tests of what was published of the methods that the paper compares with."""

import pytest

from dpde_tf import metrics
from dpde_tf.evaluation import protocols
from dpde_tf.reporting import paper_values, published_searches, published_values
from dpde_tf.reporting.published_values import METHODS, PUBLISHED_VALUES

NAMES = {method.name for method in METHODS}


def test_rows_of_the_paper_are_methods():
    rows = {value.row for value in paper_values.PAPER_VALUES}
    assert rows - {"dpde", "modified_fcrn"} <= NAMES


def test_every_value_has_a_source_and_a_protocol():
    for value in PUBLISHED_VALUES:
        assert value.method in NAMES
        assert value.dataset in paper_values.SPLIT_SIZES
        assert value.column in metrics.METRIC_NAMES
        assert value.source.title
        assert value.source.address.startswith("https://")
        assert value.protocol
        assert not value.protocol.endswith(".")
        assert set(value.comparable) <= set(protocols.PROTOCOLS)
        for name in value.comparable:
            assert protocols.PROTOCOLS[name].dataset in (None, value.dataset)
    keys = [(v.method, v.dataset, v.source.title, v.column) for v in PUBLISHED_VALUES]
    assert len(keys) == len(set(keys))
    addresses = {(v.source.title, v.source.address) for v in PUBLISHED_VALUES}
    assert len(addresses) == len({title for title, _ in addresses})


def test_values_are_possible():
    for method in METHODS:
        for dataset in paper_values.SPLIT_SIZES:
            found = published_values.published_values(dataset, method.name)
            for values in found.values():
                one = {column: value.value for column, value in values.items()}
                names = ("delta1", "delta2", "delta3")
                deltas = [one[name] for name in names if name in one]
                assert deltas == sorted(deltas)
                assert all(0 < value <= 1 for value in deltas)
                assert 0.1 < one.get("rel", 0.2) < 0.5


def test_published_values_belong_to_their_protocol():
    found = published_values.published_values("nyu_depth_v2", "fcrn", "paper")
    first = found["Laina et al. (2016)"]
    # README of irolaina/FCRN-DepthPrediction and Table 1 of the work.
    assert {column: value.value for column, value in first.items()} == {
        "rms": 0.573,
        "log10": 0.055,
        "rel": 0.127,
        "delta1": 0.811,
        "delta2": 0.953,
        "delta3": 0.988,
    }
    assert found["Laina et al., recomputed"]["rms"].value == 0.589
    assert published_values.published_values("make3d", "fcrn", "c2") == {}
    near = published_values.published_values("make3d", "fcrn", "c1")
    assert near["Laina et al. (2016)"]["rms"].value == 4.45


def test_published_values_of_eigen_are_those_of_their_table_1():
    found = published_values.published_values("nyu_depth_v2", "eigen_2014")
    values = found["Eigen et al. (2014), Table 1"]
    # "Coarse + Fine": 0.611 0.887 0.971; 0.215; RMSE linear 0.907, log 0.285.
    assert values["rms"].value == 0.907
    assert values["rms_log"].value == 0.285
    assert values["delta3"].value == 0.971
    assert values["rms"].details.endswith(". https://arxiv.org/abs/1406.2283")


FU = "quoted by Fu et al. (2023, MIDNet), Table 2"
JI = "quoted by Ji et al. (2021, MonoIndoor), Table 4"


@pytest.mark.parametrize(
    ("method", "source", "row"),
    [
        # Fu et al., Table 2: RMSE, REL, RMSE (log) or -, three deltas.
        ("liu_2015", FU, "0.824 0.230 - 0.614 0.883 0.971"),
        ("xu_2017", FU, "0.586 0.121 - 0.811 0.954 0.987"),
        ("wang_2015", FU, "0.745 0.220 0.262 0.605 0.890 0.970"),
        ("li_2015", FU, "0.821 0.232 - 0.621 0.886 0.968"),
        # Ji et al., Table 4, "Depth Transfer" and "Liu et al. [24]": AbsRel, RMS, the
        # deltas there; brought to the order of the rows above.
        ("karsch_2014", JI, "1.210 0.349 - - - -"),
        ("liu_2015", JI, "0.759 0.213 - 0.650 0.906 0.976"),
        # Bhat et al., Table 2: deltas, REL, RMS, log10; brought to that order, too.
        (
            "hu_2019",
            "quoted by Bhat et al. (2021, AdaBins), Table 2",
            "0.530 0.115 - 0.866 0.975 0.993",
        ),
        # The file mobilenetv2blconv7dw_0.579.pth.tar.
        ("tu_2021", "Tu et al., name of the released model", "0.579 - - - - -"),
    ],
)
def test_published_values_on_nyu_are_those_of_their_source(method, source, row):
    found = published_values.published_values("nyu_depth_v2", method)[source]
    columns = ("rms", "rel", "rms_log", "delta1", "delta2", "delta3")
    expected = {
        column: float(number)
        for column, number in zip(columns, row.split(), strict=True)
        if number != "-"
    }
    assert {name: found[name].value for name in columns if name in found} == expected


def test_published_values_on_make3d_are_those_of_their_source():
    # The last comment of evaluateMake3dDataset.m: relative, log10, rmse.
    found = published_values.published_values("make3d", "karsch_2014", "c2")
    (values,) = found.values()
    assert [values[n].value for n in ("rel", "log10", "rms")] == [
        0.3608,
        0.148,
        15.1446,
    ]
    # Godard et al. (2019), Table 3: "Karsch" 0.428 5.079 8.389 0.149, "Laina" 0.204
    # 1.840 5.683 0.084; their last column is no mean absolute error.
    source = "quoted by Godard et al. (2019, Monodepth2), Table 3"
    for method, rel, rms in (("karsch_2014", 0.428, 8.389), ("fcrn", 0.204, 5.683)):
        values = published_values.published_values("make3d", method)[source]
        assert {n: v.value for n, v in values.items()} == {"rel": rel, "rms": rms}


def test_published_rms_are_those_that_the_papers_gaps_imply():
    # Of a method with several, one of them.
    implied = {
        value.row: value.value
        for value in paper_values.PAPER_VALUES
        if (value.table, value.column) == (2, "rms") and value.row in NAMES
    }
    assert len(implied) == 8
    for method, rms in implied.items():
        found = published_values.published_values("nyu_depth_v2", method)
        published = [values["rms"].value for values in found.values()]
        assert rms in published, method


def test_searches_are_of_what_has_no_number():
    names = NAMES | set(paper_values.SPLIT_SIZES)
    assert set(published_searches.SEARCHES) <= names
    for name, (terms, instead) in published_searches.SEARCHES.items():
        assert terms
        assert not instead.endswith(".")
        found = [v for v in PUBLISHED_VALUES if name in (v.method, v.dataset)]
        assert not found, name


def test_search_text_prefers_the_method_to_the_data_set():
    text = published_searches.search_text("middlebury", "fcrn")
    assert text.startswith('searched for "single image depth estimation Middlebury')
    assert "; found no work besides the paper" in text
    text = published_searches.search_text("middlebury", "choi_2015")
    assert text.startswith('searched for "Depth Analogy", "Choi, Min, Ham: ')
    assert text == published_searches.search_text("nyu_depth_v2", "choi_2015")


def test_search_text_refuses_what_was_not_searched():
    with pytest.raises(ValueError, match=r"'fcrn'.*'kitti'.*Add a number"):
        published_searches.search_text("kitti", "fcrn")
