"""Tests of data_prep.rgbd_folder, and of the flags of all converters."""

import json
import pickle

import cv2
import numpy as np
import pytest

from data_prep import rgbd_folder
from data_prep.conversion.record_sets import Options
from dpde_tf.data.manifest import read_manifest
from dpde_tf.files import images as image_files
from tests.fixtures.programs import run_program
from tests.fixtures.record_sets import records_by_name


@pytest.fixture
def folders(tmp_path, rng):
    """Images and 16-bit millimetres of three pairs `a`, `b.1`, `c`, with lists."""
    for name in ("rgb", "depth"):
        (tmp_path / name).mkdir()
    for stem in ("a", "b.1", "c"):
        image = rng.integers(0, 256, (4, 6, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "rgb" / f"{stem}.png"), image)
        depth = rng.integers(1000, 9000, (4, 6)).astype(np.uint16)
        cv2.imwrite(str(tmp_path / "depth" / f"{stem}.png"), depth)
    (tmp_path / "train.txt").write_text("# first\nc.jpg\n\n  b.1 \n")
    (tmp_path / "test.txt").write_text("a\n")
    return tmp_path


def _convert(folder, lists=("train", "test"), depth_scale=0.001, **kwargs):
    lists = {f"{name}_list": folder / f"{name}.txt" for name in lists}
    return rgbd_folder.convert(
        folder / "rgb",
        folder / "depth",
        folder / "records",
        depth_scale=depth_scale,
        **lists,
        **kwargs,
    )


def test_convert_gives_the_files_in_the_order_of_the_lists(folders):
    described = _convert(folders)
    assert described.image_size == (4, 6)
    assert described.dataset == "records"
    train, test = (records_by_name(folders / "records", s) for s in ("train", "test"))
    assert (list(train), list(test)) == (["c", "b.1"], ["a"])
    for stem, record in {**train, **test}.items():
        image = cv2.imread(str(folders / "rgb" / f"{stem}.png"))[..., ::-1]
        stored = cv2.imread(
            str(folders / "depth" / f"{stem}.png"), cv2.IMREAD_UNCHANGED
        )
        np.testing.assert_array_equal(record["image"], image)
        expected = (stored / 1000).astype(np.float32)
        np.testing.assert_array_equal(record["depth"][..., 0], expected)


def test_convert_uses_the_given_image_bits(folders):
    # Dark, of 12 bits: of 10, by its largest number alone.
    pixels = np.full((4, 6, 3), 800, np.uint16)
    cv2.imwrite(str(folders / "rgb" / "a.png"), pixels)
    for bits, value in ((None, 200), (12, 50)):
        _convert(folders, ["test"], image_bits=bits, options=Options(overwrite=True))
        manifest = json.loads((folders / "records" / "manifest.json").read_text())
        assert manifest["source"]["settings"]["image_bits"] == bits
        assert (
            records_by_name(folders / "records", "test")["a"]["image"] == value
        ).all()


def test_convert_needs_one_list_only(folders):
    assert list(_convert(folders, ["test"]).splits) == ["test"]
    with pytest.raises(ValueError, match="--train_list or --test_list must be given"):
        _convert(folders, [])


def test_convert_accepts_npy_depths(folders):
    for path in list((folders / "depth").iterdir()):
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        np.save(path.with_name(path.stem + ".npy"), stored / 1000)
        path.unlink()
    described = _convert(folders, depth_scale=1.0)
    assert 1 <= described.splits["train"].depth_min < 9


def test_convert_finds_images_by_the_common_suffixes(folders):
    assert rgbd_folder.IMAGE_SUFFIXES is image_files.IMAGE_SUFFIXES
    (folders / "rgb" / "a.png").rename(folders / "rgb" / "a.WEBP")
    assert _convert(folders, ["test"]).splits["test"].names == ("a",)


def test_convert_names_the_wrong_unit(folders):
    with pytest.raises(ValueError, match=r"c.png must be in metres.*--depth_scale"):
        _convert(folders, depth_scale=1.0)
    assert not (folders / "records").exists()


@pytest.mark.parametrize("kind, folder", [("image", "rgb"), ("depth map", "depth")])
def test_convert_names_a_missing_partner(folders, kind, folder):
    (folders / folder / "b.1.png").unlink()
    with pytest.raises(FileNotFoundError, match=f"names 'b.1', of which .* no {kind}"):
        _convert(folders)


def test_convert_resizes_image_and_depth_of_different_sizes(folders):
    depth = np.kron(np.uint16([[1000, 2000], [3000, 4000]]), np.ones((4, 6), np.uint16))
    cv2.imwrite(str(folders / "depth" / "a.png"), depth)  # 8x12; the image is 4x6.
    _convert(folders, ["test"], image_size=(2, 3))
    record = records_by_name(folders / "records", "test")["a"]
    image = cv2.imread(str(folders / "rgb" / "a.png"))[..., ::-1]
    # Both are means over the pixels: of 2x2 of the image, 4x4 of the depth, of which
    # the middle column lies on both halves.
    means = image.reshape(2, 2, 3, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(record["image"], means, atol=0.51)
    np.testing.assert_allclose(
        record["depth"][..., 0], [[1, 1.5, 2], [3, 3.5, 4]], rtol=1e-6
    )


def test_convert_refuses_sizes_that_differ_without_an_image_size(folders):
    cv2.imwrite(str(folders / "depth" / "a.png"), np.full((2, 3), 2000, np.uint16))
    match = r"rgb/a.png has \(4, 6\), .*depth/a.png has \(2, 3\). Give --image_size"
    with pytest.raises(ValueError, match=match):
        _convert(folders, ["test"])


@pytest.mark.parametrize("image_size", [None, (2, 3)])
def test_convert_refuses_aspect_ratios_that_differ(folders, image_size):
    cv2.imwrite(str(folders / "depth" / "a.png"), np.full((6, 4), 2000, np.uint16))
    match = r"one aspect ratio: .*rgb/a.png has \(4, 6\), .*depth/a.png has \(6, 4\)"
    with pytest.raises(ValueError, match=match):
        _convert(folders, ["test"], image_size=image_size)


@pytest.mark.parametrize(
    ("width", "fits"), [(1280, True), (1292, True), (1268, True), (1293, False)]
)
def test_convert_takes_aspect_ratios_that_are_nearly_one(folders, width, fits):
    # Within one per cent of 960x1280; 968x1296 and 480x640, which belong together, are.
    image = np.zeros((960, width, 3), np.uint8)
    cv2.imwrite(str(folders / "rgb" / "a.png"), image)
    cv2.imwrite(str(folders / "depth" / "a.png"), np.full((48, 64), 2000, np.uint16))
    if fits:
        assert _convert(folders, ["test"], image_size=(24, 32)).image_size == (24, 32)
    else:
        with pytest.raises(ValueError, match="one aspect ratio"):
            _convert(folders, ["test"], image_size=(24, 32))


def test_convert_scales_only_integers(folders):
    """One folder with integers in millimetres and floating-point numbers in metres."""
    metres = np.full((4, 6), 2.5, np.float32)
    depths = folders / "depth"
    (depths / "b.1.png").unlink()
    np.savez(depths / "b.1.npz", depth=metres)
    (depths / "c.png").unlink()
    np.save(depths / "c.npy", np.full((4, 6), 2500, np.int32))
    cv2.imwrite(str(depths / "a.png"), np.full((4, 6), 2500, np.uint16))
    _convert(folders)
    for split in ("train", "test"):
        for record in records_by_name(folders / "records", split).values():
            np.testing.assert_array_equal(record["depth"][..., 0], metres)


def test_convert_requires_a_scale_for_integers_only(folders):
    with pytest.raises(
        ValueError, match=r"a.png holds integers.* `depth_scale`.*, 0.0"
    ):
        _convert(folders, ["test"], depth_scale=None)
    (folders / "depth" / "a.png").unlink()
    path = folders / "depth" / "a.npy"
    np.save(path, np.full((4, 6), 2500, np.int32))
    with pytest.raises(ValueError, match=r"a.npy holds integers.* `depth_scale"):
        _convert(folders, ["test"], depth_scale=None)
    np.save(path, np.full((4, 6), 2500.0))
    with pytest.raises(
        ValueError, match=r"`depth_scale=0.001` is for integers; .*a.npy"
    ):
        _convert(folders, ["test"])
    for scale in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="a positive number"):
            _convert(folders, ["test"], depth_scale=scale)
    assert not (folders / "records").exists()


def test_convert_ignores_invalid_values_and_far_pixels(folders):
    stored = np.full((4, 6), 2000, np.uint16)
    stored[0] = [65535, 7, 0, 9000, 9001, 2000]
    cv2.imwrite(str(folders / "depth" / "a.png"), stored)
    described = _convert(folders, ["test"], invalid_values=[65535, 7], max_depth=9.0)
    depth = records_by_name(folders / "records", "test")["a"]["depth"][..., 0]
    np.testing.assert_array_equal(depth[0], [0, 0, 0, 9, 0, 2])
    assert described.splits["test"].depth_max == 9.0
    assert described.source["settings"] == {
        "depth_scale": 0.001,
        "invalid_values": [65535, 7],
        "max_depth": 9.0,
        "image_bits": None,
    }


def test_convert_compares_names_after_unicode_normalization(folders):
    composed, decomposed = "k\u00fcche", "ku\u0308che"
    (folders / "rgb" / "a.png").rename(folders / "rgb" / f"{decomposed}.png")
    (folders / "depth" / "a.png").rename(folders / "depth" / f"{composed}.png")
    for name in (composed, decomposed):
        (folders / "test.txt").write_text(f"{name}.png\n", encoding="utf-8")
        described = _convert(folders, ["test"], options=Options(overwrite=True))
        assert described.splits["test"].names == (composed,)


def test_pairs_can_be_sent_to_other_machines(folders):
    tasks = []

    def write_split(shards, workers):
        tasks.extend(pickle.loads(pickle.dumps(shards)))
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        _convert(folders, ["test"], max_depth=5.0, write_split=write_split)
    (pair,) = tasks[0].pairs
    stored = cv2.imread(str(folders / "depth" / "a.png"), cv2.IMREAD_UNCHANGED)
    expected = np.where(stored <= 5000, stored / 1000, 0).astype(np.float32)
    np.testing.assert_array_equal(pair.load()[1], expected)


def test_convert_names_files_in_another_format(folders):
    (folders / "depth" / "a.png").rename(folders / "depth" / "a.exr")
    match = r"no depth map. .* a.exr is not read. Write depth as NPY"
    with pytest.raises(FileNotFoundError, match=match):
        _convert(folders, ["test"])
    for path in (folders / "depth").iterdir():
        path.unlink()
    (folders / "depth" / "all.mp4").touch()
    with pytest.raises(FileNotFoundError, match=r"all.mp4 is a video, whose compress"):
        _convert(folders, ["test"])


def test_convert_refuses_a_pair_that_is_listed_twice(folders):
    (folders / "test.txt").write_text("a\nc\n")
    with pytest.raises(ValueError, match="no pair in common; both name c"):
        _convert(folders)
    (folders / "test.txt").write_text("a\na.png\n")
    with pytest.raises(ValueError, match="more than once: a"):
        _convert(folders)


def test_convert_refuses_one_stem_in_two_files(folders):
    cv2.imwrite(str(folders / "rgb" / "a.jpg"), np.zeros((4, 6, 3), np.uint8))
    with pytest.raises(ValueError, match=r"a.png and a.jpg have the same"):
        _convert(folders)


def test_convert_names_missing_folders_and_lists(folders):
    with pytest.raises(FileNotFoundError, match=r"none.txt does not exist"):
        _convert(folders, ["train"], test_list=folders / "none.txt")
    (folders / "test.txt").write_text("# none\n")
    with pytest.raises(ValueError, match="must name a pair at least"):
        _convert(folders)
    (folders / "rgb").rename(folders / "images")
    with pytest.raises(FileNotFoundError, match=r"rgb does not exist.*--images"):
        _convert(folders)


def _run(*arguments):
    return run_program("data_prep.rgbd_folder", *arguments, check=False)


@pytest.mark.slow
def test_program_converts_verifies_and_ends_with_a_message(folders):
    output = f"--output={folders / 'set'}"
    flags = [
        output,
        f"--images={folders / 'rgb'}",
        f"--depths={folders / 'depth'}",
        f"--test_list={folders / 'test.txt'}",
        "--image_size=2,3",
    ]
    failed = _run(*flags, "--depth_scale=1")
    assert failed.returncode == 1
    assert "Error: " in failed.stderr and "Traceback" not in failed.stderr
    converted = _run(*flags, "--depth_scale=0.001")
    assert converted.returncode == 0 and "set, 2 x 3" in converted.stdout
    verified = _run(output, "--verify")
    assert verified.returncode == 0 and "set, 2 x 3" in verified.stdout
    missing = _run(output)
    assert missing.returncode == 1 and "--images" in missing.stdout + missing.stderr
    limited = _run(
        *flags[1:],
        f"--output={folders / 'limited'}",
        "--depth_scale=0.001",
        "--invalid_value=65535",
        "--invalid_value=1",
        "--max_depth=9.5",
    )
    assert limited.returncode == 0, limited.stderr
    settings = read_manifest(folders / "limited").source["settings"]
    assert settings["invalid_values"] == [65535, 1] and settings["max_depth"] == 9.5


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["nyu_depth_v2", "make3d", "middlebury", "rgbd_folder"]
)
def test_programs_show_their_flags(name):
    text = run_program(f"data_prep.{name}", "--help").stdout
    for flag in ("--output", "--image_size", "--workers", "--num_shards", "verify"):
        assert flag in text
    assert f"python -m data_prep.{name}" in text
