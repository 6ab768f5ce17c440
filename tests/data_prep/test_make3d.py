"""Tests of data_prep.make3d, on small files in the official layout."""

import cv2
import numpy as np
import pytest
import scipy.io

from data_prep import make3d
from data_prep.conversion.record_sets import Options
from tests.fixtures.record_sets import records_by_name

PARTIAL = Options(allow_partial=True)


def _write_pair(raw, split, stem, depth, image=None):
    images, depths = (raw / name for name in make3d.FOLDERS[split])
    for folder in (images, depths):
        folder.mkdir(parents=True, exist_ok=True)
    if image is None:
        image = np.full((2272 // 8, 1704 // 8, 3), 90, np.uint8)
    cv2.imwrite(str(images / f"img-{stem}.jpg"), image)
    grid = np.zeros((55, 305, 4))
    grid[..., :3] = 7.0  # coordinates, which are not the depth
    grid[..., 3] = depth
    scipy.io.savemat(depths / f"depth_sph_corr-{stem}.mat", {"Position3DGrid": grid})


@pytest.fixture
def raw(tmp_path, rng):
    """Two training pairs and one test pair."""
    raw = tmp_path / "raw"
    _write_pair(raw, "train", "op31-p-220t000", 5.0)
    _write_pair(
        raw, "train", "060705-17.10.14-p-254t000", rng.uniform(3, 80, (55, 305))
    )
    _write_pair(raw, "test", "math7-p-282t0", 81.0)
    return raw


def test_convert_pairs_by_stem_in_both_splits(raw, tmp_path):
    described = make3d.convert(raw, tmp_path / "records", options=PARTIAL)
    assert described.image_size == (460, 345)
    train = records_by_name(tmp_path / "records", "train")
    assert list(train) == ["060705-17.10.14-p-254t000", "op31-p-220t000"]
    np.testing.assert_array_equal(
        train["op31-p-220t000"]["depth"], np.full((460, 345, 1), 5)
    )
    np.testing.assert_array_equal(
        train["op31-p-220t000"]["image"], np.full((460, 345, 3), 90)
    )
    (test,) = records_by_name(tmp_path / "records", "test").values()
    assert test["depth"].max() == 81  # beyond 70 m is kept


def test_convert_keeps_up_and_left(tmp_path):
    """Rows of the grid run downwards and its columns to the right, as the image's."""
    depth = np.add.outer(np.linspace(70, 10, 55), np.linspace(0, 9, 305))
    bright_top = np.zeros((284, 213, 3), np.uint8)
    bright_top[:142] = 255
    _write_pair(tmp_path / "raw", "test", "a", depth, bright_top)
    make3d.convert(tmp_path / "raw", tmp_path / "records", options=PARTIAL)
    (record,) = records_by_name(tmp_path / "records", "test").values()
    assert record["image"][:200].min() > 200 > 50 > record["image"][260:].max()
    corners = record["depth"][[0, 0, -1, -1], [0, -1, 0, -1], 0]
    np.testing.assert_allclose(corners, [70, 79, 10, 19], rtol=1e-5)  # float32


def test_convert_refuses_a_wrong_split_size(raw, tmp_path):
    with pytest.raises(ValueError, match=r"Train400Img and .*must hold 400 .*holds 2"):
        make3d.convert(raw, tmp_path / "records")


@pytest.mark.parametrize("kind", [0, 1])
def test_convert_refuses_a_pair_without_partner(raw, tmp_path, kind):
    folder = raw / make3d.FOLDERS["train"][kind]
    next(folder.glob("*op31*")).unlink()
    with pytest.raises(FileNotFoundError, match="1 have no partner: op31-p-220t000"):
        make3d.convert(raw, tmp_path / "records")
    make3d.convert(raw, tmp_path / "records", options=PARTIAL)
    assert list(records_by_name(tmp_path / "records", "train")) == [
        "060705-17.10.14-p-254t000"
    ]


def test_convert_names_a_missing_folder_unless_partial_is_allowed(raw, tmp_path):
    (raw / "Gridlaserdata").rename(tmp_path / "elsewhere")
    with pytest.raises(
        FileNotFoundError, match=r"Gridlaserdata does not exist.*make3d"
    ):
        make3d.convert(raw, tmp_path / "records")
    described = make3d.convert(raw, tmp_path / "records", options=PARTIAL)
    assert list(described.splits) == ["train"]


def test_convert_of_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no pair to convert"):
        make3d.convert(tmp_path, tmp_path / "records", options=PARTIAL)
    with pytest.raises(FileNotFoundError, match="none does not exist"):
        make3d.convert(tmp_path / "none", tmp_path / "records", options=PARTIAL)


def test_convert_refuses_damaged_files(raw, tmp_path):
    image = raw / "Train400Img" / "img-op31-p-220t000.jpg"
    whole = image.read_bytes()
    image.write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=r"op31-p-220t000.jpg must be a complete"):
        make3d.convert(raw, tmp_path / "records", options=PARTIAL)
    image.write_bytes(whole)
    grid = raw / "Train400Depth" / "depth_sph_corr-op31-p-220t000.mat"
    grid.write_bytes(grid.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"op31-p-220t000.mat must be a whole MATLAB"):
        make3d.convert(raw, tmp_path / "records", options=PARTIAL)


def test_read_depth_grid_takes_the_last_channel_and_clears_holes(tmp_path):
    depth = np.full((55, 305), 12.5)
    depth[0, :3] = np.nan, -1, np.inf
    _write_pair(tmp_path, "train", "a", depth)
    read = make3d.read_depth_grid(tmp_path / "Train400Depth" / "depth_sph_corr-a.mat")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read[0, :4], [0, 0, 0, 12.5])


def test_read_depth_grid_refuses_another_grid(tmp_path):
    path = tmp_path / "depth_sph_corr-a.mat"
    scipy.io.savemat(path, {"Position3DGrid": np.ones((21, 305, 4))})
    with pytest.raises(ValueError, match=r"\(55, 305, 4\); it has \(21, 305, 4\)"):
        make3d.read_depth_grid(path)
    scipy.io.savemat(path, {"depthMap": np.ones((55, 305))})
    with pytest.raises(ValueError, match="the variable 'Position3DGrid'"):
        make3d.read_depth_grid(path)


@pytest.mark.data
def test_convert_reads_the_real_pairs(real_data, tmp_path):
    described = make3d.convert(real_data / "make3d", tmp_path / "r", options=PARTIAL)
    train = described.splits["train"]
    # 2.68 and 80.0 m are the extremes of the seven grids; 80 is the laser's limit.
    assert train.num_records == 7 and train.valid_fraction == 1
    assert 2.68 <= train.depth_min < 2.8 and train.depth_max == 80


def test_convert_pairs_names_in_other_unicode_characters(tmp_path):
    composed, decomposed = "k\u00fcche", "ku\u0308che"
    _write_pair(tmp_path / "raw", "train", decomposed, 5.0)
    depths = tmp_path / "raw" / make3d.FOLDERS["train"][1]
    path = depths / f"depth_sph_corr-{decomposed}.mat"
    path.rename(depths / f"depth_sph_corr-{composed}.mat")
    described = make3d.convert(
        tmp_path / "raw", tmp_path / "records", image_size=(46, 34), options=PARTIAL
    )
    assert described.splits["train"].names == (composed,)
