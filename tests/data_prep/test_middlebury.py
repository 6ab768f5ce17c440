"""Tests of data_prep.middlebury, on small files in the official layouts."""

import cv2
import numpy as np
import pytest

from data_prep import middlebury
from data_prep.conversion.middlebury_scenes import (
    ESTIMATED_DMIN,
    FILES,
    SCENES,
    find_scenes,
    read_dmin,
)
from data_prep.conversion.record_sets import Options
from tests.fixtures.record_sets import records_by_name

PARTIAL = Options(allow_partial=True)


def _write_scene(raw, scene, disparity, dmin=None, folder=None, image=None):
    folder = raw / (folder or scene)
    folder.mkdir(parents=True)
    view, stored = FILES[SCENES[scene]]
    if image is None:
        image = np.full((*disparity.shape, 3), 90, np.uint8)
    cv2.imwrite(str(folder / view), image)
    cv2.imwrite(str(folder / stored), disparity)
    if dmin is not None:
        (folder / "dmin.txt").write_text(dmin)


def _all(value, size=(370, 463)):
    return np.full(size, value, np.uint8)


def test_scenes_are_the_35_of_the_paper():
    years = list(SCENES.values())
    counts = [years.count(year) for year in (2001, 2003, 2005, 2006)]
    assert counts == [6, 2, 6, 21] and len(SCENES) == 35
    assert set(ESTIMATED_DMIN) == {s for s, year in SCENES.items() if year == 2006}


def test_depth_from_disparity_at_the_published_calibration():
    # Hand: 3740 px * 0.16 m / (99 + 200) px = 598.4 / 299 = 2.001338 m.
    disparity = np.array([[99, 0]])
    depth = middlebury.depth_from_disparity(
        disparity, constant=middlebury.FOCAL_TIMES_BASELINE, offset=200
    )
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, [[2.001338, 0]], rtol=1e-6)


def test_depth_from_disparity_refuses_other_constants():
    for constant, offset in ((0, 0), (-1, 0), (1, -1)):
        with pytest.raises(ValueError, match="--simple_constant"):
            middlebury.depth_from_disparity(
                np.ones((2, 2)), constant=constant, offset=offset
            )


def test_convert_makes_two_splits(tmp_path):
    raw, output = tmp_path / "raw", tmp_path / "records"
    _write_scene(raw, "venus", _all(80, (383, 434)), folder="2001_venus")
    _write_scene(raw, "cones", _all(100, (375, 450)))
    _write_scene(raw, "Art", _all(99), "200\n", folder="2005_Art")
    _write_scene(raw, "Aloe", _all(29))
    (raw / "notes").mkdir()
    described = middlebury.convert(raw, output, simple_constant=200, options=PARTIAL)
    assert described.image_size == (380, 430)
    calibrated, simple = (
        records_by_name(output, "calibrated"),
        records_by_name(output, "simple"),
    )
    assert list(calibrated) == ["Art", "Aloe"]
    assert list(simple) == ["venus", "cones", "Art", "Aloe"]
    expected = {"venus": 200 / 80, "cones": 2.0, "Art": 200 / 99, "Aloe": 200 / 29}
    for scene, depth in expected.items():
        found = simple[scene]["depth"]
        np.testing.assert_allclose(found, np.full((380, 430, 1), depth), rtol=1e-6)
    assert calibrated["Art"]["depth"].max() == np.float32(598.4 / 299)
    assert calibrated["Aloe"]["depth"].max() == np.float32(598.4 / (29 + 270))
    assert described.source["settings"]["dmin"] == {
        "Art": [200.0, "dmin.txt"],
        "Aloe": [270.0, "estimated"],
    }


def test_convert_rescales_disparity_and_skips_unknown_pixels(tmp_path):
    disparity = _all(100, (760, 860))
    disparity[:, 430:] = 50
    disparity[2:4, 2:4] = 0
    disparity[8, 8] = 0
    disparity[0, 0], disparity[1, 1] = 60, 140  # their mean is 100 again
    _write_scene(tmp_path / "raw", "Dolls", disparity, "100")
    middlebury.convert(tmp_path / "raw", tmp_path / "records", options=PARTIAL)
    depth = records_by_name(tmp_path / "records", "calibrated")["Dolls"]["depth"][
        ..., 0
    ]
    expected = np.full((380, 430), np.float32(598.4 / 200))
    expected[:, 215:] = np.float32(598.4 / 150)
    expected[1, 1] = 0  # Of the pixel beside it three of four are known.
    np.testing.assert_array_equal(depth, expected)


def test_convert_of_2001_and_2003_alone_has_no_calibrated_split(tmp_path):
    _write_scene(tmp_path / "raw", "teddy", _all(100))
    described = middlebury.convert(
        tmp_path / "raw", tmp_path / "records", options=PARTIAL
    )
    assert list(described.splits) == ["simple"]


def test_convert_refuses_missing_scenes_by_name(tmp_path):
    for scene in list(SCENES)[1:]:
        _write_scene(tmp_path / "raw", scene, _all(100, (4, 6)), "10")
    with pytest.raises(ValueError, match=r"without barn1\) must hold 35 .*holds 34"):
        middlebury.convert(tmp_path / "raw", tmp_path / "records")


def test_convert_accepts_all_35_scenes(tmp_path):
    for scene in SCENES:
        _write_scene(tmp_path / "raw", scene, _all(100, (4, 6)), "10")
    described = middlebury.convert(
        tmp_path / "raw", tmp_path / "records", image_size=(4, 6)
    )
    assert described.splits["simple"].num_records == 35
    assert described.splits["calibrated"].num_records == 27


def test_convert_refuses_two_sizes_and_a_missing_file(tmp_path):
    image = np.zeros((370, 400, 3), np.uint8)
    _write_scene(tmp_path / "raw", "Art", _all(99), "200", image=image)
    with pytest.raises(ValueError, match=r"disp1.png must hold 8-bit .*\(370, 400\)"):
        middlebury.convert(tmp_path / "raw", tmp_path / "records", options=PARTIAL)
    (tmp_path / "raw" / "Art" / "view1.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"view1.png"):
        middlebury.convert(tmp_path / "raw", tmp_path / "records", options=PARTIAL)


def test_find_scenes_refuses_duplicate_scenes(tmp_path):
    (tmp_path / "Aloe").mkdir()
    assert find_scenes(tmp_path) == {"Aloe": tmp_path / "Aloe"}
    (tmp_path / "2006_Aloe").mkdir()
    with pytest.raises(ValueError, match="'Aloe' is there twice"):
        find_scenes(tmp_path)
    with pytest.raises(FileNotFoundError, match="--dataset=middlebury"):
        find_scenes(tmp_path / "none")


def test_read_dmin_prefers_the_file_and_estimates_2006_only(tmp_path):
    assert read_dmin(tmp_path, "Aloe") == (270, "estimated")
    with pytest.raises(FileNotFoundError, match=r"dmin.txt does not exist"):
        read_dmin(tmp_path, "Art")
    (tmp_path / "dmin.txt").write_text("277\n")
    assert read_dmin(tmp_path, "Aloe") == (277, "dmin.txt")
    (tmp_path / "dmin.txt").write_text("many")
    with pytest.raises(
        ValueError, match="must hold one number, at least 0; it holds 'many'"
    ):
        read_dmin(tmp_path, "Art")


@pytest.mark.data
def test_convert_reads_the_real_scenes(real_data, tmp_path):
    described = middlebury.convert(
        real_data / "middlebury", tmp_path / "records", options=PARTIAL
    )
    calibrated = described.splits["calibrated"]
    assert calibrated.num_records == 27
    assert described.splits["simple"].num_records == 35
    # The table stands one to three metres from the cameras.
    assert calibrated.depth_min > 1 and calibrated.depth_max < 3
    assert 0.95 < calibrated.valid_fraction < 1
    origins = [origin for _, origin in described.source["settings"]["dmin"].values()]
    assert origins.count("dmin.txt") == 6 and origins.count("estimated") == 21
