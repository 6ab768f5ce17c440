"""Tests of data_prep.rgbd_folder, and of the flags of all converters."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tensorflow as tf

from data_prep import rgbd_folder
from data_prep.conversion import Options
from data_prep.converter_flags import parse_image_size
from dpde_tf.data import image_files
from dpde_tf.data.records import decode_record


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


def _records(output, split):
    files = sorted(str(path) for path in output.glob(f"{split}-*"))
    dataset = tf.data.TFRecordDataset(files).map(decode_record)
    return {r["name"].decode(): r for r in dataset.as_numpy_iterator()}


def test_convert_gives_the_files_in_the_order_of_the_lists(folders):
    described = _convert(folders)
    assert described.image_size == (4, 6)
    assert described.dataset == "records"
    train, test = (_records(folders / "records", s) for s in ("train", "test"))
    assert (list(train), list(test)) == (["c", "b.1"], ["a"])
    for stem, record in {**train, **test}.items():
        image = cv2.imread(str(folders / "rgb" / f"{stem}.png"))[..., ::-1]
        stored = cv2.imread(
            str(folders / "depth" / f"{stem}.png"), cv2.IMREAD_UNCHANGED
        )
        np.testing.assert_array_equal(record["image"], image)
        expected = (stored / 1000).astype(np.float32)
        np.testing.assert_array_equal(record["depth"][..., 0], expected)


def test_convert_takes_the_bits_that_are_said(folders):
    # Dark, of 12 bits: of 10, by its largest number alone.
    pixels = np.full((4, 6, 3), 800, np.uint16)
    cv2.imwrite(str(folders / "rgb" / "a.png"), pixels)
    for bits, value in ((None, 200), (12, 50)):
        _convert(folders, ["test"], image_bits=bits, options=Options(overwrite=True))
        manifest = json.loads((folders / "records" / "manifest.json").read_text())
        assert manifest["source"]["settings"]["image_bits"] == bits
        assert (_records(folders / "records", "test")["a"]["image"] == value).all()


def test_convert_needs_one_list_only(folders):
    assert list(_convert(folders, ["test"]).splits) == ["test"]
    with pytest.raises(ValueError, match="--train_list or --test_list must be given"):
        _convert(folders, [])


def test_convert_takes_npy_depths(folders):
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


def test_convert_refuses_sizes_that_differ(folders):
    cv2.imwrite(str(folders / "depth" / "a.png"), np.full((2, 3), 2000, np.uint16))
    match = r"a.png has \(4, 6\), .*a.png has \(2, 3\)"
    with pytest.raises(ValueError, match=match):
        _convert(folders, image_size=(2, 3))


def test_convert_refuses_a_pair_in_both_lists_and_one_named_twice(folders):
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


def test_parse_image_size_is_height_and_width():
    assert parse_image_size(["240", "320"]) == (240, 320)
    assert parse_image_size(None) is None
    for values in (["240"], ["240", "0"], ["240", "3.2"], ["1", "2", "3"], ["-1", "2"]):
        with pytest.raises(ValueError, match="--image_size must be height and width"):
            parse_image_size(values)


def _run(*arguments):
    command = [sys.executable, "-m", "data_prep.rgbd_folder", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


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
    assert (
        missing.returncode == 1 and "--depth_scale" in missing.stdout + missing.stderr
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["nyu_depth_v2", "make3d", "middlebury", "rgbd_folder"]
)
def test_programs_show_their_flags(name):
    command = [sys.executable, "-m", f"data_prep.{name}", "--help"]
    text = subprocess.run(command, capture_output=True, text=True).stdout
    for flag in ("--output", "--image_size", "--workers", "--num_shards", "verify"):
        assert flag in text
    assert f"python -m data_prep.{name}" in text
