from dpde_tf.reporting.report import scores
from dpde_tf.reporting.score_cells import own_cells
from tests.fixtures.summaries import lines, make_summary


def tones(table, title, source):
    group = ""
    for row in table.rows:
        group = row[0].text or group
        if (group, row[1].text) == (title, source):
            return [cell.tone for cell in row[2:]]
    raise KeyError((title, source))


def nyu_table(all_scores):
    return scores.score_table(all_scores, dataset="nyu_depth_v2", protocol="paper")


def test_score_table_puts_a_run_beside_the_paper():
    found = lines(nyu_table({"dpde": make_summary(depth=0.75, fused=0.7)}))
    # Columns: RMS, RMS(log), log10, Rel, three deltas.
    assert found["DPDE", "this run"] == [
        "0.7000",
        "0.2000",
        "0.0600",
        "0.1400",
        "0.8000",
        "0.9500",
        "0.9900",
    ]
    assert found["DPDE", "the paper"] == [
        "0.562",
        "not found",
        "0.052\nimplied",
        "0.123\nimplied",
        "0.835\nimplied",
        "0.964\nimplied",
        "0.991\nimplied",
    ]
    # 0.7 - 0.562 = 0.138, 24.6 % of 0.562; 0.8 - 0.835 = -0.035, 4.2 % of 0.835.
    gap = found["DPDE", "gap to the paper"]
    assert gap[0] == "+0.1380\n+24.6 %"
    assert gap[1] == "not found"
    assert gap[4] == "−0.0350\n−4.2 %"
    assert found["Modified FCRN", "this run"][0] == "0.7500"


def test_score_table_says_which_side_is_better():
    table = nyu_table({"dpde": make_summary(depth=0.5, fused=0.7)})
    assert tones(table, "DPDE", "gap to the paper")[0] == "worse"
    assert tones(table, "DPDE", "gap to the paper")[4] == "worse"
    assert tones(table, "Modified FCRN", "gap to the paper")[0] == "better"


def test_score_table_compares_fcrn_with_its_own_publication():
    found = lines(nyu_table({"fcrn": make_summary(depth=0.6)}))
    assert found["FCRN", "Laina et al. (2016)"][0] == "0.573"
    assert found["FCRN", "Laina et al., recomputed"][0] == "0.589"
    assert found["FCRN", "gap to Laina et al. (2016)"][0] == "+0.0270\n+4.7 %"


def test_score_table_says_what_is_not_run():
    table = nyu_table({"dpde": make_summary(depth=0.75)})
    found = lines(table)
    assert found["DPDE", "this run"] == ["not run"] * 7
    assert found["FCRN", "this run"] == ["not run"] * 7
    assert ("DPDE", "gap to the paper") not in found
    assert all(cell.text for row in table.rows for cell in row[1:])


def test_score_table_shows_other_arrays_too():
    found = lines(nyu_table({"other": make_summary(mean=0.9)}))
    assert found["`other/mean`", "this run"][0] == "0.9000"


def test_score_table_of_a_data_set_that_the_paper_lacks():
    summary = make_summary(depth=0.75, fused=0.7)
    table = scores.score_table({"dpde": summary}, dataset="rooms", protocol="paper")
    assert set(lines(table)) == {
        ("FCRN", "this run"),
        ("Modified FCRN", "this run"),
        ("DPDE", "this run"),
    }


def test_mean_table_holds_the_means_over_images():
    table = scores.mean_table({"dpde": make_summary(depth=0.75)}, protocol="paper")
    assert lines(table)["Modified FCRN", "this run"][0] == "0.6500"
    assert lines(table)["DPDE", "this run"][0] == "not run"


def test_gain_table_holds_differences_beside_the_papers():
    all_scores = {
        "fcrn": make_summary(depth=0.78),
        "dpde": make_summary(depth=0.75, fused=0.7),
    }
    table = scores.gain_table(all_scores, dataset="nyu_depth_v2", protocol="paper")
    found = lines(table)
    assert found["Gradient stream", "the paper"][0] == "−0.007"
    assert found["Gradient stream", "this run"][0] == "−0.0500\n−6.7 %"
    assert found["Lateral connections", "the paper"][0] == "−0.004"
    assert found["Lateral connections", "this run"][0] == "−0.0300\n−3.8 %"
    assert tones(table, "Gradient stream", "this run")[0] == "better"
    assert tones(table, "Gradient stream", "this run")[1] == ""


def test_gain_table_needs_both_sides():
    all_scores = {"dpde": make_summary(depth=0.75)}
    table = scores.gain_table(all_scores, dataset="nyu_depth_v2", protocol="paper")
    assert lines(table)["Gradient stream", "this run"] == ["not run"] * 7


MIDDLEBURY = {"dataset": "middlebury", "split": "simple", "num_images": 35}


def middlebury_summary(**fields):
    """Scores under `simple`, and the same aligned by the median."""
    summary = make_summary(depth=1.2, fused=1.0) | MIDDLEBURY | fields
    protocol = summary["protocols"]["paper"]
    aligned = {"simple": protocol, "simple_median": protocol}
    return summary | {"protocols": aligned}


def test_score_table_of_middlebury_uses_the_simple_division():
    calibrated = middlebury_summary(split="calibrated", num_images=27)
    all_scores = {"calibrated": calibrated, "dpde": middlebury_summary()}
    options = {"dataset": "middlebury"}
    table = scores.score_table(all_scores, protocol="simple", **options)
    found = lines(table)
    assert found["DPDE", "the paper"][0] == "0.684"
    # 1.0 - 0.684 = 0.316, 46.2 % of 0.684.
    assert found["DPDE", "gap to the paper"][0] == "+0.3160\n+46.2 %"
    assert found["`calibrated/fused`", "this run"][0] == "1.0000"
    assert ("`calibrated/fused`", "the paper") not in found
    table = scores.score_table(all_scores, protocol="simple_median", **options)
    assert {source for _, source in lines(table)} == {"this run"}
    table = scores.gain_table(all_scores, protocol="simple_median", **options)
    assert {source for _, source in lines(table)} == {"this run"}


def test_tables_set_nothing_beside_scores_of_another_split():
    all_scores = {
        "dpde": middlebury_summary(split="calibrated"),
        "fcrn": middlebury_summary(),
    }
    options = {"dataset": "middlebury", "protocol": "simple"}
    found = lines(scores.score_table(all_scores, **options))
    assert ("DPDE", "the paper") not in found
    assert ("DPDE", "gap to the paper") not in found
    found = lines(scores.gain_table(all_scores, **options))
    assert ("Gradient stream", "the paper") not in found
    train = {"fcrn": make_summary(depth=0.1) | {"split": "train"}}
    assert ("FCRN", "the paper") not in lines(nyu_table(train))
    options = {"dataset": "nyu_depth_v2", "protocol": "paper"}
    assert scores.footnotes(train, **options) == ()
    assert len(scores.footnotes({}, **options)) == 2


def test_dpde_with_gradients_of_ours_is_not_called_the_papers():
    all_scores = {"dpde": make_summary(depth=0.75, fused=0.7)}
    options = {"protocol": "paper", "gradients": "guided"}
    pooled = scores.score_table(all_scores, dataset="nyu_depth_v2", **options)
    mean = scores.mean_table(all_scores, **options)
    for table in (pooled, mean):
        assert ("DPDE with the guided network (ours)", "this run") in lines(table)
        assert ("Modified FCRN", "this run") in lines(table)


def test_measure_of_one_image_has_no_interval():
    cells = own_cells({"rms": 0.5, "rel": 0.25}, {"rms": None, "rel": [0.1, 0.4]})
    assert cells["rms"].text == "0.5000"
    assert cells["rel"].text == "0.2500\n[0.1000, 0.4000]"
