"""Tests of experiments.ablations.edge_images."""

import numpy as np
import pytest

from data_prep import rgbd_folder
from dpde_tf.evaluation.score_files import read_split
from dpde_tf.files.images import read_image
from experiments.ablations.edge_images import edge_image, write_edge_images
from tests.fixtures.programs import run_program
from tests.fixtures.record_sets import write_small_record_set


def test_edge_image_of_steps():
    # The Sobel response to a step is four times its height, beside it on both sides.
    depth = np.full((40, 60), 2.0, np.float32)
    depth[:, 20:] += 0.1  # Response 0.4: red.
    depth[:, 40:] += 4.0  # Red, green, and an edge of Canny's detector.
    image = edge_image(depth)
    expected = np.zeros((40, 60, 2), bool)
    expected[:, [19, 20, 39, 40], 0] = True
    expected[:, [39, 40], 1] = True
    np.testing.assert_array_equal(image[..., :2] == 255, expected)
    columns = np.flatnonzero(image[20, :, 2])
    assert set(columns) <= {39, 40} and columns.size
    assert set(np.unique(image)) == {0, 255}


def test_edge_image_has_no_edges_around_holes():
    depth = np.full((30, 40), 3.0, np.float32)
    depth[10:20, 10:20] = 0.0
    assert not edge_image(depth).any()


def test_written_folder_becomes_records_with_the_same_depth(tmp_path, rng):
    splits = {"train": 2, "test": 1}
    records = write_small_record_set(tmp_path / "records", rng, splits=splits)
    folder = tmp_path / "edges"
    result = run_program(
        "experiments.ablations.edge_images", records=records, output=folder
    )
    assert f"Written: {folder}" in result.stdout
    rgbd_folder.convert(
        folder / "images",
        folder / "depths",
        tmp_path / "edge_records",
        train_list=folder / "train.txt",
        test_list=folder / "test.txt",
    )
    for split in ("train", "test"):
        before = list(read_split(records, split))
        after = list(read_split(tmp_path / "edge_records", split))
        assert [name for name, *_ in after] == [name for name, *_ in before]
        for (_, image, depth), (_, _, truth) in zip(after, before, strict=True):
            np.testing.assert_allclose(depth, truth, atol=1e-3)
            np.testing.assert_array_equal(image, edge_image(truth))
    name = after[0][0]
    np.testing.assert_array_equal(
        read_image(folder / "images" / f"{name}.png"), after[0][1]
    )


def test_one_split_can_be_written(tmp_path, rng):
    records = write_small_record_set(tmp_path / "records", rng)
    names = [name for name, *_ in read_split(records, "test")]
    write_edge_images(records, tmp_path / "edges", "test")
    assert [p.name for p in (tmp_path / "edges").glob("*.txt")] == ["test.txt"]
    written = sorted(p.stem for p in (tmp_path / "edges" / "images").iterdir())
    assert written == sorted(names)
    with pytest.raises(ValueError, match="no_split"):
        write_edge_images(records, tmp_path / "none", "no_split")


def test_existing_folder_is_kept(tmp_path, rng):
    records = write_small_record_set(tmp_path / "records", rng)
    (tmp_path / "edges").mkdir()
    (tmp_path / "edges" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="edges must not exist yet"):
        write_edge_images(records, tmp_path / "edges")
    assert (tmp_path / "edges" / "mine.txt").read_text() == "mine"
    assert not list(tmp_path.glob(".partial*"))
