import pytest

from dpde_tf import metrics
from dpde_tf.evaluation import protocols
from dpde_tf.reporting import comparability, paper_values

# FCRN of Laina et al. (2016) on NYU Depth v2, and the gains over it in percent that
# Sect. 4.3 of the paper prints.
FCRN = {"rms": 0.573, "log10": 0.055, "rel": 0.127}
FCRN |= {"delta1": 0.811, "delta2": 0.953, "delta3": 0.988}
GAINS = {
    "rms": -1.9,
    "log10": -5.5,
    "rel": -3,
    "delta1": 3,
    "delta2": 1.2,
    "delta3": 0.3,
}


@pytest.mark.parametrize("column", GAINS)
def test_find_value_of_table_2_follows_from_the_printed_gains(column):
    value = paper_values.find_value(2, "dpde", column)
    # The text rounds: gains to 0.1 or 1 %, values to 0.001.
    implied = FCRN[column] * (1 + GAINS[column] / 100)
    assert value.value == pytest.approx(implied, abs=6e-4)
    assert value.status == ("printed" if column == "rms" else "implied")


def test_values_of_competitors_follow_from_printed_rms_gaps():
    # Sect. 4.3 lists how much smaller DPDE's RMS is than the others'.
    gaps = "0.638 0.558 0.345 0.038 0.007 0.183 0.478 0.024 0.259 0.262 0.011 0.007"
    implied = {round(0.562 + float(gap), 3) for gap in (gaps + " 0.017 0.301").split()}
    stored = {
        value.value
        for value in paper_values.PAPER_VALUES
        if (value.table, value.column) == (2, "rms") and value.row != "dpde"
    }
    assert len(stored) == 9
    assert stored <= implied


def test_find_value_of_what_the_text_lacks_is_none():
    assert paper_values.find_value(1, "dpde", "rms") is None
    assert paper_values.find_value(3, "dpde", "mge") is None


def test_changes_of_the_gradient_stream_agree_with_table_4():
    changes = paper_values.changes("nyu_depth_v2", "modified_fcrn", "dpde")
    assert changes == {"rms": -0.007, "rel": -0.002}
    for column, change in changes.items():
        before, after = (
            paper_values.find_value(4, row, column).value
            for row in ("modified_fcrn", "dpde")
        )
        assert after - before == pytest.approx(change, abs=1e-9)
    assert paper_values.changes("make3d", "modified_fcrn", "dpde") == {
        "log10": -0.005,
        "rel": -0.002,
    }


def test_changes_of_the_lateral_connections_need_both_rows():
    changes = paper_values.changes("nyu_depth_v2", "fcrn", "modified_fcrn")
    assert changes == pytest.approx({"rms": -0.004, "rel": -0.002}, abs=1e-9)
    assert paper_values.changes("middlebury", "fcrn", "modified_fcrn") == {}
    assert paper_values.changes("another", "fcrn", "modified_fcrn") == {}


def test_values_use_known_columns_and_states():
    columns = {*metrics.METRIC_NAMES, "ssim", "gsm", "parameter_ratio"}
    for value in paper_values.PAPER_VALUES:
        assert value.column in columns
        assert value.status in ("printed", "implied")
        assert value.table in paper_values.TABLE_TITLES
    keys = [(v.table, v.row, v.column) for v in paper_values.PAPER_VALUES]
    assert len(keys) == len(set(keys))


def test_split_sizes_belong_to_the_splits_of_the_paper():
    # Sect. 4.1: 654, 134 and, with the "simple division", 35 test images.
    sizes = {"nyu_depth_v2": 654, "make3d": 134, "middlebury": 35}
    for dataset, size in sizes.items():
        split = comparability.paper_split(dataset)
        assert paper_values.SPLIT_SIZES[dataset][split] == size
    assert comparability.paper_split("rooms") is None


def test_paper_protocols_do_not_align():
    for dataset in paper_values.SPLIT_SIZES:
        chosen = [
            protocol
            for name, protocol in protocols.PROTOCOLS.items()
            if comparability.is_paper_protocol(name, dataset)
        ]
        assert chosen
        assert {protocol.alignment for protocol in chosen} == {"none"}
