"""Tests of what was published of the methods that the paper compares with."""

import subprocess
import sys

import pytest

from dpde_tf import metrics, paper_values, protocols, published_values
from dpde_tf.published_values import METHODS, PUBLISHED_VALUES


def test_methods_are_those_of_the_papers_list_of_references():
    # The works that Sect. 4.3 and Figs. 3-5 compare with; 40 is in the list alone.
    named = {4, 8, 11, 12, 14, 15, 16, 19, 20, 22, 23, 27, *range(35, 41), 43}
    assert {method.reference for method in METHODS} == named
    # Sect. 4.3 on Table 2: "compared to the methods in [8, 11, 14,15,16, 20, 22, 23,
    # 27, 35,36,37,38,39]"; on Table 1: "[4, 11, 14, 15]" and "[35]".
    table2 = {method.reference for method in METHODS if 2 in method.tables}
    assert {8, 11, 14, 15, 16, 20, 22, 23, 27, 35, 36, 37, 38, 39} <= table2
    table1 = {method.reference for method in METHODS if 1 in method.tables}
    assert {4, 11, 14, 15, 35} <= table1


def test_rows_of_the_paper_are_methods():
    names = {method.name for method in METHODS}
    rows = {value.row for value in paper_values.PAPER_VALUES}
    assert rows - {"dpde", "modified_fcrn"} <= names


def test_every_value_has_a_source_and_a_protocol():
    names = {method.name for method in METHODS}
    for value in PUBLISHED_VALUES:
        assert value.method in names
        assert value.dataset in paper_values.SPLIT_SIZES
        assert value.column in metrics.METRIC_NAMES
        assert value.source
        assert value.protocol
        assert set(value.comparable) <= set(protocols.PROTOCOLS)
    keys = [(v.method, v.dataset, v.source, v.column) for v in PUBLISHED_VALUES]
    assert len(keys) == len(set(keys))


def test_values_are_possible():
    for method in METHODS:
        for dataset in paper_values.SPLIT_SIZES:
            found = published_values.published_values(dataset, method.name)
            for values in found.values():
                one = {column: value.value for column, value in values.items()}
                deltas = [one[name] for name in ("delta1", "delta2") if name in one]
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


@pytest.mark.parametrize(
    ("table", "dataset", "inside", "outside"),
    [
        (1, "make3d", "li_2015", "eigen_2014"),  # Li et al. have numbers there.
        (2, "nyu_depth_v2", "alhashim_2018", "fang_2016"),
        (3, "middlebury", "choi_2015", "eigen_2014"),
    ],
)
def test_compared_methods_are_named_or_have_numbers(table, dataset, inside, outside):
    names = [m.name for m in published_values.compared_methods(table, dataset)]
    assert inside in names
    assert outside not in names
    assert "fcrn" in names


def test_importing_loads_no_library():
    program = (
        "import sys, dpde_tf.published_values; "
        "print({'numpy', 'tensorflow', 'keras', 'cv2'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "set()"
