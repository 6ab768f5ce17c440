"""Tests of dpde_tf.inference.refinement_files."""

import functools
import unicodedata

import cv2
import numpy as np
import pytest

from dpde_tf.config import FusionConfig
from dpde_tf.files.depth_maps import read_depth, read_relative_depth
from dpde_tf.inference.gradient_sources import GradientFiles
from dpde_tf.inference.refinement_files import (
    DepthFormat,
    refine_file,
)


def test_depth_format_reads_metres_with_nan_in_holes(tmp_path):
    cv2.imwrite(str(tmp_path / "d.png"), np.uint16([[0, 1500]]))
    depth = DepthFormat(depth_scale=0.001).read(tmp_path / "d.png")
    np.testing.assert_array_equal(depth, np.float32([[np.nan, 1.5]]))
    np.savez(tmp_path / "d.npz", a=np.array([[2.0, -1.0]]), b=np.ones((1, 2)))
    depth = DepthFormat(key="a").read(tmp_path / "d.npz")
    np.testing.assert_array_equal(depth, [[2, np.nan]])


def test_depth_format_keeps_the_values_of_relative_depth(tmp_path):
    np.save(tmp_path / "d.npy", np.array([[0.0, -1.0, np.nan]]))
    relative = DepthFormat(alignment="scale_gradients").read(tmp_path / "d.npy")
    np.testing.assert_array_equal(relative, [[0, -1, np.nan]])


def test_depth_format_aligns_with_the_reference_of_the_stem(tmp_path):
    np.save(tmp_path / "d.npy", np.array([[0.0, 1.0, -9.0, np.nan]]))
    (tmp_path / "reference").mkdir()
    reference = tmp_path / "reference" / "d.png"
    cv2.imwrite(str(reference), np.uint16([[2000, 4000, 0, 9000]]))
    depth_format = DepthFormat(
        alignment="least_squares",
        references={"d": reference},
        read_reference=functools.partial(read_depth, depth_scale=0.001),
    )
    # 2 + 2 x; the third is at -16 m, behind the camera: a hole.
    np.testing.assert_allclose(
        depth_format.read(tmp_path / "d.npy"), [[2, 4, np.nan, np.nan]], rtol=1e-6
    )
    np.save(tmp_path / "e.npy", np.ones((1, 4)))
    with pytest.raises(FileNotFoundError, match=r"no reference of the same stem, 'e'"):
        depth_format.read(tmp_path / "e.npy")


def test_depth_format_has_holes_where_values_are_invalid(tmp_path):
    cv2.imwrite(str(tmp_path / "d.png"), np.uint16([[65535, 1500, 9000]]))
    depth_format = DepthFormat(depth_scale=0.001, invalid_values=[65535], max_depth=8.0)
    depth = depth_format.read(tmp_path / "d.png")
    np.testing.assert_array_equal(depth, [[np.nan, 1.5, np.nan]])
    relative = DepthFormat(alignment="scale_gradients", invalid_values=[65535])
    depth = relative.read(tmp_path / "d.png")
    np.testing.assert_array_equal(depth, [[np.nan, 1500, 9000]])


def test_partners_are_found_by_normalized_stems(tmp_path):
    composed, decomposed = (
        unicodedata.normalize(form, "tür") for form in ("NFC", "NFD")
    )
    path = tmp_path / f"{decomposed}.npy"
    np.save(path, np.array([[0.0, 1.0]]))
    np.save(tmp_path / "reference.npy", np.array([[2.0, 4.0]]))
    depth_format = DepthFormat(
        alignment="least_squares", references={composed: tmp_path / "reference.npy"}
    )
    np.testing.assert_allclose(depth_format.read(path), [[2, 4]], rtol=1e-6)
    np.savez(tmp_path / "g.npz", gradient_x=np.ones((1, 2)), gradient_y=np.ones((1, 2)))
    refine_file(
        path,
        tmp_path / "out.npy",
        depth_format=depth_format,
        gradients=GradientFiles({composed: tmp_path / "g.npz"}),
        fusion=FusionConfig(),
    )
    assert read_depth(tmp_path / "out.npy").shape == (1, 2)


def test_depth_format_writes_png_in_the_unit_of_the_input(tmp_path):
    depth = np.float32([[1.5, np.nan]])
    for scale, stored in ((0.0002, 7500), (None, 1500)):
        DepthFormat(depth_scale=scale).write(tmp_path / "d.png", depth)
        written = cv2.imread(str(tmp_path / "d.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(written, [[stored, 0]])
    DepthFormat().write(tmp_path / "d.npy", depth)
    np.testing.assert_array_equal(np.load(tmp_path / "d.npy"), [[1.5, 0]])


def test_depth_format_writes_relative_depth_as_it_is(tmp_path):
    relative = DepthFormat(alignment="scale_gradients")
    relative.write(tmp_path / "d.npy", np.float32([[-1.5, np.nan]]))
    np.testing.assert_array_equal(np.load(tmp_path / "d.npy"), [[-1.5, np.nan]])
    relative.check_targets([tmp_path / "d.npy"])
    with pytest.raises(ValueError, match=r"which PNG need. Write it with `format=npy`"):
        relative.check_targets([tmp_path / "d.npy", tmp_path / "d.PNG"])
    DepthFormat().check_targets([tmp_path / "d.png"])


def test_refine_file_writes_depth_and_picture(tmp_path):
    depth = np.tile(np.linspace(2, 3, 9, dtype=np.float32), (8, 1))
    depth[4, 4] = 0
    np.save(tmp_path / "d.npy", depth)
    slope = np.full((8, 9), 0.125, np.float32)
    np.savez(tmp_path / "g.npz", gradient_x=slope, gradient_y=0 * slope)
    converged = refine_file(
        tmp_path / "d.npy",
        tmp_path / "out" / "d.pfm",
        depth_format=DepthFormat(),
        gradients=GradientFiles({"d": tmp_path / "g.npz"}),
        fusion=FusionConfig(),
        picture=tmp_path / "out" / "d.png",
    )
    assert isinstance(converged, bool)
    depth[4, 4] = 2.5
    # The hole's start is off by 0.125 m; ten IRLS steps take it to the plane.
    refined = read_depth(tmp_path / "out" / "d.pfm")
    np.testing.assert_allclose(refined, depth, atol=1e-3)
    assert cv2.imread(str(tmp_path / "out" / "d.png")) is not None


def test_refine_file_of_relative_depth_keeps_its_unit(tmp_path):
    relative = np.tile(np.linspace(-2, 2, 9, dtype=np.float32), (8, 1))
    np.save(tmp_path / "d.npy", relative)
    slope = np.full((8, 9), 0.125, np.float32)
    np.savez(tmp_path / "g.npz", gradient_x=slope, gradient_y=0 * slope)
    refine_file(
        tmp_path / "d.npy",
        tmp_path / "out.npy",
        depth_format=DepthFormat(alignment="scale_gradients"),
        gradients=GradientFiles({"d": tmp_path / "g.npz"}),
        fusion=FusionConfig(),
    )
    # 4 units over 8 x 0.125 m, and the gradients agree with the depth: unchanged.
    refined = read_relative_depth(tmp_path / "out.npy")
    np.testing.assert_allclose(refined, relative, atol=1e-5)
