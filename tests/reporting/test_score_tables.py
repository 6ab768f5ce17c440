"""Tests of Tables 1 to 4, and of the records by which scores find their rows."""

import json

import pytest

from dpde_tf.reporting.tables import protocols, scored_runs, scores
from dpde_tf.reporting.tables.scored_runs import read_scored_run
from tests.fixtures.summaries import lines

MEASURES = {"log10": 0.06, "delta1": 0.8, "delta2": 0.95, "delta3": 0.99}


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_training(folder, *, lateral=True, lambda_fsim=1.0, epochs=6, seed=3):
    config = {
        "DepthNetworkConfig": {"lateral_connections": lateral},
        "DepthLossConfig": {"lambda_fsim": lambda_fsim},
        "TrainingConfig": {"epochs": 30, "seed": seed},
    }
    flags = {"records": "records", "lateral_connections": lateral, "sizes": [1, 2]}
    record = {"program": "experiments.train_depth", "flags": flags, "config": config}
    write_json(folder / "run.json", record)
    lines = [json.dumps({"epoch": epoch + 1}) for epoch in range(epochs)]
    (folder / "metrics.jsonl").write_text("\n".join(lines))


def write_scores(folder, *, rms, gradients=None, protocol="paper", **fields):
    """Scores of a folder beside `depth`, the training; `rms` is by array."""
    predictions = folder.with_name(f"{folder.name}_predictions")
    given = {"depth_run": str(folder.with_name("depth"))}
    config = {} if gradients is None else {"gradients": gradients}
    if gradients:
        config["prediction_flags"], given = given, {}
    record = {"program": "experiments.predict", "flags": given, "config": config}
    write_json(predictions / "run.json", record)
    results = {
        key: {"pooled": MEASURES | {"rms": value, "rel": value / 5}}
        for key, value in rms.items()
    }
    summary = {
        "dataset": "nyu_depth_v2",
        "split": "test",
        "num_images": 654,
        "predictions": str(predictions),
        "records": "records",
        "protocols": {protocol: {"description": "", "results": results}},
    }
    write_json(folder / "summary.json", summary | fields)
    return folder


@pytest.fixture
def dpde(tmp_path):
    """Scores of a modified FCRN and its fusion."""
    write_training(tmp_path / "depth")
    folder = write_scores(tmp_path / "dpde", rms={"depth": 0.75, "fused": 0.7})
    return read_scored_run("dpde", folder)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_comparison_table_is_complete_without_any_run(number):
    table = scores.comparison_table(number, [])
    found = lines(table)
    assert found["DPDE", "ours"][:-1] == ["not run"] * len(scores.MEASURES[number])
    assert all(cell.text for row in table.rows for cell in row[1:])
    assert {len(row) for row in table.rows} == {len(table.header)}


def test_every_cell_has_a_number_or_a_reason(dpde):
    for number in (1, 2, 3):
        table = scores.comparison_table(number, [dpde])
        for row in [*table.rows, *scores.ablation_table([dpde]).rows]:
            for cell in row[2:-1]:
                if cell.text not in ("not found", "not run"):
                    float(cell.text.split("\n")[0].replace("−", "-"))


def test_comparison_table_has_published_numbers_with_protocol():
    found = lines(scores.comparison_table(2, []))
    eigen = found["Eigen et al. (2014) [20]", "Eigen et al. (2014), Table 1"]
    assert eigen[:-1] == ["0.907", "not found", "0.215", "0.611", "0.887", "0.971"]
    assert "centre crop" in eigen[-1]
    paper = found["Eigen et al. (2014) [20]", "the paper"]
    assert paper[0] == "0.907\nimplied"
    assert eigen[-1].endswith(". https://arxiv.org/abs/1406.2283")
    tu = found["Tu et al. (2021) [27]", "Tu et al., name of the released model"]
    assert tu[:3] == ["0.579", "not found", "not found"]


def test_runs_of_one_depth_network_show_it_once(tmp_path):
    write_training(tmp_path / "depth")
    runs = [
        read_scored_run(name, write_scores(tmp_path / name, rms=rms))
        for name, rms in {
            "first": {"depth": 0.75, "fused": 0.7},
            "second": {"depth": 0.75, "fused": 0.6},
        }.items()
    ]
    found = lines(scores.comparison_table(2, runs))
    title = "DPDE without gradient stream (modified FCRN)"
    assert (title, "ours, first") in found
    assert (title, "ours, second") not in found
    assert found["DPDE", "ours, second"][0] == "0.6000"


def test_comparison_table_has_rows_of_our_implementations(tmp_path):
    runs = []
    for name in ("karsch_2014", "konrad_2012"):
        folder = write_scores(tmp_path / name, rms={"depth": 1.1})
        config = {"transfer": {"method": name, "images": 795}}
        record = {"program": "experiments.transfer_depth", "config": config}
        write_json(tmp_path / f"{name}_predictions" / "run.json", record)
        runs.append(read_scored_run(name, folder))
    found = lines(scores.comparison_table(2, runs))
    title = "Karsch et al. (2014), Depth Transfer [11]"
    ours = found[title, "ours, karsch_2014"]
    assert ours[0] == "1.1000"
    assert ours[-1].startswith("654 images; our implementation")
    # The paper implies 1.2.
    assert found[title, "gap to the paper"][0].startswith("−0.1000")
    cited = "Konrad et al. (2012) [10], which the paper does not score"
    assert found[cited, "ours, konrad_2012"][0] == "1.1000"
    assert not any(
        "[10]" in title for title, _ in lines(scores.comparison_table(2, []))
    )


def test_comparison_table_lists_searches_without_result():
    table = scores.comparison_table(2, [])
    nothing = lines(table)["Ma et al. (2020) [39]", "their publication"]
    assert nothing[:-1] == ["not found"] * 6
    assert nothing[-1].startswith('searched for "Ma, Niu, Hu: ')
    assert nothing[-1].endswith("; found neither its text nor a work that quotes it")
    assert "searched for in public source code" in table.note
    assert "searched for" not in scores.ablation_table([]).note


# The competitors that Sect. 4.3 and Figs. 3-5 name, and 40 and 44, which are in the
# list of references alone; Li et al. have published numbers on Make3D, too. Table 1:
# "[4, 11, 14, 15]" and "[35]", Fig. 3: "[11]", "[19]", "[22]", "[23]"; Table 2:
# "compared to the methods in [8, 11, 14,15,16, 20, 22, 23, 27, 35,36,37,38,39]",
# Figs. 4 and 5: "[11, 12, 22, 23]"; Table 3: "the method in [43]".
COMPETITORS = {
    1: {4, 8, 11, 14, 15, 19, 22, 23, 35},
    2: {8, 11, 12, 14, 15, 16, 20, 22, 23, 27, *range(35, 41), 43, 44},
    3: {11, 12, 22, 23, 43, 44},
}


@pytest.mark.parametrize("number", COMPETITORS)
def test_comparison_table_has_numbers_or_a_search_for_everyone(number):
    table = scores.comparison_table(number, [])
    references, title = set(), ""
    for row in table.rows:
        title = row[0].text or title
        if not title.endswith("]"):
            continue
        references.add(int(title.rpartition("[")[2][:-1]))
        if row[1].text not in ("the paper", "ours"):
            has_number = {cell.text for cell in row[2:-1]} != {"not found"}
            details = row[-1].text
            assert ("https://" if has_number else "searched for") in details
    assert references == COMPETITORS[number]


def test_comparison_table_has_no_published_number_on_middlebury():
    found = lines(scores.comparison_table(3, []))
    methods = [title for title, source in found if source == "their publication"]
    assert len(methods) == 6
    assert "FCRN [23]" in methods
    fcrn = found["FCRN [23]", "their publication"]
    assert fcrn[:-1] == ["not found"] * 6
    assert "found no work besides the paper that scores it" in fcrn[-1]


def test_comparison_table_has_our_runs_with_the_gap(dpde):
    found = lines(scores.comparison_table(2, [dpde]))
    ours = found["DPDE", "ours, dpde"]
    assert ours[:3] == ["0.7000", "0.0600", "0.1400"]
    # Rel: 0.14 - 0.123 = 0.017, 13.8 %; RMS: 0.7 - 0.562 = 0.138, 24.6 %.
    gap = found["DPDE", "gap to the paper"]
    assert gap[0] == "+0.1380\n+24.6 %"
    assert gap[2] == "+0.0170\n+13.8 %"
    assert gap[3] == "−0.0350\n−4.2 %"  # 0.8 - 0.835
    assert ours[-1] == "654 images; 6 epochs, seed 3; BerHu + FSIM"
    title = "DPDE without gradient stream (modified FCRN)"
    assert found[title, "ours, dpde"][0] == "0.7500"
    assert found["FCRN [23]", "ours"][0] == "not run"


def test_gap_line_marks_missing_numbers_on_either_side(tmp_path):
    folder = write_scores(
        tmp_path / "dpde",
        rms={"fused": 0.7},
        protocol="simple",
        dataset="middlebury",
        split="simple",
        num_images=27,
    )
    run = read_scored_run("dpde", folder)
    gap = lines(scores.comparison_table(3, [run]))["DPDE", "gap to the paper"]
    assert gap[0] == "+0.0160\n+2.3 %"  # 0.7 - 0.684
    assert gap[3:6] == ["not run", "not run", "not found"]  # SSIM, GSM, MGE
    assert gap[-1] == "our number minus the other, which uses 35 images"


def test_scores_that_the_paper_does_not_give_have_no_gap(tmp_path):
    fields = {"protocol": "calibrated", "dataset": "middlebury", "num_images": 27}
    folder = write_scores(
        tmp_path / "dpde", rms={"fused": 0.7}, split="calibrated", **fields
    )
    found = lines(scores.comparison_table(3, [read_scored_run("dpde", folder)]))
    assert found["DPDE", "ours, dpde, calibrated"][0] == "0.7000"
    write_training(tmp_path / "depth")
    run = read_scored_run("calibrated", folder)
    assert ("DPDE", "ours, calibrated") in lines(scores.comparison_table(3, [run]))
    assert ("DPDE", "gap to the paper") not in found


def test_gap_is_to_the_publication_where_the_text_gives_nothing(tmp_path):
    fields = {"dataset": "make3d", "num_images": 134}
    folder = write_scores(tmp_path / "a", rms={"depth": 5.0}, protocol="c1", **fields)
    found = lines(scores.comparison_table(1, [read_scored_run("fcrn", folder)]))
    gap = found["FCRN [23]", "gap to Laina et al. (2016)"]
    assert gap[1] == "+0.5500\n+12.4 %"  # 5 - 4.45
    run = read_scored_run("dpde", folder)
    found = lines(scores.comparison_table(1, [run]))
    assert not [source for _, source in found if source.startswith("gap")]


def test_own_line_shows_intervals(tmp_path, dpde):
    results = dpde.summary["protocols"]["paper"]["results"]["fused"]
    results["intervals"] = {"pooled": {"rms": [0.65, 0.75]}}
    found = lines(scores.comparison_table(2, [dpde]))
    assert found["DPDE", "ours, dpde"][0] == "0.7000\n[0.6500, 0.7500]"


def test_measures_that_are_not_defined_are_not_run(dpde):
    results = dpde.summary["protocols"]["paper"]["results"]["fused"]
    results["pooled"] |= {"rms": float("nan"), "rel": None}
    ours = lines(scores.comparison_table(2, [dpde]))["DPDE", "ours, dpde"]
    assert ours[:3] == ["not run", "0.0600", "not run"]


@pytest.mark.parametrize(
    ("training", "title"),
    [
        ({"lateral": False}, "FCRN"),
        ({"lambda_fsim": 0.0}, "+ lateral links"),
        ({}, "+ FSIM loss (modified FCRN)"),
    ],
)
def test_ablation_table_finds_the_row_by_the_training(tmp_path, training, title):
    write_training(tmp_path / "depth", **training)
    run = read_scored_run("any", write_scores(tmp_path / "a", rms={"depth": 0.75}))
    found = lines(scores.ablation_table([run]))
    assert found[title, "ours, any"][0] == "0.7500"
    assert sum(source == "ours, any" for _, source in found) == 1


@pytest.mark.parametrize(
    ("gradients", "title"),
    [
        ("network", "+ gradient stream (DPDE)"),
        ("zero", "fusion with zero gradients (TV-L1 smoothing)"),
        ("image", "fusion with the gradients of the image"),
        ("truth", "fusion with the true gradients (upper bound)"),
    ],
)
def test_ablation_table_finds_the_row_by_the_gradients(tmp_path, gradients, title):
    write_training(tmp_path / "depth")
    folder = write_scores(tmp_path / "a", rms={"fused": 0.7}, gradients=gradients)
    found = lines(scores.ablation_table([read_scored_run("any", folder)]))
    assert found[title, "ours, any"][0] == "0.7000"
    assert sum(source == "ours, any" for _, source in found) == 1
    assert "6 epochs, seed 3" in found[title, "ours, any"][-1]


@pytest.mark.parametrize(
    ("key", "gradients", "title"),
    [
        ("context_depth", None, "context network alone (ours)"),
        ("fused", "network", "fusion with the gradients of the context network (ours)"),
        (
            "fused",
            None,
            "fusion of the mean depth of both networks with its gradients (ours)",
        ),
        ("fused", "zero", "fusion with zero gradients (TV-L1 smoothing)"),
    ],
)
def test_ablation_table_finds_the_rows_of_the_context_network(
    tmp_path, key, gradients, title
):
    write_training(tmp_path / "depth")
    write_training(tmp_path / "gradient", seed=5)
    record = json.loads((tmp_path / "gradient" / "run.json").read_text())
    record["config"]["ContextNetworkConfig"] = {}
    write_json(tmp_path / "gradient" / "run.json", record)
    folder = write_scores(tmp_path / "a", rms={key: 0.7}, gradients=gradients)
    path = tmp_path / "a_predictions" / "run.json"
    record = json.loads(path.read_text())
    given = record["config"]["prediction_flags"] if gradients else record["flags"]
    given["gradient_run"] = str(tmp_path / "gradient")
    write_json(path, record)
    found = lines(scores.ablation_table([read_scored_run("any", folder)]))
    ours = found[title, "ours, any"]
    assert ours[0] == "0.7000"
    assert sum(source == "ours, any" for _, source in found) == 1
    assert ("context network 6 epochs, seed 5" in ours[-1]) == (gradients != "zero")


def test_networks_that_no_flag_named_are_known(tmp_path):
    write_training(tmp_path / "shipped")
    folder = write_scores(tmp_path / "a", rms={"depth": 0.7})
    path = tmp_path / "a_predictions" / "run.json"
    record = json.loads(path.read_text())
    record |= {"flags": {}, "config": {"networks": {"depth_run": "none"}}}
    write_json(path, record)
    assert read_scored_run("nyu/other", folder).row("depth") is None
    record["config"]["networks"]["depth_run"] = str(tmp_path / "shipped")
    write_json(path, record)
    assert read_scored_run("nyu/other", folder).row("depth") == "modified_fcrn"


def test_details_say_what_the_intervals_are_over(tmp_path):
    folder = write_scores(tmp_path / "a", rms={"depth": 0.7})
    assert read_scored_run("any", folder).details("depth").startswith("654 images; no")
    path = folder / "summary.json"
    summary = json.loads(path.read_text())
    write_json(path, summary | {"bootstrap": {"scenes": 124}})
    details = read_scored_run("any", folder).details("depth")
    assert details.startswith("654 images; intervals over images or over 124 rooms, ")


def test_the_same_network_is_shown_once(tmp_path):
    write_training(tmp_path / "depth")
    runs = []
    for name, rms in (("a", 0.7), ("b", 0.70005), ("c", 0.7002)):
        folder = write_scores(tmp_path / name, rms={"depth": rms})
        runs.append(read_scored_run(name, folder))
    sources = [source for _, source in lines(scores.comparison_table(2, runs))]
    ours = [source for source in sources if source.startswith("ours, ")]
    assert ours == ["ours, a", "ours, c"]


def test_details_mention_the_flip(tmp_path):
    write_training(tmp_path / "depth")
    folder = write_scores(tmp_path / "a", rms={"depth": 0.7})
    path = tmp_path / "a_predictions" / "run.json"
    record = json.loads(path.read_text())
    record["config"]["PredictionConfig"] = {"test_time_flip": True}
    write_json(path, record)
    assert read_scored_run("any", folder).details("depth").endswith("; test-time flip")


def test_ablation_table_has_the_papers_three_rows():
    found = lines(scores.ablation_table([]))
    assert found["FCRN", "the paper"][0] == "0.573\nimplied"
    assert found["+ FSIM loss (modified FCRN)", "the paper"][0] == "0.569"
    assert found["+ gradient stream (DPDE)", "the paper"][0] == "0.562"
    assert found["+ lateral links", "the paper"][0] == "not found"


def test_guided_gradients_fused_with_depth_alone_have_no_row(tmp_path):
    write_training(tmp_path / "depth")
    write_training(tmp_path / "guided", epochs=4)
    folder = write_scores(tmp_path / "a", rms={"fused": 0.6}, gradients="network")
    record_file = tmp_path / "a_predictions" / "run.json"
    record = json.loads(record_file.read_text())
    flags = record["config"]["prediction_flags"]
    assert read_scored_run("a", folder).row("fused") == "dpde"
    flags["guided_run"] = str(tmp_path / "guided")
    record_file.write_text(json.dumps(record))
    assert read_scored_run("a", folder).row("fused") is None
    # Predicted with the guided network, and not fused again.
    record["config"] = {"networks": flags}
    record_file.write_text(json.dumps(record))
    assert read_scored_run("a", folder).row("fused") is None
    # The run of the context network is gone, but its depth was scored.
    summary = json.loads((folder / "summary.json").read_text())
    for protocol in summary["protocols"].values():
        protocol["results"]["context_depth"] = protocol["results"]["fused"]
    (folder / "summary.json").write_text(json.dumps(summary))
    run = read_scored_run("a", folder)
    assert run.row("fused") == "guided"
    assert run.details("fused").endswith("guided network 4 epochs, seed 3")
    (row,) = scored_runs.runs_table([run]).rows
    assert row[4].text.startswith("4 epochs, seed 3\n`python -m ")


def test_details_of_the_context_depth_do_not_name_the_depth_network(tmp_path):
    write_training(tmp_path / "depth")
    folder = write_scores(tmp_path / "a", rms={"context_depth": 0.6})
    assert read_scored_run("a", folder).details("context_depth") == "654 images"


def test_network_of_other_authors_has_no_row(tmp_path):
    write_training(tmp_path / "depth", lambda_fsim=0.0)
    folder = write_scores(tmp_path / "a", rms={"depth": 0.6})
    assert read_scored_run("a", folder).row("depth") == "lateral"
    record_file = tmp_path / "depth" / "run.json"
    record = json.loads(record_file.read_text())
    record["config"]["DepthNetworkConfig"]["architecture"] = "harsanyi"
    record_file.write_text(json.dumps(record))
    assert read_scored_run("a", folder).row("depth") is None


def test_row_without_records_follows_the_label(tmp_path):
    folder = write_scores(tmp_path / "a", rms={"depth": 0.7, "fused": 0.6, "mean": 1})
    assert read_scored_run("fcrn", folder).row("depth") == "fcrn"
    for label in ("fcrn", "nyu/true_gradients", "nyu/dpde_guided", "midas"):
        assert read_scored_run(label, folder).row("fused") is None, label
    assert read_scored_run("nyu/dpde", folder).row("fused") == "dpde"
    assert read_scored_run("dpde", folder).row("depth") == "modified_fcrn"
    other = read_scored_run("midas", folder)
    assert other.row("depth") is None
    assert other.row("mean") is None
    assert other.details("depth") == "654 images; no record of the training"


def test_runs_table_has_the_commands(dpde):
    (row,) = scored_runs.runs_table([dpde]).rows
    texts = [cell.text for cell in row]
    assert texts[0] == "dpde"
    assert texts[1] == "nyu_depth_v2, test\nno command"
    assert texts[2].startswith("6 epochs, seed 3\n`python -m experiments.train_depth ")
    assert texts[3] == "no record of the training\nno command"
    assert texts[4] == "none"
    assert texts[5].startswith("`python -m experiments.predict --depth_run=")


def test_read_scored_run_refuses_an_incomplete_summary(tmp_path):
    write_json(tmp_path / "summary.json", {"dataset": "nyu_depth_v2"})
    with pytest.raises(ValueError, match="lacks num_images, predictions"):
        read_scored_run("dpde", tmp_path)


def test_tables_show_runs_on_their_data_set_only(tmp_path):
    # Make3D is scored by the protocol `paper`, too.
    folder = write_scores(tmp_path / "dpde", rms={"fused": 0.7}, dataset="make3d")
    run = read_scored_run("dpde", folder)
    assert lines(scores.comparison_table(2, [run]))["DPDE", "ours"][0] == "not run"
    assert lines(scores.comparison_table(1, [run]))["DPDE", "ours, dpde, paper"]


def test_tables_distinguish_a_gain_from_noise(dpde):
    entry = dpde.summary["protocols"]["paper"]
    entry["comparisons"] = {
        "fused - depth": {
            "pooled": {
                "rms": {"difference": -0.007, "interval": [-0.01, -0.004]},
                "rel": {"difference": 0.002, "interval": [0.001, 0.003]},
                "delta1": {"difference": 0.01, "interval": [-0.01, 0.03]},
                "log10": {"difference": None, "interval": None},
                "delta2": {"difference": 0.5, "interval": None},
            }
        }
    }
    table = scores.ablation_table([dpde])
    title = "+ gradient stream (DPDE)"
    found = lines(table)[title, "difference to depth"]
    assert found[:5] == [
        "−0.00700\n[−0.01000, −0.00400]",
        "not run",
        "+0.00200\n[+0.00100, +0.00300]",
        "+0.01000\n[−0.01000, +0.03000]",
        "+0.50000",
    ]
    assert found[-1] == "fused - depth, paired bootstrap over the images"
    (row,) = [r for r in table.rows if r[1].text == "difference to depth"]
    assert [cell.tone for cell in row[2:7]] == ["better", "missing", "worse", "", ""]
    # Of another folder, the title names both folders.
    folder = entry["comparisons"].pop("fused - depth")
    entry["comparisons"]["dpde_predictions/depth - fcrn/depth"] = folder
    found = lines(scores.comparison_table(2, [dpde]))
    other = "DPDE without gradient stream (modified FCRN)"
    assert found[other, "difference to fcrn/depth"][0].startswith("−0.0070")
    assert ("DPDE", "difference to fcrn/depth") not in found


def test_protocol_table_has_the_mean_of_each_protocol(dpde):
    entry = {"description": "Crop.", "note": "Scaled.", "mean": "per_image_mean"}
    means = MEASURES | {"rms": 0.5, "rel": 0.1}
    entry["results"] = {
        "depth": {
            "pooled": MEASURES | {"rms": 0.9, "rel": 0.9},
            "per_image_mean": means,
            "intervals": {"per_image_mean": {"rms": [0.4, 0.6]}},
        }
    }
    dpde.summary["protocols"]["eigen"] = entry
    table = protocols.protocol_table([dpde])
    assert {len(row) for row in table.rows} == {len(table.header)}
    found = lines(table)
    assert found["dpde, `depth` (nyu_depth_v2)", "`eigen`, mean over images"] == [
        *("0.5000\n[0.4000, 0.6000]", "0.1000", "0.0600", "0.8000", "0.9500"),
        *("0.9900", "Crop. Scaled."),
    ]
    pooled = found["dpde, `fused` (nyu_depth_v2)", "`paper`, pooled"]
    assert pooled[0] == "0.7000"
    # The array `fused` was not scored by the second one.
    assert len(found) == 3


def test_tables_name_the_protocol_of_our_rows():
    assert "Our scores use the protocol `paper`." in scores.comparison_table(2, []).note
    assert "use the protocol `simple` and `calib" in scores.comparison_table(3, []).note


def test_score_tables_name_their_files(dpde):
    names = ["table1", "table4", "protocols", "runs"]
    assert list(scores.score_tables([1, 4], [dpde])) == names
    assert list(scores.score_tables([2], [])) == ["table2"]
    title, _ = scores.score_tables([4], [])["table4"]
    assert title == "Table 4: ablation on NYU Depth v2"
