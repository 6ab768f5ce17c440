"""Tests of dpde_tf.data.depth_files."""

import cv2
import numpy as np
import pytest

from dpde_tf.data.depth_files import (
    SUFFIXES,
    measured_depth,
    read_depth,
    read_relative_depth,
    write_depth,
    write_depth_png,
)


def test_measured_depth_is_0_where_nothing_is_measured():
    depth = np.array([[np.nan, np.inf, -np.inf], [-1.0, -0.0, 2.5]])
    measured = measured_depth(depth)
    assert measured.dtype == np.float32
    np.testing.assert_array_equal(measured, [[0, 0, 0], [0, 0, 2.5]])
    assert not np.signbit(measured).any()
    assert np.isnan(depth[0, 0])  # the argument is left alone


def test_measured_depth_takes_any_shape_and_whole_numbers():
    assert measured_depth(np.zeros((0, 3))).shape == (0, 3)
    np.testing.assert_array_equal(measured_depth(np.int16([[[-3], [4]]])), [[[0], [4]]])


def test_read_depth_scales_a_png(tmp_path):
    stored = np.array([[0, 1], [1500, 65535]], np.uint16)
    cv2.imwrite(str(tmp_path / "d.png"), stored)
    depth = read_depth(tmp_path / "d.png", depth_scale=0.001)
    assert depth.dtype == np.float32
    np.testing.assert_array_equal(depth, np.float32([[0, 0.001], [1.5, 65.535]]))


def test_write_depth_png_rounds_saturates_and_reads_back(tmp_path):
    depth = np.array([[0.0, 1.2344, 1.2346], [70.0, np.nan, -3.0]])
    path = tmp_path / "new" / "d.png"
    write_depth_png(path, depth)
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, [[0, 1234, 1235], [65535, 0, 0]])
    np.testing.assert_array_equal(
        read_depth(path, depth_scale=0.001),
        np.float32([[0, 1.234, 1.235], [65.535, 0, 0]]),
    )
    assert [file.name for file in path.parent.iterdir()] == ["d.png"]


def test_write_depth_png_refuses_other_shapes_and_suffixes(tmp_path):
    with pytest.raises(ValueError, match=r"must be \[H, W\]"):
        write_depth_png(tmp_path / "d.png", np.zeros((2, 2, 1)))
    with pytest.raises(ValueError, match=r"the file a .png"):
        write_depth_png(tmp_path / "d.npy", np.zeros((2, 2)))


def test_read_depth_of_npy_clears_what_is_no_measurement(tmp_path):
    np.save(tmp_path / "d.npy", np.array([[np.nan, -1.0], [np.inf, 2.5]]))
    np.testing.assert_array_equal(read_depth(tmp_path / "d.npy"), [[0, 0], [0, 2.5]])


def test_read_depth_drops_a_last_axis_of_one(tmp_path):
    np.save(tmp_path / "d.npy", np.ones((2, 3, 1), np.float32))
    assert read_depth(tmp_path / "d.npy").shape == (2, 3)


@pytest.mark.parametrize(
    "scale, order", [("-1.0", "<f4"), ("1", ">f4"), ("-0.0039", "<f4")]
)
def test_read_depth_of_pfm_puts_the_last_stored_row_first(tmp_path, scale, order):
    values = np.array([[5, 6, 7], [2, 3, 4]], order)  # PFM stores the bottom row first
    header = f"Pf\n3 2\n{scale}\n".encode()
    (tmp_path / "d.pfm").write_bytes(header + values.tobytes())
    np.testing.assert_array_equal(
        read_depth(tmp_path / "d.pfm", depth_scale=2.0), [[4, 6, 8], [10, 12, 14]]
    )


def test_read_depth_agrees_with_opencv_on_pfm(tmp_path, rng):
    depth = rng.uniform(1, 9, (4, 5)).astype(np.float32)
    cv2.imwrite(str(tmp_path / "d.pfm"), depth)
    np.testing.assert_array_equal(read_depth(tmp_path / "d.pfm"), depth)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_read_depth_refuses_a_cut_file(tmp_path, rng, suffix, keep):
    path = tmp_path / f"d{suffix}"
    stored = rng.integers(1, 60000, (20, 30))
    if suffix == ".npy":
        np.save(path, stored)
    elif suffix == ".npz":
        np.savez(path, stored)
    else:
        dtype = np.uint16 if suffix == ".png" else np.float32
        cv2.imwrite(str(path), stored.astype(dtype))
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(ValueError, match=f"d{suffix} (is not a|must)"):
        read_depth(path)


def test_read_depth_refuses_a_coloured_picture(tmp_path):
    cv2.imwrite(str(tmp_path / "d.png"), np.ones((2, 2, 3), np.uint8))
    with pytest.raises(ValueError, match="one number a pixel"):
        read_depth(tmp_path / "d.png")


def test_read_depth_refuses_objects_in_npy(tmp_path):
    np.save(tmp_path / "d.npy", np.array([[{}]]), allow_pickle=True)
    with pytest.raises(ValueError, match="NPY file of numbers"):
        read_depth(tmp_path / "d.npy")


def test_read_depth_names_the_missing_file_and_the_suffixes(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.png"):
        read_depth(tmp_path / "none.png")
    with pytest.raises(ValueError, match=r"\.png, \.npy, \.pfm"):
        read_depth(tmp_path / "d.jpg")


def test_read_depth_of_npz_takes_depth_or_the_only_array_or_the_key(tmp_path):
    path = tmp_path / "d.npz"
    np.savez(path, fused=np.full((1, 2), 3.0), depth=np.full((1, 2), 2.0))
    np.testing.assert_array_equal(read_depth(path), [[2, 2]])
    np.testing.assert_array_equal(read_depth(path, key="fused"), [[3, 3]])
    np.savez(path, disparity=np.array([[1.0, -1.0]]))
    np.testing.assert_array_equal(read_depth(path, depth_scale=5.0), [[5, 0]])
    with pytest.raises(ValueError, match=r"no array 'x'; it has: disparity.*--key"):
        read_depth(path, key="x")
    np.savez(path, a=np.ones((1, 2)), b=np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"no array 'depth'; it has: a, b"):
        read_depth(path)


def test_read_depth_refuses_objects_in_npz(tmp_path):
    np.savez(tmp_path / "d.npz", depth=np.array([[{}]]))
    with pytest.raises(ValueError, match="npz file of numbers"):
        read_depth(tmp_path / "d.npz")


def test_read_relative_depth_keeps_zero_and_negative_values(tmp_path):
    np.save(tmp_path / "d.npy", np.array([[np.nan, -1.0], [np.inf, 0.0]]))
    relative = read_relative_depth(tmp_path / "d.npy")
    assert relative.dtype == np.float32
    np.testing.assert_array_equal(relative, [[np.nan, -1], [np.nan, 0]])


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".PNG", ".NPY"])
def test_write_depth_reads_back(tmp_path, suffix, rng):
    depth = rng.integers(1, 60000, (5, 7)).astype(np.float32) / 1000
    path = tmp_path / "new" / f"d{suffix}"
    write_depth(path, depth)
    scale = 0.001 if suffix.lower() == ".png" else 1.0
    # Exact: the values are whole millimetres, the other formats hold float32.
    np.testing.assert_array_equal(read_depth(path, depth_scale=scale), depth)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pfm"])
def test_write_depth_keeps_negative_values_and_nan(tmp_path, suffix):
    values = np.float32([[-1.5, np.nan, 0.0]])
    write_depth(tmp_path / f"d{suffix}", values)
    read = read_relative_depth(tmp_path / f"d{suffix}")
    np.testing.assert_array_equal(read, values)


def test_write_depth_of_pfm_is_read_by_opencv(tmp_path, rng):
    depth = rng.uniform(1, 9, (4, 5)).astype(np.float32)
    write_depth(tmp_path / "d.pfm", depth)
    stored = cv2.imread(str(tmp_path / "d.pfm"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, depth)


def test_write_depth_of_png_has_the_unit_that_is_asked_for(tmp_path):
    # 1 / 5000 m, the unit of the TUM RGB-D benchmark.
    write_depth(tmp_path / "d.png", np.array([[1.0, 2.5]]), depth_scale=0.0002)
    stored = cv2.imread(str(tmp_path / "d.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, [[5000, 12500]])


def test_write_depth_refuses_other_shapes_and_suffixes(tmp_path):
    with pytest.raises(ValueError, match=r"must be \[H, W\]. Received: \(2, 2, 1\)"):
        write_depth(tmp_path / "d.npy", np.zeros((2, 2, 1)))
    with pytest.raises(ValueError, match=r"one of the suffixes"):
        write_depth(tmp_path / "d.jpg", np.zeros((2, 2)))
    assert not list(tmp_path.iterdir())
