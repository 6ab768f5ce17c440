import csv
import json
import math

import numpy as np
import pytest

from dpde_tf import metrics
from dpde_tf.evaluation import score_files as evaluation
from dpde_tf.evaluation.protocols import find_protocol
from dpde_tf.files.predictions import PredictionFolder
from tests.fixtures.scored_sets import (
    DEPTHS,
    write_depths,
    write_predictions,
    write_record_set,
)


@pytest.fixture
def record_set(tmp_path):
    return write_depths(tmp_path / "records")


@pytest.fixture
def predictions(tmp_path):
    return write_predictions(tmp_path / "predictions" / "dpde")


def score(predictions, record_set, keys=("depth",), protocols=("paper",)):
    folder = PredictionFolder.open(predictions)
    scores = evaluation.score_predictions(
        {key: (folder, key) for key in keys},
        record_set,
        split="test",
        names=list(DEPTHS),
        protocols=[find_protocol(name) for name in protocols],
        depth_range=9.0,
    )
    return list(scores)


def write(scores, output, keys=("depth",), protocols=("paper",), **options):
    options = {"comparisons": {}, "description": {}, "image_size": (4, 6)} | options
    chosen = [find_protocol(name) for name in protocols]
    return evaluation.write_scores(
        scores, output, keys=keys, protocols=chosen, **options
    )


def test_read_split_yields_what_was_written_in_order(record_set):
    read = list(evaluation.read_split(record_set, "test"))
    assert [name for name, _, _ in read] == ["a", "b", "c"]
    assert read[0][1].shape == (4, 6, 3)
    np.testing.assert_array_equal(read[1][2], np.full((4, 6), 4.0, np.float32))


def test_read_split_reads_only_the_chosen_names(record_set):
    chosen = [
        name for name, _, _ in evaluation.read_split(record_set, "test", names="b")
    ]
    assert chosen == ["b"]
    with pytest.raises(ValueError, match="no record x, y"):
        list(evaluation.read_split(record_set, "test", names=["y", "x", "a"]))


def test_read_split_compares_names_after_unicode_normalization(tmp_path):
    composed, decomposed = "k\u00fcche", "ku\u0308che"
    depth = np.ones((4, 6), np.float32)
    folder = write_record_set(tmp_path / "records", {"a": depth, decomposed: depth})
    for name in (composed, decomposed):
        ((found, _, _),) = evaluation.read_split(folder, "test", names=[name])
        assert found == decomposed


def test_read_split_refuses_shards_that_are_not_the_manifests(tmp_path):
    depths = dict.fromkeys(("a", "b"), np.ones((4, 6), np.float32))
    folder = write_record_set(tmp_path / "records", depths)
    first, second = sorted(folder.glob("*.tfrecord"))
    content = second.read_bytes()
    second.write_bytes(first.read_bytes())  # Of the same size.
    with pytest.raises(ValueError, match="expected 'b', found 'a'"):
        list(evaluation.read_split(folder, "test"))
    broken = bytearray(content)
    broken[len(content) // 2] ^= 255
    second.write_bytes(bytes(broken))
    with pytest.raises(ValueError, match=r"do not match the manifest.*Convert the raw"):
        list(evaluation.read_split(folder, "test"))
    second.write_bytes(content[:-9])
    with pytest.raises(ValueError, match="Convert the raw data again"):
        list(evaluation.read_split(folder, "test"))
    second.unlink()
    with pytest.raises(FileNotFoundError, match=second.name):
        list(evaluation.read_split(folder, "test"))


def test_score_predictions_gives_sums_for_each_protocol_and_key(
    predictions, record_set
):
    rows = score(predictions, record_set, ("depth", "fused"), ("paper", "c1"))
    assert [name for name, _ in rows] == ["a", "b", "c"]
    assert list(rows[0][1]) == [
        ("paper", "depth"),
        ("paper", "fused"),
        ("c1", "depth"),
        ("c1", "fused"),
    ]
    assert rows[2][1]["paper", "depth"][:2].tolist() == [1, 4.0]


def test_score_predictions_reads_several_folders(predictions, record_set, tmp_path):
    (tmp_path / "other").mkdir()
    for name, depth in DEPTHS.items():
        np.save(tmp_path / "other" / name, np.full((4, 6), depth, np.float32))
    other = PredictionFolder.open(tmp_path / "other")
    arrays = {
        "fused": (PredictionFolder.open(predictions), "fused"),
        "other/depth": (other, "depth"),
    }
    rows = evaluation.score_predictions(
        arrays,
        record_set,
        split="test",
        names=["b"],
        protocols=[find_protocol("paper")],
        depth_range=9.0,
    )
    [(name, sums)] = rows
    assert name == "b"
    assert sums["paper", "fused"][1] == 24 * 0.25
    assert sums["paper", "other/depth"][1] == 0.0


def test_score_predictions_keeps_the_order_of_the_records(tmp_path):
    depths = {f"{i:02}": np.full((3, 4), i + 1, np.float32) for i in range(20)}
    folder = tmp_path / "predictions"
    folder.mkdir()
    for name, depth in depths.items():
        np.save(folder / name, depth + 1)
    rows = evaluation.score_predictions(
        {"depth": (PredictionFolder.open(folder), "depth")},
        write_record_set(tmp_path / "records", depths),
        split="test",
        names=list(depths),
        protocols=[find_protocol("paper")],
        depth_range=9.0,
    )
    assert [name for name, _ in rows] == list(depths)


def test_write_scores_writes_rows_and_summary(predictions, record_set, tmp_path):
    rows = score(predictions, record_set, ("depth", "fused"))
    summary = write(
        rows,
        tmp_path / "scores",
        keys=("depth", "fused"),
        description={"dataset": "nyu_depth_v2"},
        comparisons={"fused - depth": ("fused", "depth")},
    )
    stored = json.loads((tmp_path / "scores" / "summary.json").read_text())
    assert stored["dataset"] == "nyu_depth_v2"
    assert stored["bootstrap"] == {"replicates": 1000, "confidence": 0.95, "seed": 0}
    entry = stored["protocols"]["paper"]
    assert entry == json.loads(json.dumps(summary["protocols"]["paper"]))
    assert entry["alignment"] == "none"
    assert entry["mean"] == "pooled"
    assert "240x320" in entry["note"]
    # 24 pixels off by 0.5, 24 by 1 and one by 2; `fused` by half of that.
    pooled = math.sqrt((24 * 0.25 + 24 * 1 + 1 * 4) / 49)
    depth, fused = (entry["results"][key] for key in ("depth", "fused"))
    assert depth["pooled"]["rms"] == pytest.approx(pooled, rel=1e-12)
    assert depth["per_image_mean"]["rms"] == pytest.approx(3.5 / 3, rel=1e-12)
    assert (depth["num_pixels"], depth["num_images"]) == (49, 3)
    assert fused["pooled"]["rms"] == pytest.approx(pooled / 2, rel=1e-12)
    low, high = depth["intervals"]["pooled"]["rms"]
    assert 0.5 <= low < pooled < high <= 2.0
    change = entry["comparisons"]["fused - depth"]["pooled"]["rms"]
    assert change["difference"] == pytest.approx(-pooled / 2, rel=1e-12)
    assert change["interval"][1] < 0


def test_write_scores_writes_a_row_for_each_image(predictions, record_set, tmp_path):
    rows = score(predictions, record_set, ("depth", "fused"))
    write(rows, tmp_path / "scores", keys=("depth", "fused"))
    with (tmp_path / "scores" / "per_image.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["name"], row["key"]) for row in table[:2]] == [
        ("a", "depth"),
        ("a", "fused"),
    ]
    assert float(table[2]["rms"]) == 1.0
    assert table[2]["ssim"] == ""  # Smaller than a window.
    assert sorted(path.name for path in (tmp_path / "scores").iterdir()) == [
        "per_image.csv",
        "summary.json",
    ]


def test_write_scores_leaves_blanks_where_nothing_was_compared(tmp_path):
    full = np.zeros(metrics.NUM_SUMS)
    full[0] = 1
    scores = [
        ("empty", {("paper", "depth"): np.zeros(metrics.NUM_SUMS)}),
        ("full", {("paper", "depth"): full}),
    ]
    write(scores, tmp_path)
    lines = (tmp_path / "per_image.csv").read_text().splitlines()
    assert lines[1].startswith("empty,paper,depth,0,,,,")
    assert lines[2].startswith("full,paper,depth,1,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,,")


def test_write_scores_leaves_nothing_behind_when_it_fails(tmp_path):
    def scores():
        yield "a", {("paper", "depth"): np.zeros(metrics.NUM_SUMS)}
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        write(scores(), tmp_path / "scores")
    assert not (tmp_path / "scores").exists()


def test_missing_input_is_not_reported_as_a_full_disk(tmp_path):
    def scores():
        raise FileNotFoundError("the shard a does not exist")
        yield

    with pytest.raises(FileNotFoundError, match=r"^the shard a does not exist$"):
        write(scores(), tmp_path / "scores")


def test_write_scores_keeps_former_files_when_nothing_was_compared(
    predictions, record_set, tmp_path
):
    output = tmp_path / "scores"
    write(score(predictions, record_set), output)
    former = {path.name: path.read_bytes() for path in output.iterdir()}
    nothing = {("paper", "depth"): np.zeros(metrics.NUM_SUMS)}
    with pytest.raises(ValueError, match="No pixel was compared"):
        write([("a", nothing)], output)
    assert {path.name: path.read_bytes() for path in output.iterdir()} == former


def test_score_predictions_names_the_image_that_cannot_be_scored(
    predictions, record_set
):
    np.savez(predictions / "b", depth=np.full((2, 3), np.nan, np.float32))
    with pytest.raises(ValueError, match=r"of 'b', array 'depth': .*must be finite"):
        score(predictions, record_set)


def test_write_scores_draws_scenes_and_by_the_seed(rng):
    errors = rng.uniform(0.1, 1.0, 20).repeat(4)  # Only the scenes are independent.
    sums = np.zeros((80, metrics.NUM_SUMS))
    sums[:, 0], sums[:, 1] = 1, errors**2
    rows = [(f"{i:04d}", {("paper", "depth"): one}) for i, one in enumerate(sums)]
    scenes = {name: i // 4 for i, (name, _) in enumerate(rows)}
    found = []
    for options in ({}, {"scenes": scenes}, {"seed": 5}):
        summary = write(rows, None, **options)
        results = summary["protocols"]["paper"]["results"]["depth"]
        found.append((summary["bootstrap"], results["intervals"]["pooled"]["rms"]))
    widths = [high - low for _, (low, high) in found]
    assert widths[1] > 1.5 * widths[0]
    assert found[1][0]["scenes"] == 20
    assert found[2][1] != found[0][1]
    assert found[2][0]["seed"] == 5
