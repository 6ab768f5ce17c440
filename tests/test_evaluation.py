import csv
import json
import math

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf import evaluation, metrics, prediction_files
from dpde_tf.data import manifest, records

# Ground truth of three images; the predictions are off by these many metres.
DEPTHS = {"a": 2.0, "b": 4.0, "c": 5.0}
ERRORS = {"a": 0.5, "b": 1.0, "c": 2.0}


def write_record_set(folder, depths):
    """A record set with one split `test` in two shards."""
    folder.mkdir()
    names = tuple(depths)
    shards = []
    for index, part in enumerate((names[:1], names[1:])):
        file = f"test-0000{index}-of-00002.tfrecord"
        with tf.io.TFRecordWriter(str(folder / file)) as writer:
            for name in part:
                image = np.zeros((*depths[name].shape, 3), np.uint8)
                writer.write(records.encode_record(name, image, depths[name]))
        shards.append(manifest.Shard(file, len(part), 0, ""))
    split = manifest.Split(names, tuple(shards), 1.0, 9.0, 3.0, 1.0)
    size = next(iter(depths.values())).shape
    listed = manifest.Manifest("nyu_depth_v2", size, {"test": split}, {})
    manifest.write_manifest(listed, folder)
    return folder


def write_depths(folder):
    """A record set of three images of 4x6; the last has a single measured pixel."""
    depths = {
        name: np.full((4, 6), depth, np.float32) for name, depth in DEPTHS.items()
    }
    depths["c"][:] = 0
    depths["c"][1, 2] = DEPTHS["c"]
    return write_record_set(folder, depths)


def write_predictions(folder):
    """Predictions at half the size: `depth` is off by ERRORS, `fused` by half that."""
    folder.mkdir(parents=True)
    for name, depth in DEPTHS.items():
        predicted = np.full((2, 3), depth + ERRORS[name], np.float32)
        fused = np.full((2, 3), depth + ERRORS[name] / 2, np.float32)
        zeros = np.zeros((2, 3), np.float32)
        np.savez(folder / name, depth=predicted, fused=fused, gradient_x=zeros)
    return folder


@pytest.fixture
def record_set(tmp_path):
    return write_depths(tmp_path / "records")


@pytest.fixture
def predictions(tmp_path):
    return write_predictions(tmp_path / "predictions" / "dpde")


def score(predictions, record_set, keys=("depth",), protocols=("paper",)):
    scores = evaluation.score_predictions(
        predictions, record_set, split="test", keys=keys, protocol_names=protocols
    )
    return list(scores)


def test_read_split_yields_what_was_written_in_order(record_set):
    read = list(evaluation.read_split(record_set, "test"))
    assert [name for name, _, _ in read] == ["a", "b", "c"]
    assert read[0][1].shape == (4, 6, 3)
    np.testing.assert_array_equal(read[1][2], np.full((4, 6), 4.0, np.float32))


def test_read_split_reads_chosen_names_only(record_set):
    chosen = [
        name for name, _, _ in evaluation.read_split(record_set, "test", names="b")
    ]
    assert chosen == ["b"]
    with pytest.raises(ValueError, match="no record x, y"):
        list(evaluation.read_split(record_set, "test", names=["y", "x", "a"]))


def test_read_split_refuses_shards_that_are_not_the_manifests(record_set):
    first, second = sorted(record_set.glob("*.tfrecord"))
    content = second.read_bytes()
    second.write_bytes(first.read_bytes())
    with pytest.raises(ValueError, match="'a' lies in the place of 'b'"):
        list(evaluation.read_split(record_set, "test"))
    second.write_bytes(content[:-9])
    with pytest.raises(ValueError, match=r"do not hold what.*Convert the raw data"):
        list(evaluation.read_split(record_set, "test"))
    second.unlink()
    with pytest.raises(FileNotFoundError, match=second.name):
        list(evaluation.read_split(record_set, "test"))


def test_score_predictions_pools_pixels_and_averages_images(predictions, record_set):
    totals = evaluation.ScoreTotals()
    for row in score(predictions, record_set):
        totals.add(row.sums)
    results = totals.results()
    # 24 pixels off by 0.5, 24 by 1 and one by 2.
    pooled = math.sqrt((24 * 0.25 + 24 * 1 + 1 * 4) / 49)
    assert results["pooled"]["rms"] == pytest.approx(pooled, rel=1e-12)
    assert results["per_image_mean"]["rms"] == pytest.approx(3.5 / 3, rel=1e-12)
    assert results["num_pixels"] == 49
    assert results["num_images"] == 3


def test_score_predictions_gives_a_row_for_each_protocol_and_key(
    predictions, record_set
):
    rows = score(predictions, record_set, ("depth", "fused"), ("paper", "make3d_c1"))
    assert len(rows) == 3 * 2 * 2
    assert {(row.protocol, row.key) for row in rows[:4]} == {
        ("paper", "depth"),
        ("paper", "fused"),
        ("make3d_c1", "depth"),
        ("make3d_c1", "fused"),
    }


def test_score_totals_leave_out_images_without_pixels():
    totals = evaluation.ScoreTotals()
    totals.add(metrics.ErrorSums())
    with pytest.raises(ValueError, match="No pixel was compared"):
        totals.results()
    totals.add(metrics.image_scores(np.ones((1, 1)), np.full((1, 1), 3.0)))
    assert totals.results()["num_images"] == 1
    assert totals.results()["per_image_mean"]["rms"] == 2.0


def test_write_scores_writes_rows_and_summary(predictions, record_set, tmp_path):
    rows = score(predictions, record_set, ("depth", "fused"))
    summary = evaluation.write_scores(
        rows, tmp_path / "scores", description={"dataset": "nyu_depth_v2"}
    )
    stored = json.loads((tmp_path / "scores" / "summary.json").read_text())
    assert stored == summary
    assert stored["dataset"] == "nyu_depth_v2"
    results = stored["protocols"]["paper"]["results"]
    assert results["fused"]["pooled"]["rms"] == pytest.approx(
        results["depth"]["pooled"]["rms"] / 2, rel=1e-12
    )
    with (tmp_path / "scores" / "per_image.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["name"], row["key"]) for row in table[:2]] == [
        ("a", "depth"),
        ("a", "fused"),
    ]
    assert float(table[2]["rms"]) == 1.0
    assert sorted(path.name for path in (tmp_path / "scores").iterdir()) == [
        "per_image.csv",
        "summary.json",
    ]


def test_write_scores_leaves_blanks_where_nothing_was_compared(tmp_path):
    full = metrics.image_scores(np.ones((1, 1)), np.ones((1, 1)))
    scores = [
        evaluation.ImageScore("empty", "paper", "depth", metrics.ErrorSums()),
        evaluation.ImageScore("full", "paper", "depth", full),
    ]
    evaluation.write_scores(scores, tmp_path, description={})
    lines = (tmp_path / "per_image.csv").read_text().splitlines()
    assert lines[1] == "empty,paper,depth,0"
    assert lines[2] == "full,paper,depth,1,0.0,0.0,0.0,0.0,1.0,1.0,1.0"


def test_write_scores_leaves_nothing_behind_when_it_fails(tmp_path):
    def scores():
        yield evaluation.ImageScore("a", "paper", "depth", metrics.ErrorSums())
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        evaluation.write_scores(scores(), tmp_path / "scores", description={})
    assert list((tmp_path / "scores").iterdir()) == []


def test_score_predictions_names_the_file_that_cannot_be_scored(
    predictions, record_set
):
    np.savez(predictions / "b", depth=np.full((2, 3), np.nan, np.float32))
    with pytest.raises(ValueError, match=r"'depth' in .*b\.npz: .*must be finite"):
        score(predictions, record_set)


def test_check_prediction_names_counts_missing_and_extra_files(predictions):
    prediction_files.check_prediction_names(predictions, ["a", "b", "c"])
    names = ["a", "b", "c", "d", "e", "f", "g"]
    with pytest.raises(
        FileNotFoundError, match=r"lacks 4 of 7 predictions: d, e, f and 1 more"
    ):
        prediction_files.check_prediction_names(predictions, names)
    with pytest.raises(ValueError, match=r"has 2 predictions without a record.*: b, c"):
        prediction_files.check_prediction_names(predictions, ["a"])
    with pytest.raises(FileNotFoundError, match=r"experiments\.predict"):
        prediction_files.check_prediction_names(predictions / "none", ["a"])


def test_read_prediction_returns_float32_of_the_chosen_keys(predictions):
    arrays = prediction_files.read_prediction(predictions / "a.npz", ["fused"])
    assert list(arrays) == ["fused"]
    assert arrays["fused"].dtype == np.float32
    assert arrays["fused"].shape == (2, 3)


def test_read_prediction_names_a_missing_key_and_those_present(predictions):
    with pytest.raises(
        ValueError, match=r"a\.npz has no array mean; it has: depth, fus"
    ):
        prediction_files.read_prediction(predictions / "a.npz", ["depth", "mean"])
    with pytest.raises(FileNotFoundError, match=r"experiments\.predict"):
        prediction_files.read_prediction(predictions / "z.npz")


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped", "npy"])
def test_read_prediction_refuses_a_broken_file(tmp_path, rng, damage):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, depth=rng.random((30, 40)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    if damage == "npy":
        np.save(tmp_path / "a.npy", np.ones((2, 2)))
    path.write_bytes(
        {
            "empty": lambda: b"",
            "text": lambda: b"depth",
            "cut": lambda: path.read_bytes()[:-100],
            "flipped": lambda: bytes(content),
            "npy": lambda: (tmp_path / "a.npy").read_bytes(),
        }[damage]()
    )
    with pytest.raises(ValueError, match=r"a\.npz is not a readable .npz file"):
        prediction_files.read_prediction(path)


@pytest.mark.parametrize("array", [np.ones((2, 3, 1)), np.ones((2, 3), np.uint16)])
def test_read_prediction_refuses_other_shapes_and_types(tmp_path, array):
    np.savez(tmp_path / "a", depth=array)
    with pytest.raises(ValueError, match=r"must be floating-point \[H, W\]\. Received"):
        prediction_files.read_prediction(tmp_path / "a.npz")


def test_depth_keys_are_those_without_gradients(predictions):
    assert prediction_files.depth_keys(predictions, ["a"]) == ["depth", "fused"]
