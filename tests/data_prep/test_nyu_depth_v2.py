"""Tests of data_prep.nyu_depth_v2, on tiny files in the official layout."""

import fcntl
import pathlib
import subprocess
import sys

import h5py
import numpy as np
import pytest
import scipy.io

from data_prep import nyu_depth_v2, rgbd_folder
from data_prep.conversion.pair_lists import read_list
from data_prep.conversion.record_sets import Options
from dpde_tf.files.depth_maps import read_depth
from dpde_tf.files.images import read_image
from tests.fixtures.record_sets import records_by_name

PARTIAL = Options(allow_partial=True, num_shards=1)


def _write_raw(folder, images, depths, train, test):
    """Writes [N, H, W, 3] and [N, H, W] as MATLAB does: axes reversed for h5py."""
    folder.mkdir(exist_ok=True)
    with h5py.File(
        folder / "nyu_depth_v2_labeled.mat", "w", userblock_size=512
    ) as file:
        file.create_dataset("images", data=images.transpose(0, 3, 2, 1), chunks=True)
        file.create_dataset("depths", data=depths.transpose(0, 2, 1), chunks=True)
    splits = {"trainNdxs": np.uint16(train), "testNdxs": np.uint16(test)}
    columns = {name: indices[:, np.newaxis] for name, indices in splits.items()}
    scipy.io.savemat(folder / "splits.mat", columns, do_compression=True)


@pytest.fixture
def raw(tmp_path, rng):
    """A raw folder with six pairs of 8 x 12, and their arrays."""
    images = rng.integers(0, 256, (6, 8, 12, 3), np.uint8)
    depths = rng.uniform(1, 9, (6, 8, 12)).astype(np.float32)
    _write_raw(tmp_path / "raw", images, depths, [3, 4, 6, 900], [1, 2])
    return tmp_path / "raw", images, depths


def test_convert_turns_the_axes_and_keeps_the_official_order(raw, tmp_path):
    folder, images, depths = raw
    output = tmp_path / "records"
    nyu_depth_v2.convert(folder, output, image_size=(8, 12), options=PARTIAL)
    train, test = records_by_name(output, "train"), records_by_name(output, "test")
    assert list(train) == ["0002", "0003", "0005"]
    assert list(test) == ["0000", "0001"]
    for name, record in {**train, **test}.items():
        np.testing.assert_array_equal(record["image"], images[int(name)])
        np.testing.assert_array_equal(record["depth"][..., 0], depths[int(name)])


def test_convert_halves_to_means_of_four_pixels(raw, tmp_path):
    folder, images, depths = raw
    nyu_depth_v2.convert(folder, tmp_path / "r", image_size=(4, 6), options=PARTIAL)
    record = records_by_name(tmp_path / "r", "test")["0001"]
    image = images[1].reshape(4, 2, 6, 2, 3).mean((1, 3))
    depth = depths[1].reshape(4, 2, 6, 2).astype(np.float64).mean((1, 3))
    assert np.abs(record["image"] - image).max() <= 0.5  # rounding to uint8
    # Three float32 sums of numbers up to 9.
    np.testing.assert_allclose(record["depth"][..., 0], depth, rtol=1e-6)


def test_convert_reads_a_file_that_another_program_has_locked(raw, tmp_path):
    path = raw[0] / "nyu_depth_v2_labeled.mat"
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            h5py.File(path, "r")
        nyu_depth_v2.convert(raw[0], tmp_path / "r", options=PARTIAL)
    assert len(records_by_name(tmp_path / "r", "train")) == 3


def test_convert_refuses_a_wrong_split_size(raw, tmp_path):
    match = r"labeled.mat with splits.mat must hold 795 .*'train'; it holds 3"
    with pytest.raises(ValueError, match=match):
        nyu_depth_v2.convert(raw[0], tmp_path / "records")
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize("name", ["nyu_depth_v2_labeled.mat", "splits.mat"])
def test_convert_names_a_missing_file_and_its_remedy(raw, tmp_path, name):
    (raw[0] / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name}.*--dataset=nyu"):
        nyu_depth_v2.convert(raw[0], tmp_path / "records", options=PARTIAL)


@pytest.mark.parametrize("keep", [0, 0.5, 0.9])
def test_convert_refuses_a_truncated_labeled_file(raw, tmp_path, keep):
    path = raw[0] / "nyu_depth_v2_labeled.mat"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(ValueError, match=r"labeled.mat must be a whole HDF5 file"):
        nyu_depth_v2.convert(raw[0], tmp_path / "records", options=PARTIAL)


def test_convert_refuses_a_damaged_pair(tmp_path, rng):
    """Changes a byte inside a compressed chunk, so that HDF5 still opens the file."""
    images = rng.integers(0, 256, (2, 8, 12, 3), np.uint8)
    depths = rng.uniform(1, 9, (2, 8, 12)).astype(np.float32)
    _write_raw(tmp_path / "raw", images, depths, [1], [2])
    path = tmp_path / "raw" / "nyu_depth_v2_labeled.mat"
    with h5py.File(path, "r+") as file:
        del file["depths"]
        shape = {"shape": (2, 12, 8), "chunks": (1, 12, 8), "compression": "gzip"}
        depth = file.create_dataset("depths", dtype="f4", **shape)
        depth[:] = depths.transpose(0, 2, 1)
        depth.id.write_direct_chunk((1, 0, 0), b"no deflated data")
    with pytest.raises(ValueError, match="pair 1 from 0 must be readable"):
        nyu_depth_v2.convert(tmp_path / "raw", tmp_path / "records", options=PARTIAL)


def test_convert_refuses_another_layout(tmp_path, rng):
    images = rng.integers(0, 256, (2, 8, 12, 3), np.uint8)
    _write_raw(tmp_path / "raw", images, np.ones((2, 4, 12), np.float32), [1], [2])
    with pytest.raises(ValueError, match=r"must hold `images` \(N, 3, W, H\)"):
        nyu_depth_v2.convert(tmp_path / "raw", tmp_path / "records", options=PARTIAL)


@pytest.mark.parametrize("train, test", [([1, 2], [2, 3]), ([0, 1], [2])])
def test_read_splits_refuses_a_pair_in_both_or_an_index_of_0(tmp_path, train, test):
    columns = {"trainNdxs": [train], "testNdxs": [test]}
    scipy.io.savemat(tmp_path / "splits.mat", columns)
    with pytest.raises(ValueError, match="from 1, each in one split only"):
        nyu_depth_v2.read_splits(tmp_path / "splits.mat")


def test_read_splits_refuses_truncated_files_and_missing_splits(raw, tmp_path):
    path = raw[0] / "splits.mat"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"splits.mat must be a whole MATLAB file"):
        nyu_depth_v2.read_splits(path)
    scipy.io.savemat(path, {"trainNdxs": [1, 2]})
    with pytest.raises(ValueError, match="the variable 'testNdxs'"):
        nyu_depth_v2.read_splits(path)


@pytest.mark.parametrize("hole", [np.nan, np.inf, -1.0, 0.0])
def test_convert_stores_0_for_unmeasured_pixels(raw, tmp_path, hole):
    folder, images, depths = raw
    depths[:, 2, 5] = hole
    _write_raw(folder, images, depths, [3], [1])
    nyu_depth_v2.convert(folder, tmp_path / "r", image_size=None, options=PARTIAL)
    depth = records_by_name(tmp_path / "r", "train")["0002"]["depth"][..., 0]
    assert np.argwhere(depth == 0).tolist() == [[2, 5]]


def _write_large_raw(folder, num_pairs):
    """1449 pairs of 480 x 640, of which the first (a multiple of 8) are written."""
    folder.mkdir()
    # Chunks span 8 pairs, as those of the official file span several; gzip makes
    # noise of one bit small on disk. What is not written is 4.5 GB of zeros if it is
    # read. Without noise the file would store less than gzip can have made of so much.
    generator = np.random.default_rng(0)
    chunked = {"compression": "gzip", "compression_opts": 1}
    path = folder / nyu_depth_v2.LABELED_FILE
    with h5py.File(path, "w", userblock_size=512) as file:
        shape, chunks = (1449, 3, 640, 480), (8, 1, 160, 120)
        images = file.create_dataset("images", shape, "u1", chunks=chunks, **chunked)
        depths = file.create_dataset(
            "depths", (1449, 640, 480), "f4", chunks=(8, 160, 120), **chunked
        )
        for start in range(0, num_pairs, 8):
            images[start : start + 8] = generator.integers(
                90, 92, (8, *shape[1:]), np.uint8
            )
            noise = generator.integers(0, 2, (8, 640, 480), np.uint8)
            depths[start : start + 8] = 2.5 + noise
    indices = np.arange(1, num_pairs + 1, dtype=np.uint16)[:, np.newaxis]
    splits = {"trainNdxs": indices[1:], "testNdxs": indices[:1]}
    scipy.io.savemat(folder / nyu_depth_v2.SPLITS_FILE, splits)


# Runs in a separate process whose only child is the conversion.
_PEAK_MEMORY = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "data_prep.nyu_depth_v2", *sys.argv[1:]],
               check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.slow
def test_program_needs_less_than_a_gigabyte(tmp_path):
    _write_large_raw(tmp_path / "raw", 152)
    flags = [f"--raw={tmp_path / 'raw'}", f"--output={tmp_path / 'set'}"]
    done = subprocess.run(
        [sys.executable, "-c", _PEAK_MEMORY, *flags, "--allow_partial"],
        cwd=pathlib.Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "set" / "manifest.json").is_file()
    kilobytes = int(done.stdout)  # of 1024 bytes, on Linux
    # The imports take 0.6 GB, the chunk caches of the two variables up to 0.13 GB.
    assert 1024 * kilobytes < 2**30


@pytest.mark.data
def test_read_splits_gives_the_official_split(real_data):
    folder = real_data / "nyu_240x320"
    splits = nyu_depth_v2.read_splits(folder / "splits.mat")
    assert len(splits["train"]) == 795 and len(splits["test"]) == 654
    assert sorted(splits["train"] + splits["test"]) == list(range(1449))
    for split, size in nyu_depth_v2.SPLIT_SIZES.items():
        names = read_list(folder / f"{split}_{size}.txt")
        assert names == [f"{index:04d}" for index in splits[split]]


@pytest.mark.data
def test_convert_agrees_with_the_conversion_of_a_folder(real_data, tmp_path):
    folder = real_data / "nyu_240x320"
    names = [f"{index:04d}" for index in range(8)]
    images = np.stack([read_image(folder / "rgb" / f"{n}.jpg") for n in names])
    depth_files = [folder / "depth" / f"{n}.png" for n in names]
    depths = np.stack([read_depth(file, depth_scale=0.001) for file in depth_files])
    _write_raw(tmp_path / "raw", images, depths, [3, 4, 5], [1, 2, 6, 7, 8])
    nyu_depth_v2.convert(tmp_path / "raw", tmp_path / "a", options=PARTIAL)
    (tmp_path / "test.txt").write_text("\n".join(names[i - 1] for i in [1, 2, 6, 7, 8]))
    (tmp_path / "train.txt").write_text("\n".join(names[2:5]))
    rgbd_folder.convert(
        folder / "rgb",
        folder / "depth",
        tmp_path / "b",
        depth_scale=0.001,
        train_list=tmp_path / "train.txt",
        test_list=tmp_path / "test.txt",
        options=PARTIAL,
    )
    for file in ("train-00000-of-00001.tfrecord", "test-00000-of-00001.tfrecord"):
        assert (tmp_path / "a" / file).read_bytes() == (
            tmp_path / "b" / file
        ).read_bytes()
