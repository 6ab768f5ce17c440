from dpde_tf.evaluation import bootstrap, score_text
from dpde_tf.evaluation.protocols import PROTOCOLS
from dpde_tf.metrics import MEASURE_NAMES


def make_summary():
    values = dict.fromkeys(MEASURE_NAMES) | {"rms": 0.5, "delta1": 0.98765}
    results = {"pooled": values, "per_image_mean": values | {"rms": 0.25}}
    changes = {name: {"difference": None, "interval": None} for name in MEASURE_NAMES}
    changes["rms"] = {"difference": -0.007, "interval": [-0.01, -0.004]}
    changes["mge"] = {"difference": 0.001, "interval": None}
    paper = {
        "mean": "pooled",
        "note": "The ground truth is small.",
        "results": {"depth": results, "fused": results},
        "comparisons": {"fused - depth": {"pooled": changes}},
    }
    eigen = paper | {"mean": "per_image_mean", "note": None, "comparisons": {}}
    summary = {"dataset": "nyu_depth_v2", "split": "test", "num_images": 654}
    return summary | {"protocols": {"paper": paper, "eigen": eigen}}


def test_format_table_has_a_line_for_each_protocol_and_array():
    lines = score_text.format_table(make_summary()).splitlines()
    assert lines[0].startswith("nyu_depth_v2, test, 654 images")
    assert lines[1].split()[:4] == ["protocol", "mean", "array", "rms"]
    assert lines[2].split()[:5] == ["paper", "pooled", "depth", "0.5000", "-"]
    assert lines[3].split()[2] == "fused"
    assert lines[4].split()[:4] == ["eigen", "per_image", "depth", "0.2500"]
    assert lines[6] == "paper: The ground truth is small."
    assert lines[7] == (
        "paper, fused - depth: RMS -0.00700 [-0.01000, -0.00400]; mge +0.00100"
    )
    assert len(lines) == 8


def test_columns_are_apart_for_the_longest_names():
    summary = make_summary()
    for name in PROTOCOLS:
        results = {"context_depth": summary["protocols"]["paper"]["results"]["depth"]}
        protocols = {name: summary["protocols"]["paper"] | {"results": results}}
        lines = score_text.format_table(summary | {"protocols": protocols}).splitlines()
        assert lines[2].split()[:3] == [name, "pooled", "context_depth"]
        assert lines[1].index("rms") == lines[2].index("0.5000") + 3


def test_format_difference_prints_the_bootstrap_interval():
    totals = bootstrap.ScoreTotals()
    for index in range(3):
        sums = [10, 10.0 * index, *([1.0] * 500)][: bootstrap.metrics.NUM_SUMS]
        totals.add(bootstrap.np.array(sums), bootstrap.image_draws(index))
    text = score_text.format_difference(bootstrap.difference(totals, totals)["pooled"])
    assert text.startswith("RMS +0.00000 [+0.00000, +0.00000]; RMS_log +")
