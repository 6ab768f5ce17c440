"""Tests of dpde_tf.inference.refinement."""

import numpy as np
import pytest

from dpde_tf.config import FusionConfig
from dpde_tf.fusion import fuse_depth_and_gradients
from dpde_tf.inference.refinement import fuse_with_holes, refine_relative_depth
from tests.fixtures.differences import differences

PAPER = FusionConfig()


@pytest.fixture
def scene():
    """Two planes with an edge of depth between them, float32 [18, 24]."""
    rows, columns = np.mgrid[:18, :24].astype(np.float32)
    return 2 + 0.03 * rows + 0.02 * columns + np.where(columns > 13, 1.5, 0)


def noisy(scene, rng):
    return scene + rng.normal(0, 0.1, scene.shape).astype(np.float32)


def test_fuse_with_holes_is_the_fusion(scene, rng):
    depth, (gradient_x, gradient_y) = noisy(scene, rng), differences(scene)
    config = FusionConfig(omega=3.0, epsilon=1e-3, num_irls_iterations=10)
    refined = fuse_with_holes(depth, gradient_x, gradient_y, fusion=config)
    fused = fuse_depth_and_gradients(
        *(m[None, ..., None] for m in (depth, gradient_x, gradient_y)),
        omega=3.0,
        epsilon=1e-3,
        num_irls_iterations=10,
    )
    assert refined.depth.dtype == np.float32
    # The same system with confidences of 1; float32 sums in another order.
    np.testing.assert_allclose(refined.depth, fused.depth[0, ..., 0], atol=1e-5)
    assert refined.converged == bool(fused.converged[0])


def test_fuse_with_holes_fills_holes_from_the_gradients(scene):
    depth = scene.copy()
    depth[5:12, 10:17] = np.nan  # Across the edge of depth.
    depth[0, 0] = np.nan
    refined = fuse_with_holes(depth, *differences(scene), fusion=PAPER)
    # Depth and gradients agree, so the minimum is the scene itself; ten IRLS steps
    # from the nearest depth, off by up to 1.5 m, come to within a centimetre.
    np.testing.assert_allclose(refined.depth, scene, atol=0.01)


def test_fuse_with_holes_ignores_unknown_gradients(scene):
    gradient_x, gradient_y = differences(scene)
    gradient_x[3:6, 4:9] = np.nan
    gradient_y[7, :] = np.nan
    refined = fuse_with_holes(scene, gradient_x, gradient_y, fusion=PAPER)
    np.testing.assert_allclose(refined.depth, scene, atol=1e-5)


def test_fuse_with_holes_leaves_a_pixel_without_depth_and_gradients_a_hole(scene):
    depth, (gradient_x, gradient_y) = scene.copy(), differences(scene)
    depth[6, 7] = np.nan
    # Its four differences, and three of the four of another hole.
    gradient_x[6, 6:8] = gradient_y[5:7, 7] = np.nan
    depth[12, 3] = np.nan
    gradient_x[12, 3] = gradient_y[11:13, 3] = np.nan
    refined = fuse_with_holes(depth, gradient_x, gradient_y, fusion=PAPER).depth
    assert np.argwhere(np.isnan(refined)).tolist() == [[6, 7]]
    assert refined[12, 3] == pytest.approx(scene[12, 3], abs=0.01)


def test_fuse_with_holes_of_one_pixel():
    one = np.float32([[3.0]])
    refined = fuse_with_holes(one, 0 * one, 0 * one, fusion=PAPER)
    np.testing.assert_array_equal(refined.depth, one)


def test_refine_relative_depth_keeps_unit_and_meaning_of_epsilon(scene, rng):
    # The noise is on the depth: the gradients are brought to its total variation.
    depth, gradients = noisy(scene, rng), differences(noisy(scene, rng))
    factor = np.abs(np.diff(depth, axis=1)).sum() + np.abs(np.diff(depth, axis=0)).sum()
    factor /= sum(np.abs(g).sum() for g in gradients)
    gradients = [factor * g for g in gradients]
    metric = fuse_with_holes(depth, *gradients, fusion=PAPER).depth
    relative = refine_relative_depth(5 * depth + 2, *gradients, fusion=PAPER).depth
    assert np.abs(metric - depth).max() > 0.05
    # 1e-4 m of 4 m are a few float32 roundings, amplified by the solver's tolerance.
    np.testing.assert_allclose(relative, 5 * metric + 2, atol=5e-4)


def test_refine_relative_depth_takes_negative_values_and_holes(scene):
    relative = scene / 4 - 1
    assert relative.min() < 0
    holes = relative.copy()
    holes[5:8, 5:8] = np.nan
    refined = refine_relative_depth(holes, *differences(scene), fusion=PAPER).depth
    # The scale is a little off: what is in the hole varies less than the rest.
    np.testing.assert_allclose(refined, relative, atol=0.01)


def test_fuse_with_holes_refuses_other_sizes_and_nothing_but_holes(scene):
    gradient_x, gradient_y = differences(scene)
    for refine in (fuse_with_holes, refine_relative_depth):
        with pytest.raises(ValueError, match=r"size.*\(18, 24\).*\(18, 23\)"):
            refine(scene, gradient_x, gradient_y[:, :-1], fusion=PAPER)
    with pytest.raises(ValueError, match=r"no depth at all"):
        fuse_with_holes(
            np.full_like(scene, np.nan), gradient_x, gradient_y, fusion=PAPER
        )
