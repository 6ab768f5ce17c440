"""Tests of properties of IRLS that hold for any input."""

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.fusion import TO_CONVERGENCE, fuse_depth_and_gradients
from dpde_tf.fusion.image_gradients import image_gradients
from tests.fixtures import references

# One size for most tests, and 10 or 100 steps, since any other is traced again.
SIZE = (24, 33)


def _transposed(*maps):
    return [np.swapaxes(m, 1, 2) for m in maps]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fuse_energy_never_rises(rng, dtype):
    _, *maps = references.scene_batch(rng, SIZE, num_scenes=2, dtype=dtype)
    result = fuse_depth_and_gradients(*maps)
    assert np.all(np.diff(result.energy) < 0)  # Each of the ten steps lowers it.
    assert result.energy.dtype == tf.float64
    for options in ({"tolerance": 0.0}, {"relaxation": 1.9}, {"cg_rtol": 0.9}):
        result = fuse_depth_and_gradients(*maps, **(TO_CONVERGENCE | options))
        assert np.all(np.diff(result.energy) <= 0)


def test_fuse_energy_falls_however_early_cg_stops(rng):
    _, *maps = references.scene_batch(rng, SIZE)
    result = fuse_depth_and_gradients(*maps, max_cg_iterations=2)
    assert np.all(np.diff(result.energy) < 0)
    np.testing.assert_array_equal(result.num_cg_iterations, [20])
    assert not result.converged[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fuse_with_consistent_gradients_returns_the_depth(rng, dtype):
    depth = rng.uniform(1, 5, size=(2, *SIZE, 1)).astype(dtype)
    result = fuse_depth_and_gradients(depth, *image_gradients(depth))
    np.testing.assert_array_equal(result.depth, depth)
    np.testing.assert_array_equal(result.num_cg_iterations, [0, 0])
    assert np.all(result.converged)


def test_fuse_passes_a_constant_shift_through(rng):
    _, depth, *gradients = references.scene_batch(rng, SIZE)
    plain = fuse_depth_and_gradients(depth, *gradients)
    shifted = fuse_depth_and_gradients(depth + 50, *gradients)
    # 50 m take two of the sixteen digits of the depth. After ten systems at cg_rtol
    # 1e-4, a difference in the last digit is still far below a micrometre.
    np.testing.assert_allclose(shifted.depth - 50, plain.depth, rtol=0, atol=1e-7)


def test_fuse_with_a_tiny_omega_returns_the_depth(rng):
    _, *maps = references.scene_batch(rng, SIZE)
    result = fuse_depth_and_gradients(*maps, omega=1e-12)
    # |grad E_data| = 1 / sqrt(epsilon) u balances at most 4 omega: u <= 4e-14.
    np.testing.assert_allclose(result.depth, maps[0], rtol=0, atol=1e-13)


def test_fuse_transposed_image_gives_the_transposed_depth(rng):
    _, depth, gradient_x, gradient_y = references.scene_batch(rng, SIZE)
    exact = {"cg_rtol": 1e-11, "jit_compile": False}
    result = fuse_depth_and_gradients(depth, gradient_x, gradient_y, **exact)
    transposed = fuse_depth_and_gradients(
        *_transposed(depth, gradient_y, gradient_x), **exact
    )
    np.testing.assert_allclose(
        transposed.depth, *_transposed(result.depth), rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("tolerance", [0.0, 1e-3])
def test_fuse_batch_equals_its_images_one_by_one(rng, dtype, tolerance):
    _, *maps = references.scene_batch(rng, SIZE, num_scenes=4, dtype=dtype)
    depth, gradient_x, gradient_y = maps
    # Image 1 stops at once, image 2 is all zero, and image 3 stops early.
    gradient_x[1], gradient_y[1] = (g[0] for g in image_gradients(depth[1:2]))
    depth[2], gradient_x[2], gradient_y[2] = 0, 0, 0
    depth[3] *= 0.01
    batch = fuse_depth_and_gradients(*maps, tolerance=tolerance)
    assert all(np.all(np.isfinite(part)) for part in (batch.depth, batch.energy))
    np.testing.assert_array_equal(batch.depth[1:3], depth[1:3])
    for i in range(4):
        alone = fuse_depth_and_gradients(
            *(m[i : i + 1] for m in maps), tolerance=tolerance
        )
        for together, single in zip(batch, alone, strict=True):
            # A graph for one image may round differently.
            close = (
                {"rtol": 1e-5, "atol": 1e-5} if dtype == np.float32 else {"rtol": 1e-12}
            )
            np.testing.assert_allclose(together[i : i + 1], single, **close)


def test_fuse_a_pixel_without_any_term_keeps_its_depth(rng):
    _, *maps = references.scene_batch(rng, SIZE)
    confidence, gradient_x, gradient_y = np.ones((3, 1, *SIZE, 1))
    confidence[0, 2, 3] = 0
    gradient_x[0, 2, 2:4] = 0
    gradient_y[0, 1:3, 3] = 0
    result = fuse_depth_and_gradients(
        *maps, confidence=confidence, gradient_confidence=(gradient_x, gradient_y)
    )
    changed = result.depth.numpy() != maps[0]
    assert not changed[0, 2, 3]
    assert np.count_nonzero(changed) == changed.size - 1


def test_fuse_uses_each_of_a_pair_of_gradient_confidences(rng):
    _, depth, gradient_x, gradient_y = references.scene_batch(rng, SIZE)
    pair = (np.zeros_like(depth), np.ones_like(depth))
    result = fuse_depth_and_gradients(
        depth, gradient_x, gradient_y, gradient_confidence=pair, cg_rtol=1e-11
    )
    # Without gradient_x, each column is a separate problem.
    column = references.fuse_by_direct_solver(
        *(m[0, :, 4:5, 0] for m in (depth, gradient_x, gradient_y))
    )[-1]
    np.testing.assert_allclose(result.depth[0, :, 4:5, 0], column, atol=1e-8)


def test_fuse_ignores_the_last_column_and_row_of_gradients(rng):
    _, depth, gradient_x, gradient_y = references.scene_batch(
        rng, SIZE, dtype=np.float32
    )
    expected = fuse_depth_and_gradients(depth, gradient_x, gradient_y)
    gradient_x[:, :, -1], gradient_y[:, -1] = 1e30, -1e30  # Their squares overflow.
    result = fuse_depth_and_gradients(depth, gradient_x, gradient_y)
    for value, other in zip(result, expected, strict=True):
        np.testing.assert_array_equal(value, other)


def test_fuse_of_one_pixel_returns_it():
    one = np.full((2, 1, 1, 1), 3.5, np.float32)
    result = fuse_depth_and_gradients(one, one, -one, jit_compile=False)
    np.testing.assert_array_equal(result.depth, one)
