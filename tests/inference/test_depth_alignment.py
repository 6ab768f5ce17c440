"""Tests of dpde_tf.inference.units."""

import cv2
import numpy as np
import pytest

from dpde_tf.inference.units import align_to_reference, gradient_scale
from tests.fixtures.differences import differences


@pytest.mark.parametrize(
    ("alignment", "relative"),
    [
        ("median", lambda depth: depth / 7),
        ("least_squares", lambda depth: depth / 7 - 3),
        ("least_squares_disparity", lambda depth: 7 / depth - 3),
    ],
)
def test_align_to_reference_recovers_scale_and_shift(alignment, relative, rng):
    depth = rng.uniform(1, 9, (6, 8))
    depth[0, 0] = 9.0
    # Sparse: every third pixel is measured, the farthest among them.
    reference = np.where(np.arange(48).reshape(6, 8) % 3 == 0, depth, 0.0)
    aligned = align_to_reference(reference, relative(depth), alignment=alignment)
    np.testing.assert_allclose(aligned, depth, rtol=1e-10)


def test_align_to_reference_ignores_holes():
    reference = np.array([[2.0, 4.0, 6.0, 0.0]])
    relative = np.array([[1.0, 2.0, np.nan, 5.0]])
    aligned = align_to_reference(reference, relative, alignment="least_squares")
    # Through (1, 2) and (2, 4): twice the value.
    np.testing.assert_allclose(aligned, [[2, 4, np.nan, 10]], rtol=1e-12)


def test_align_to_reference_takes_the_median_of_positive_values():
    reference = np.array([[3.0, 3.0, 3.0, 3.0]])
    relative = np.array([[0.0, 0.0, 0.0, 1.5]])
    aligned = align_to_reference(reference, relative, alignment="median")
    np.testing.assert_allclose(aligned, [[0, 0, 0, 3]])


def test_align_to_reference_caps_inverse_depth_at_the_farthest_reference():
    # 1 / 2 = 0.5 and 1 / 4 = 0.25 at values 2 and 1: disparity = value / 4, which at
    # 0 is infinitely far, at -1 behind the camera, and at 4 is 1 m.
    reference = np.array([[2.0, 4.0, 0.0, 0.0, 0.0]])
    relative = np.array([[2.0, 1.0, 0.0, -1.0, 4.0]])
    aligned = align_to_reference(
        reference, relative, alignment="least_squares_disparity"
    )
    np.testing.assert_allclose(aligned, [[2, 4, 4, 4, 1]], rtol=1e-12)


def test_align_to_reference_refuses_inverted_depth(rng):
    depth = rng.uniform(1, 9, (5, 5))
    with pytest.raises(ValueError, match=r"Try `align=least_squares_disparity`"):
        align_to_reference(depth, 1 / depth, alignment="least_squares")
    with pytest.raises(ValueError, match=r"Try `align=least_squares`\."):
        align_to_reference(depth, depth, alignment="least_squares_disparity")


@pytest.mark.parametrize(
    ("alignment", "relative"),
    [
        ("median", np.zeros((1, 3))),
        ("least_squares", np.ones((1, 3))),
        ("least_squares_disparity", np.full((1, 3), np.nan)),
    ],
)
def test_align_to_reference_needs_pixels_that_fix_the_scale(alignment, relative):
    with pytest.raises(ValueError, match=f"Alignment by {alignment} needs"):
        align_to_reference(np.array([[1.0, 2.0, 0.0]]), relative, alignment=alignment)


def test_align_to_reference_refuses_another_size():
    with pytest.raises(ValueError, match=r"the size of the depth map.*\(2, 2\)"):
        align_to_reference(np.ones((2, 2)), np.ones((2, 3)), alignment="median")


def test_gradient_scale_worked_by_hand():
    depth = np.array([[0.0, 2.0, 5.0], [0.0, 2.0, 1.0]])
    # |differences|: 2, 3, 2, 1 along the width and 0, 0, 4 along the height: 12.
    gradient_x = np.array([[1.0, 1.0, 99.0], [1.0, -1.0, 99.0]])
    gradient_y = np.array([[0.0, 0.0, -2.0], [99.0, 99.0, 99.0]])
    # 6; the last column and the last row have no difference.
    assert gradient_scale(depth, gradient_x, gradient_y) == 2.0
    # Without the pixel of depth 5 (differences 3 and 4), and with gradient_x unknown
    # at the first pixel (2): 3 units against |1| + |-1|.
    depth[0, 2] = gradient_x[0, 0] = np.nan
    assert gradient_scale(depth, gradient_x, gradient_y) == pytest.approx(1.5)


def test_gradient_scale_undoes_scale_and_shift(rng):
    depth = rng.uniform(1, 9, (7, 9)).astype(np.float32)
    scale = gradient_scale(5 * depth + 2, *differences(depth))
    # Float32 input, and few of its digits go into the differences.
    assert scale == pytest.approx(5.0, rel=1e-5)


def test_gradient_scale_tolerates_blurred_and_displaced_edges():
    depth = np.ones((40, 60))
    depth[10:30, 20:45] = 4.0
    blurred = cv2.GaussianBlur(depth, (0, 0), 3.0)
    displaced = np.roll(depth, 2, axis=1)
    displaced[:, :2] = 1.0
    assert gradient_scale(5 * displaced, *differences(depth)) == pytest.approx(5.0)
    # A blur makes the edges longer here and lower there: 4.994.
    scale = gradient_scale(5 * blurred, *differences(depth))
    assert scale == pytest.approx(5.0, rel=0.005)


def test_gradient_scale_refuses_flat_maps_and_inverse_depth(rng):
    depth = rng.uniform(1, 9, (5, 6))
    with pytest.raises(ValueError, match=r"where both vary"):
        gradient_scale(np.ones((5, 6)), *differences(depth))
    with pytest.raises(ValueError, match=r"where both vary"):
        gradient_scale(np.full((5, 6), np.nan), *differences(depth))
    with pytest.raises(ValueError, match=r"inverse depth.*least_squares_disparity"):
        gradient_scale(1 / depth, *differences(depth))
