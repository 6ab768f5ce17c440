"""Tests of dpde_tf.files.depth_maps."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from dpde_tf.files import depth_maps as depth_files
from dpde_tf.files.depth_formats import SUFFIXES
from dpde_tf.files.depth_maps import (
    measured_depth,
    read_depth,
    read_relative_depth,
    write_depth,
)


def tiff_of(stored):
    """A TIFF of one uncompressed strip, written as TIFF 6.0 specifies."""
    order = "<" if stored.dtype.str[0] != ">" else ">"
    data, (height, width) = stored.tobytes(), stored.shape
    sample_format = {"u": 1, "i": 2, "f": 3}[stored.dtype.kind]
    longs = {256: width, 257: height, 273: 8, 278: height, 279: len(data)}
    shorts = {258: 8 * stored.itemsize, 259: 1, 262: 1, 277: 1, 339: sample_format}
    entries = [(tag, struct.pack(order + "HII", 4, 1, v)) for tag, v in longs.items()]
    entries += [
        (tag, struct.pack(order + "HIHH", 3, 1, v, 0)) for tag, v in shorts.items()
    ]
    tags = b"".join(struct.pack(order + "H", t) + rest for t, rest in sorted(entries))
    mark = b"II" if order == "<" else b"MM"
    header = struct.pack(order + "2sHI", mark, 42, 8 + len(data))
    return header + data + struct.pack(order + "H", len(entries)) + tags + bytes(4)


def test_depth_in_millimetres_that_is_read_as_metres_is_named(tmp_path, warnings):
    np.save(tmp_path / "mm.npy", np.float32([[2000, 2400, 0], [3000, 0, 2400]]))
    read_depth(tmp_path / "mm.npy")
    assert "mm.npy: half of the depth is farther than 2400 m." in warnings[0]
    assert "`depth_scale=0.001`" in warnings[0]
    np.save(tmp_path / "far.npy", np.float32([[2, 199, 3000]]))
    np.save(tmp_path / "none.npy", np.zeros((1, 3), np.float32))
    for name in ("far.npy", "none.npy"):
        read_depth(tmp_path / name)
    assert len(warnings) == 1


@pytest.fixture
def warnings(monkeypatch):
    """The texts of all warnings, including those beyond the limit for display."""
    texts = []
    monkeypatch.setattr(
        depth_files.logging,
        "log_first_n",
        lambda level, text, n, *values: texts.append(text % values),
    )
    monkeypatch.setattr(
        depth_files.logging,
        "warning",
        lambda text, *values: texts.append(text % values),
    )
    return texts


def test_measured_depth_is_0_where_nothing_is_measured():
    depth = np.array([[np.nan, np.inf, -np.inf], [-1.0, -0.0, 2.5]])
    measured = measured_depth(depth)
    assert measured.dtype == np.float32
    np.testing.assert_array_equal(measured, [[0, 0, 0], [0, 0, 2.5]])
    assert not np.signbit(measured).any()
    assert np.isnan(depth[0, 0])  # the argument is not changed


def test_measured_depth_takes_any_shape_and_integers():
    assert measured_depth(np.zeros((0, 3))).shape == (0, 3)
    np.testing.assert_array_equal(measured_depth(np.int16([[[-3], [4]]])), [[[0], [4]]])


def test_read_depth_scales_a_png(tmp_path):
    stored = np.array([[0, 1], [1500, 65535]], np.uint16)
    cv2.imwrite(str(tmp_path / "d.png"), stored)
    depth = read_depth(tmp_path / "d.png", depth_scale=0.001)
    assert depth.dtype == np.float32
    np.testing.assert_array_equal(depth, np.float32([[0, 0.001], [1.5, 65.535]]))


def test_write_depth_rounds_saturates_and_reads_back(tmp_path, warnings):
    depth = np.array([[0.0, 1.2344, 1.2346], [70.0, np.nan, -3.0]])
    path = tmp_path / "new" / "d.png"
    write_depth(path, depth)
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, [[0, 1234, 1235], [65535, 0, 0]])
    np.testing.assert_array_equal(
        read_depth(path, depth_scale=0.001),
        np.float32([[0, 1.234, 1.235], [65.535, 0, 0]]),
    )
    assert [file.name for file in path.parent.iterdir()] == ["d.png"]
    warning = warnings[0]
    assert warning.startswith(f"{path}: 1 pixels over 65.535 m")
    assert "are stored as 65535" in warning
    assert "`depth_scale`" in warning and "NPY" in warning


def test_write_depth_warns_of_what_a_png_cannot_hold(tmp_path, warnings):
    depth = np.array([[65.5354, 65.5356, 80.0, 0.0006], [0.0004, 0.0001, 0, np.nan]])
    write_depth(tmp_path / "d.png", depth)
    assert ["2 pixels over 65.535 m" in warnings[0], len(warnings)] == [True, 2]
    assert "2 pixels under 0.0005 m" in warnings[1] and "stored as 0." in warnings[1]
    del warnings[:]
    write_depth(tmp_path / "d.png", depth[:, 1:3], depth_scale=0.002)
    assert ["1 pixels under 0.001 m" in warnings[0], len(warnings)] == [True, 1]
    write_depth(tmp_path / "d.npy", depth)
    write_depth(tmp_path / "d.png", np.array([[65.535, 0.001]]))
    assert len(warnings) == 1


@pytest.mark.parametrize("scale", [0.0, -0.001, float("nan"), float("inf")])
def test_write_depth_rejects_an_invalid_scale(tmp_path, scale):
    with pytest.raises(ValueError, match="`depth_scale` must be the metres per stored"):
        write_depth(tmp_path / "d.png", np.ones((2, 2)), depth_scale=scale)
    assert not list(tmp_path.iterdir())


def test_read_depth_of_npy_clears_invalid_values(tmp_path):
    np.save(tmp_path / "d.npy", np.array([[np.nan, -1.0], [np.inf, 2.5]]))
    np.testing.assert_array_equal(read_depth(tmp_path / "d.npy"), [[0, 0], [0, 2.5]])


def test_read_depth_drops_axes_of_batch_and_channel(tmp_path):
    depth = np.float32([[1, 2, 3], [4, 5, 6]])
    for shape in ((2, 3, 1), (1, 2, 3), (1, 2, 3, 1), (1, 1, 2, 3)):
        np.save(tmp_path / "d.npy", depth.reshape(shape))
        np.testing.assert_array_equal(read_depth(tmp_path / "d.npy"), depth)
        np.savez(tmp_path / "d.npz", depth=depth.reshape(shape))
        np.testing.assert_array_equal(read_depth(tmp_path / "d.npz"), depth)
    np.save(tmp_path / "d.npy", depth[:, :1].reshape(2, 1, 1))
    np.testing.assert_array_equal(read_depth(tmp_path / "d.npy"), [[1], [4]])
    np.save(tmp_path / "d.npy", np.ones((2, 3, 4, 1), np.float32))
    with pytest.raises(ValueError, match=r"\(2, 3, 4, 1\); a coloured depth picture"):
        read_depth(tmp_path / "d.npy")
    np.save(tmp_path / "d.npy", np.ones((2, 5, 6), np.float32))
    with pytest.raises(ValueError, match=r"\(2, 5, 6\); write each map to a separ"):
        read_depth(tmp_path / "d.npy")


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u8"])
def test_read_depth_scales_integers_of_any_type_and_format(tmp_path, dtype):
    stored = np.array([[0, 100], [50, 3]], dtype)
    np.save(tmp_path / "d.npy", stored)
    np.savez(tmp_path / "d.npz", depth=stored)
    for suffix in (".npy", ".npz"):
        depth = read_depth(tmp_path / f"d{suffix}", depth_scale=0.01)
        np.testing.assert_array_equal(depth, np.float32([[0, 1], [0.5, 0.03]]))
        with pytest.raises(ValueError, match=rf"d{suffix} holds u?int\d+ integers.*`d"):
            read_depth(tmp_path / f"d{suffix}")


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
def test_read_depth_does_not_scale_metres(tmp_path, dtype):
    np.save(tmp_path / "d.npy", np.array([[1.5, 2]], dtype))
    for scale in (None, 0.001):
        depth = read_depth(tmp_path / "d.npy", depth_scale=scale)
        np.testing.assert_array_equal(depth, np.float32([[1.5, 2]]))


def test_read_depth_ignores_invalid_values_and_far_pixels(tmp_path):
    cv2.imwrite(str(tmp_path / "d.png"), np.uint16([[65535, 1, 8000, 8001, 0]]))
    options = {"depth_scale": 0.001, "invalid_values": [65535, 1, -1], "max_depth": 8.0}
    np.testing.assert_array_equal(
        read_depth(tmp_path / "d.png", **options), [[0, 0, 8, 0, 0]]
    )
    # In float32: -1 must not become 65535, as in 16-bit integers.
    np.save(tmp_path / "d.npy", np.float32([[9.9, 2.5, 3.5]]))
    depth = read_depth(tmp_path / "d.npy", invalid_values=[9.9], max_depth=3.0)
    np.testing.assert_array_equal(depth, [[0, 2.5, 0]])
    np.save(tmp_path / "d.npy", np.uint16([[65535, 2]]))
    depth = read_depth(tmp_path / "d.npy", depth_scale=1.0, invalid_values=[-1])
    np.testing.assert_array_equal(depth, [[65535, 2]])
    relative = read_relative_depth(tmp_path / "d.npy", invalid_values=[65535])
    np.testing.assert_array_equal(relative, [[np.nan, 2]])


@pytest.mark.parametrize(
    ("dtype", "highest", "text"),
    [
        ("u2", 65535, "65535"),
        ("i4", 65535, "65535"),
        ("u1", 255, "255"),
        ("i4", 2**31 - 1, "2147483647"),
        ("f4", 65535, "65535"),
        ("f4", np.finfo("f4").max, "3.4028234663852886e+38"),
    ],
)
def test_read_depth_warns_of_many_pixels_at_a_maximum(
    tmp_path, warnings, dtype, highest, text
):
    stored = np.full((10, 20), 100, dtype)
    stored[0, 0] = 0
    stored[0, 1:3] = highest  # One per cent.
    np.save(tmp_path / "d.npy", stored)
    read_depth(tmp_path / "d.npy", depth_scale=0.001)
    (warning,) = warnings
    assert f"d.npy: 1.0 % of the pixels are {text}" in warning
    assert f"`invalid_value={text}`" in warning
    # No warning for a declared or too distant value, nor for a few pixels.
    read_depth(tmp_path / "d.npy", depth_scale=0.001, invalid_values=[highest])
    read_depth(tmp_path / "d.npy", depth_scale=0.001, max_depth=0.2)
    stored[0, 1] = 100
    np.save(tmp_path / "d.npy", stored)
    read_depth(tmp_path / "d.npy", depth_scale=0.001)
    assert len(warnings) == 1


def test_read_depth_does_not_warn_of_other_maxima_and_holes(tmp_path, warnings):
    np.save(tmp_path / "d.npy", np.full((4, 4), 10000, np.uint16))
    read_depth(tmp_path / "d.npy", depth_scale=0.001)
    np.save(tmp_path / "d.npy", np.zeros((4, 4), np.uint16))
    read_depth(tmp_path / "d.npy", depth_scale=0.001)
    assert not warnings


@pytest.mark.parametrize(
    "scale, order", [("-1.0", "<f4"), ("1", ">f4"), ("-0.0039", "<f4")]
)
def test_read_depth_of_pfm_puts_the_last_stored_row_first(tmp_path, scale, order):
    values = np.array([[5, 6, 7], [2, 3, 4]], order)  # PFM stores the bottom row first
    header = f"Pf\n3 2\n{scale}\n".encode()
    (tmp_path / "d.pfm").write_bytes(header + values.tobytes())
    np.testing.assert_array_equal(
        read_depth(tmp_path / "d.pfm"), [[2, 3, 4], [5, 6, 7]]
    )


def test_read_depth_agrees_with_opencv_on_pfm(tmp_path, rng):
    depth = rng.uniform(1, 9, (4, 5)).astype(np.float32)
    cv2.imwrite(str(tmp_path / "d.pfm"), depth)
    np.testing.assert_array_equal(read_depth(tmp_path / "d.pfm"), depth)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_read_depth_rejects_a_truncated_file(tmp_path, rng, suffix, keep):
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


def test_read_depth_rejects_a_coloured_picture(tmp_path):
    cv2.imwrite(str(tmp_path / "d.png"), np.ones((2, 2, 3), np.uint8))
    with pytest.raises(ValueError, match="one number per pixel"):
        read_depth(tmp_path / "d.png")


def test_read_depth_rejects_objects_in_npy(tmp_path):
    np.save(tmp_path / "d.npy", np.array([[{}]]), allow_pickle=True)
    with pytest.raises(ValueError, match="NPY file of numbers"):
        read_depth(tmp_path / "d.npy")


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8"])
def test_read_depth_of_tiff_follows_the_specification(tmp_path, dtype, order):
    stored = np.array([[0, 1, 2], [100, 50, 3]], order + dtype)
    (tmp_path / "d.TIF").write_bytes(tiff_of(stored))
    depth = read_depth(tmp_path / "d.TIF", depth_scale=0.5)
    metres = stored * (1.0 if dtype[0] == "f" else 0.5)
    np.testing.assert_array_equal(depth, metres.astype(np.float32))


def test_read_depth_of_tiff_rejects_unsupported_files(tmp_path):
    path = tmp_path / "d.tiff"
    path.write_bytes(tiff_of(np.ones((2, 3), "<f2")))
    with pytest.raises(ValueError, match=r"d.tiff is not a complete TIFF .*use NPY"):
        read_depth(path)
    cv2.imwritemulti(str(path), [np.ones((2, 3), np.float32)] * 2)
    with pytest.raises(ValueError, match=r"d.tiff must hold one depth map; .* 2 pages"):
        read_depth(path)
    cv2.imwrite(str(path), np.ones((2, 3, 3), np.float32))
    with pytest.raises(ValueError, match="coloured depth picture"):
        read_depth(path)
    cv2.imwrite(str(tmp_path / "p.png"), np.ones((2, 3), np.uint16))
    (tmp_path / "p.png").rename(path)
    with pytest.raises(ValueError, match=r"d.tiff is not a complete TIFF"):
        read_depth(path)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("d.mp4", "d.mp4 is a video, whose compression changes depth: write each fr"),
        ("d.MKV", "d.MKV is a video"),
        ("d.jpg", "The compression of .jpg changes depth: write the original as 16-"),
        ("d.exr", "Write depth as NPY .* or floating-point TIFF"),
        ("depth", "Write depth as NPY"),
    ],
)
def test_read_depth_names_a_remedy_for_other_formats(tmp_path, name, remedy):
    with pytest.raises(ValueError, match=rf"{name} must be a depth file.*{remedy}"):
        read_depth(tmp_path / name)


def test_read_depth_names_the_missing_file_and_the_suffixes(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.png"):
        read_depth(tmp_path / "none.png")
    with pytest.raises(ValueError, match=r"\.png, \.npy, \.pfm"):
        read_depth(tmp_path / "d.jpg")


def test_read_depth_of_npz_uses_key_only_array_or_depth(tmp_path):
    path = tmp_path / "d.npz"
    np.savez(path, fused=np.full((1, 2), 3.0), depth=np.full((1, 2), 2.0))
    np.testing.assert_array_equal(read_depth(path), [[2, 2]])
    np.testing.assert_array_equal(read_depth(path, key="fused"), [[3, 3]])
    np.savez(path, disparity=np.array([[1.0, -1.0]]))
    np.testing.assert_array_equal(read_depth(path), [[1, 0]])
    with pytest.raises(ValueError, match=r"no array 'x'; it has: disparity.*`key"):
        read_depth(path, key="x")
    np.savez(path, a=np.ones((1, 2)), b=np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"no array 'depth'; it has: a, b"):
        read_depth(path)


def test_read_depth_ignores_other_arrays_of_objects(tmp_path):
    np.savez(tmp_path / "a.npz", depth=np.ones((2, 3)), focal=None, meta={"a": 1})
    np.testing.assert_array_equal(read_depth(tmp_path / "a.npz"), np.ones((2, 3)))


def _png_of_four_bits(numbers):
    """A grey PNG with four bits a pixel, of one row of two pixels."""

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 2, 1, 4, 0, 0, 0, 0)
    row = bytes([0, numbers[0] << 4 | numbers[1]])
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(row)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def _tiff_of_twelve_bits():
    """A grey TIFF of one row of two pixels, 1 and 2."""
    fields = [(256, 2), (257, 1), (258, 12), (259, 1), (262, 1), (277, 1), (278, 1)]
    fields = sorted([*fields, (273, 8 + 2 + 12 * 9 + 4), (279, 3)])
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(fields)) + entries + b"\0" * 4
    return head + bytes([0x00, 0x10, 0x02])


@pytest.mark.parametrize(
    ("name", "content", "bits"),
    [("a.png", _png_of_four_bits((1, 2)), 4), ("a.tiff", _tiff_of_twelve_bits(), 12)],
)
def test_read_depth_refuses_bits_that_opencv_stretches(tmp_path, name, content, bits):
    (tmp_path / name).write_bytes(content)
    assert cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED).shape == (1, 2)
    with pytest.raises(ValueError, match=rf"must have 8, 16, .* it has {bits}, which"):
        read_depth(tmp_path / name, depth_scale=0.001)


def test_read_depth_rejects_objects_in_npz(tmp_path):
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
    # Exact, since the values are whole millimetres and the other formats hold float32.
    np.testing.assert_array_equal(read_depth(path, depth_scale=scale), depth)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pfm", ".tif", ".tiff"])
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


def test_write_depth_of_png_has_the_requested_unit(tmp_path):
    # 1 / 5000 m, the unit of the TUM RGB-D benchmark.
    write_depth(tmp_path / "d.png", np.array([[1.0, 2.5]]), depth_scale=0.0002)
    stored = cv2.imread(str(tmp_path / "d.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, [[5000, 12500]])


def test_write_depth_rejects_other_shapes_and_suffixes(tmp_path):
    with pytest.raises(ValueError, match=r"must be \[H, W\]. Received: \(2, 2, 1\)"):
        write_depth(tmp_path / "d.npy", np.zeros((2, 2, 1)))
    with pytest.raises(ValueError, match=r"one of the suffixes"):
        write_depth(tmp_path / "d.jpg", np.zeros((2, 2)))
    assert not list(tmp_path.iterdir())
