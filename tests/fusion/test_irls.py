"""Tests of IRLS: other solvers, stopping, inputs; see also test_irls_properties."""

import collections
import functools

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.fusion import TO_CONVERGENCE, fuse_depth_and_gradients, irls
from dpde_tf.fusion.image_gradients import image_gradients
from dpde_tf.fusion.irls import fuse_in_graph
from tests.fixtures import references

# One size for most tests, since another may be traced again.
SIZE = (24, 33)
SETTINGS = {"omega": 10.0, "epsilon": 1e-4}
XLA_FROM = irls.XLA_FROM  # Before the tests change it.


def test_fuse_one_step_hand_computed():
    # d_est = (2, 3), G_x = 5, omega = 5, epsilon = 9. With u = (-t, t) the residuals
    # are -t, t and 2 t - 4; at t = 0 the weights are 1/3, 1/3 and 5 / 5 = 1, so
    # t / 3 = 4 - 2 t, t = 12 / 7. E falls from 3 + 3 + 25 to
    # 2 sqrt(144 / 49 + 9) + 5 sqrt(16 / 49 + 9).
    result = fuse_depth_and_gradients(
        np.array([2.0, 3.0]).reshape(1, 1, 2, 1),
        np.array([5.0, 77.0]).reshape(1, 1, 2, 1),
        np.full((1, 1, 2, 1), 77.0),
        omega=5.0,
        epsilon=9.0,
        num_irls_iterations=1,
    )
    np.testing.assert_allclose(result.depth[0, 0, :, 0], [2 / 7, 33 / 7], rtol=1e-14)
    after = (2 * np.sqrt(585) + 5 * np.sqrt(457)) / 7
    np.testing.assert_allclose(result.energy, [[31, after]], rtol=1e-14)
    assert result.num_cg_iterations[0] == 1
    assert result.converged[0]


@pytest.mark.parametrize("size", [SIZE, (1, 9), (9, 1)])
def test_fuse_iterates_equal_a_direct_solver(rng, size):
    _, *maps = references.scene_batch(rng, size)
    confidence, gradient = rng.uniform(0, 1, size=(2, 1, *size, 1))
    result = fuse_depth_and_gradients(
        *maps,
        **SETTINGS,
        confidence=confidence,
        gradient_confidence=gradient,
        cg_rtol=1e-11,
    )
    images = [m[0, ..., 0] for m in maps]
    weights = {"confidence": confidence[0, ..., 0], "gradient": gradient[0, ..., 0]}
    iterates = references.fuse_by_direct_solver(*images, **SETTINGS, **weights)
    # Ten systems, each solved to 1e-11 of its first residual. Equal energies show that
    # all iterates agree, not only the last.
    np.testing.assert_allclose(result.depth[0, ..., 0], iterates[-1], rtol=0, atol=1e-6)
    energies = [
        references.fusion_energy(i, *images, **SETTINGS, **weights) for i in iterates
    ]
    np.testing.assert_allclose(result.energy[0], energies, rtol=1e-9)


def _check_float32(rng, size):
    truth, *maps = references.scene_batch(rng, size)
    images = [m[0, ..., 0] for m in maps]
    iterates = references.fuse_by_direct_solver(*images)
    energies = [references.fusion_energy(i, *images, **SETTINGS) for i in iterates]
    result = fuse_depth_and_gradients(*(m.astype(np.float32) for m in maps))
    fused = result.depth[0, ..., 0].numpy()
    assert fused.dtype == np.float32
    np.testing.assert_allclose(fused, iterates[-1], rtol=0, atol=1e-3)
    np.testing.assert_allclose(result.energy[0], energies, rtol=1e-5)
    recomputed = references.fusion_energy(fused.astype(float), *images, **SETTINGS)
    np.testing.assert_allclose(recomputed, energies[-1], rtol=1e-5)
    assert result.converged[0]
    # The fusion also helps: good gradients sharpen a blurred, noisy depth.
    error, error_before = (np.std(d - truth[0, ..., 0]) for d in (fused, images[0]))
    assert error < error_before / 3


def test_fuse_in_float32_on_a_small_scene(rng):
    _check_float32(rng, SIZE)


@pytest.mark.slow
def test_fuse_in_float32_on_a_realistic_scene_of_full_size(rng):
    _check_float32(rng, (240, 320))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_to_convergence_reaches_the_energy_of_exact_steps(rng, dtype):
    _, *maps = references.scene_batch(rng, SIZE, dtype=dtype)
    images = [m[0, ..., 0].astype(np.float64) for m in maps]
    last = references.fuse_by_direct_solver(*images, num_irls_iterations=50)[-1]
    lowest = references.fusion_energy(last, *images, **SETTINGS)
    result = fuse_depth_and_gradients(
        *maps, num_irls_iterations=100, cg_rtol=0.1, relaxation=1.5
    )
    assert result.energy[0, -1] < lowest * (1 + 1e-6)
    # TO_CONVERGENCE stops as close to the minimum as documented.
    result = fuse_depth_and_gradients(*maps, **TO_CONVERGENCE)
    assert result.converged[0]
    assert result.energy[0, -1] < lowest * (1 + 1e-4)


def test_fuse_stops_at_the_tolerance(rng):
    _, *maps = references.scene_batch(rng, SIZE)
    full = fuse_depth_and_gradients(*maps, cg_rtol=1e-11).energy[0].numpy()
    decrease = (full[:-1] - full[1:]) / full[:-1]
    # The sixth step is the first below the tolerance.
    tolerance = (decrease[4] + decrease[5]) / 2
    result = fuse_depth_and_gradients(*maps, cg_rtol=1e-11, tolerance=tolerance)
    np.testing.assert_array_equal(result.energy[0, :7], full[:7])
    np.testing.assert_array_equal(result.energy[0, 7:], [full[6]] * 4)
    assert result.converged[0]
    sixth = references.fuse_by_direct_solver(*(m[0, ..., 0] for m in maps))[6]
    np.testing.assert_allclose(result.depth[0, ..., 0], sixth, rtol=0, atol=1e-6)
    unfinished = fuse_depth_and_gradients(*maps, tolerance=1e-12)
    assert not unfinished.converged[0]


def test_fuse_fills_holes_from_gradients(rng):
    truth = references.scene_batch(rng, SIZE)[0]
    confidence = np.ones_like(truth)
    confidence[0, 8:16, 10:22] = 0
    confidence[0, 0, :5] = 0
    result = fuse_depth_and_gradients(
        truth * confidence,
        *image_gradients(truth),
        confidence=confidence,
        num_irls_iterations=100,
        cg_rtol=1e-6,
    )
    # The truth has the lowest energy; IRLS approaches it.
    np.testing.assert_allclose(result.depth, truth, rtol=0, atol=1e-6)


def test_fuse_rejects_bad_input():
    ones = np.ones((2, 3, 4, 1), np.float32)
    broken = np.where(np.arange(2).reshape(2, 1, 1, 1) == 1, np.nan, ones)
    for position, name in enumerate(("depth", "gradient_x", "gradient_y")):
        maps = [ones, ones, ones]
        maps[position] = broken.astype(np.float32)
        with pytest.raises(ValueError, match=rf"`{name}` must be finite.*\[1\]"):
            fuse_depth_and_gradients(*maps)
    for name in ("omega", "epsilon", "cg_rtol", "max_cg_iterations"):
        with pytest.raises(ValueError, match=rf"`{name}` must be finite and > 0.*: 0"):
            fuse_depth_and_gradients(ones, ones, ones, **{name: 0})
    with pytest.raises(ValueError, match=r"`tolerance` must be finite and >= 0"):
        fuse_depth_and_gradients(ones, ones, ones, tolerance=-1.0)
    with pytest.raises(ValueError, match=r"`relaxation` must.* > 0 and < 2.*: 2"):
        fuse_depth_and_gradients(ones, ones, ones, relaxation=2.0)
    with pytest.raises(ValueError, match=r"`num_irls_iterations` must be >= 1.*: 0"):
        fuse_depth_and_gradients(ones, ones, ones, num_irls_iterations=0)
    with pytest.raises(ValueError, match=r"`confidence` must be >= 0"):
        fuse_depth_and_gradients(ones, ones, ones, confidence=-ones)
    with pytest.raises(ValueError, match=r"`gradient_confidence` must be >= 0"):
        fuse_depth_and_gradients(ones, ones, ones, gradient_confidence=(ones, -ones))
    with pytest.raises(ValueError, match=r"one map or a pair .* Received: 3 maps"):
        fuse_depth_and_gradients(ones, ones, ones, gradient_confidence=[ones] * 3)
    with pytest.raises(ValueError, match=r"`gradient_confidence` must have the shape"):
        fuse_depth_and_gradients(ones, ones, ones, gradient_confidence=ones[:1])


def test_maps_of_one_channel_without_a_batch(rng):
    depth, gradient_x, gradient_y = rng.uniform(1, 2, (3, 5, 6)).astype(np.float32)
    expected = fuse_depth_and_gradients(depth, gradient_x, gradient_y).depth
    maps = (m[..., np.newaxis] for m in (depth, gradient_x, gradient_y))
    found = fuse_depth_and_gradients(*maps).depth
    np.testing.assert_array_equal(found, expected[..., np.newaxis])


def test_maps_without_batch_and_channel_axes(rng):
    depth, gradient_x, gradient_y = rng.normal(size=(3, 2, 12, 15)).astype(np.float32)
    batch = fuse_depth_and_gradients(
        *(m[..., np.newaxis] for m in (depth, gradient_x, gradient_y))
    )
    without_channel = fuse_depth_and_gradients(depth, gradient_x, gradient_y)
    assert without_channel.depth.shape == (2, 12, 15)
    np.testing.assert_array_equal(without_channel.depth, batch.depth[..., 0])
    known = np.ones_like(depth[1])
    for confidence in (None, known, (known, known)):
        single = fuse_depth_and_gradients(
            depth[1],
            gradient_x[1],
            gradient_y[1],
            confidence=known,
            gradient_confidence=confidence,
        )
        np.testing.assert_allclose(single.depth, batch.depth[1, ..., 0], atol=1e-5)
        np.testing.assert_allclose(single.energy, batch.energy[1], rtol=1e-6)
        assert single.converged.shape == ()


def test_compiling_starts_with_the_sixteenth_image_of_a_size(monkeypatch):
    monkeypatch.setattr(irls, "XLA_FROM", XLA_FROM)
    monkeypatch.setattr(irls, "_num_images", collections.Counter())
    compiled = []
    monkeypatch.setattr(irls, "_fuse_batch", lambda *args: compiled.append(args[-1]))
    for shape in ([8, 4, 5], [7, 4, 5], [8, 5, 4], [1, 4, 5], [1, 4, 5]):
        with pytest.raises(AttributeError):  # The result of the stand-in is None.
            fuse_depth_and_gradients(*tf.ones([3, *shape]))
    assert compiled == [False, False, False, True, True]
    fuse_in_graph = tf.function(lambda: irls._pays(tf.ones([1, 9, 9, 1])))
    assert fuse_in_graph()


def test_fusion_in_a_graph_is_the_fusion_in_both_types_of_the_energy(rng):
    # A step at an edge that still moves when the energy, 1e4 here, falls by less than
    # float32 resolves.
    depth = rng.uniform(1, 5, [1, 64, 80, 1]).astype(np.float32)
    steps = [rng.normal(0, 0.3, depth.shape).astype(np.float32) for _ in range(2)]
    options = {"omega": 10.0, "epsilon": 1e-4, "num_irls_iterations": 10}
    expected = fuse_depth_and_gradients(depth, *steps, **options).depth
    for energy_type in (tf.float64, tf.float32):
        options |= {"energy_type": energy_type}
        graph = tf.function(functools.partial(fuse_in_graph, **options))
        found = graph(depth, *steps)
        np.testing.assert_allclose(found, expected, atol=1e-4)
