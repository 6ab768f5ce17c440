"""Tests of data_prep.synthetic."""

import cv2
import h5py
import numpy as np
import pytest
import scipy.io

from data_prep import make3d, middlebury, nyu_depth_v2
from data_prep.conversion.record_sets import Options
from data_prep.synthetic import layouts, raw_sets
from data_prep.synthetic.scenes import Scene, render_scene
from tests.fixtures.programs import run_program

SIZE = (24, 32)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """All three data sets, small and with a quarter of the rows and columns."""
    output = tmp_path_factory.mktemp("raw")
    sizes = {year: (95, 110) for year in raw_sets.MIDDLEBURY_SIZES}
    numbers = {"nyu": (3, 2), "make3d": (1, 1), "middlebury": (1, 4)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw_sets, "MAKE3D_SIZE", (142, 106))
        patch.setattr(raw_sets, "MIDDLEBURY_SIZES", sizes)
        for dataset, (train, test) in numbers.items():
            raw_sets.write_raw(
                output, dataset, num_train=train, num_test=test, size=SIZE
            )
    return output


def test_write_raw_gives_nyu_the_header_of_matlab(raw):
    # MAT-file level 7.3: 116 bytes of text, 8 of offset, version 0x0200, endianness;
    # the HDF5 signature follows at 512.
    data = (raw / "nyu/nyu_depth_v2_labeled.mat").read_bytes()
    assert data.startswith(b"MATLAB 7.3 MAT-file")
    assert data[124:128] == b"\x00\x02IM"
    assert data[512:520] == b"\x89HDF\r\n\x1a\n"


def test_write_raw_gives_nyu_reversed_axes(raw):
    with h5py.File(raw / "nyu/nyu_depth_v2_labeled.mat") as file:
        assert (file["images"].shape, file["images"].dtype) == (
            (5, 3, 32, 24),
            np.uint8,
        )
        assert (file["depths"].shape, file["depths"].dtype) == ((5, 32, 24), np.float32)
        scene = render_scene(1, size=SIZE)  # the second one of --seed=0
        np.testing.assert_array_equal(file["images"][1], scene.image.transpose(2, 1, 0))
        np.testing.assert_array_equal(file["depths"][1], scene.depth.T)


def test_write_raw_counts_the_splits_of_nyu_from_1(raw):
    splits = scipy.io.loadmat(raw / "nyu/splits.mat")
    assert splits["trainNdxs"].shape == (3, 1)
    assert splits["testNdxs"].shape == (2, 1)
    together = np.concatenate([splits["trainNdxs"], splits["testNdxs"]]).ravel()
    assert sorted(together.tolist()) == [1, 2, 3, 4, 5]


def test_write_raw_gives_make3d_its_four_folders(raw):
    for images, depths in (
        ("Train400Img", "Train400Depth"),
        ("Test134", "Gridlaserdata"),
    ):
        (image,) = (raw / "make3d" / images).iterdir()
        (grid,) = (raw / "make3d" / depths).iterdir()
        stem = image.name.removeprefix("img-").removesuffix(".jpg")
        assert grid.name == f"depth_sph_corr-{stem}.mat"
        assert cv2.imread(str(image)).shape == (142, 106, 3)
        position = scipy.io.loadmat(grid)["Position3DGrid"]
        assert (position.shape, position.dtype) == ((55, 305, 4), np.float64)


def test_write_raw_gives_middlebury_a_scene_of_every_year(raw):
    files = {
        str(path.relative_to(raw / "middlebury"))
        for path in (raw / "middlebury").glob("*/*")
    }
    assert files == {
        *("barn1/im2.ppm", "barn1/disp2.pgm", "cones/im2.png", "cones/disp2.png"),
        *("Art/view1.png", "Art/disp1.png", "Art/dmin.txt"),
        *("Aloe/view1.png", "Aloe/disp1.png", "Aloe/dmin.txt"),
    }
    for name in ("barn1/disp2.pgm", "Aloe/disp1.png"):
        stored = cv2.imread(str(raw / "middlebury" / name), cv2.IMREAD_UNCHANGED)
        assert stored.dtype == np.uint8 and stored.ndim == 2
        assert stored.max() == 240
        assert 0 < (stored == 0).mean() < 0.3  # unknown pixels, but not many
    assert (raw / "middlebury/barn1/im2.ppm").read_bytes().startswith(b"P6")
    assert (raw / "middlebury/barn1/disp2.pgm").read_bytes().startswith(b"P5")


@pytest.mark.parametrize(
    ("dataset", "converter", "sizes"),
    [
        ("nyu", nyu_depth_v2, {"train": 3, "test": 2}),
        ("make3d", make3d, {"train": 1, "test": 1}),
        ("middlebury", middlebury, {"calibrated": 2, "simple": 4}),
    ],
)
def test_write_raw_writes_what_the_converters_read(
    raw, tmp_path, dataset, converter, sizes
):
    manifest = converter.convert(
        raw / dataset, tmp_path / "records", options=Options(allow_partial=True)
    )
    found = {name: split.num_records for name, split in manifest.splits.items()}
    assert found == sizes
    for name, split in manifest.splits.items():
        if name != "simple":  # whose scale is arbitrary
            assert 0.6 < split.depth_min < split.depth_mean < split.depth_max < 30
        assert split.valid_fraction > 0.7


def test_make3d_images_have_the_official_aspect():
    height, width = raw_sets.MAKE3D_SIZE
    assert height * 1704 == width * 2272


def test_position_grid_measures_along_the_ray():
    # A wall 4 m away and f = 100 px: the cell in row 0, column 0 takes the pixel
    # (row 1, column 0) of 110 x 305, which is 53.5 rows above and 152 columns left of
    # the middle.
    depth = np.full((110, 305), 4.0, np.float32)
    grid = layouts.position_grid(Scene(None, depth, 100.0))
    expected = (4 * 0.535, -4 * 1.52, 4.0)
    np.testing.assert_allclose(grid[0, 0, :3], expected, rtol=1e-12)
    np.testing.assert_allclose(grid[0, 0, 3], np.linalg.norm(expected), rtol=1e-12)
    assert grid[54, 0, 0] < 0 < grid[0, 304, 1]  # down is negative, right positive
    assert grid[27, 152, 3] == pytest.approx(4.0, abs=1e-3)  # the middle looks ahead


def test_disparity_from_depth_fills_its_range():
    # Depths 1 and 2: 420 = 240 + 180 for the nearest, so 420 / 2 - 180 = 30.
    depth = np.array([[1.0, 1.0, 2.0, 2.0]], np.float32)
    stored, dmin = layouts.disparity_from_depth(depth, calibrated=True)
    assert dmin == 180
    np.testing.assert_array_equal(stored, [[240, 240, 30, 30]])
    # Without dmin the disparity is simply inverse.
    stored, dmin = layouts.disparity_from_depth(depth, calibrated=False)
    assert dmin == 0
    np.testing.assert_array_equal(stored, [[240, 240, 120, 120]])


def test_disparity_from_depth_hides_occluded_pixels():
    # Behind, 120 / 3 = 40 pixels; in front, 240 / 3 = 80: the block of columns 60 to 79
    # moves to -20 to -1, where columns 20 to 39 move, too; the block's last pixel
    # also counts for the place right of it, which is that of column 40.
    depth = np.full((2, 100), 2.0, np.float32)
    depth[:, 60:80] = 1.0
    stored, _ = layouts.disparity_from_depth(depth, calibrated=False)
    np.testing.assert_array_equal(np.flatnonzero(stored[0] == 0), np.arange(20, 41))
    np.testing.assert_array_equal(stored[0], stored[1])


@pytest.mark.parametrize("calibrated", [True, False])
def test_disparity_from_depth_keeps_depth_up_to_a_factor(calibrated):
    depth = render_scene(3, size=(48, 64)).depth
    stored, dmin = layouts.disparity_from_depth(depth, calibrated=calibrated)
    known = stored > 0
    back = 3740 * 0.16 / (stored[known].astype(float) + dmin)
    factor = 3740 * 0.16 / (240 + dmin) / depth.min()
    # Rounding moves a stored value by half a step at most.
    bound = 0.5 * back**2 / (3740 * 0.16) * 1.05
    assert np.all(np.abs(back - factor * depth[known]) <= bound)


def test_disparity_from_depth_of_a_flat_wall():
    stored, dmin = layouts.disparity_from_depth(
        np.full((3, 5), 2.5, np.float32), calibrated=True
    )
    assert dmin == 300  # the largest that is used
    np.testing.assert_array_equal(stored, np.full((3, 5), 240))


def test_middlebury_scenes_are_the_official_ones():
    # 6 + 2 + 6 + 21 scenes (Scharstein & Szeliski's page).
    names = layouts.middlebury_scenes(35)
    assert len(set(names)) == 35
    assert layouts.middlebury_scenes(4) == ["barn1", "cones", "Art", "Aloe"]


def test_write_raw_shares_no_scene_between_data_sets_and_seeds(tmp_path, monkeypatch):
    seeds = []
    monkeypatch.setattr(raw_sets, "render_scene", lambda seed, size: seeds.append(seed))
    for name in ("write_nyu", "write_make3d", "write_middlebury"):
        monkeypatch.setattr(
            layouts, name, lambda folder, scenes, **options: list(scenes)
        )
    for seed in (0, 1):
        for dataset in raw_sets.DATASETS:
            options = {"num_train": 9999, "num_test": 9999, "seed": seed}
            raw_sets.write_raw(tmp_path / str(seed), dataset, **options)
    # As many as the official splits hold.
    assert len(seeds) == 2 * (795 + 654 + 400 + 134 + 35)
    assert len(set(seeds)) == len(seeds)


def test_write_raw_leaves_nothing_when_it_fails(tmp_path, monkeypatch):
    def fail(seed, *, size):
        raise RuntimeError("out of paint")

    monkeypatch.setattr(raw_sets, "render_scene", fail)
    with pytest.raises(RuntimeError, match="out of paint"):
        raw_sets.write_raw(tmp_path, "nyu", num_train=1, num_test=1)
    assert not list(tmp_path.iterdir())


def test_write_raw_leaves_existing_data_alone(tmp_path):
    (tmp_path / "nyu").mkdir()
    with pytest.raises(FileExistsError, match=r"may hold real data.*--output"):
        raw_sets.write_raw(tmp_path, "nyu")


BAD = {"dataset": "kitti", "num_train": 0, "num_test": 0, "workers": 0, "seed": -1}


@pytest.mark.parametrize("name", BAD)
def test_write_raw_refuses_bad_arguments(tmp_path, name):
    arguments = {"dataset": "nyu", name: BAD[name]}
    with pytest.raises(ValueError, match="--dataset must be one of nyu, make3d"):
        raw_sets.write_raw(tmp_path, **arguments)


@pytest.mark.slow
def test_program_writes_all_data_sets_and_says_where(tmp_path):
    flags = {"output": tmp_path, "num_train": 1, "num_test": 1, "size": "24,32"}
    first = run_program("data_prep.synthetic", **flags)
    assert f"{tmp_path / 'middlebury'} is written." in first.stdout
    again = run_program("data_prep.synthetic", check=False, **flags)
    assert again.returncode == 1
    assert "Error: " in again.stderr and "Traceback" not in again.stderr
