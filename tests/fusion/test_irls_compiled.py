"""Tests of the fusion as XLA compiles it, which takes seconds a size and type."""

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.fusion import fuse_depth_and_gradients
from dpde_tf.fusion.irls_steps import fuse_image_with_xla
from tests.fixtures import references
from tests.fusion import test_irls_properties as properties

pytestmark = pytest.mark.usefixtures("compiled")

SIZE = properties.SIZE


@pytest.mark.parametrize(
    "dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    "test",
    [
        properties.test_fuse_energy_never_rises,
        properties.test_fuse_with_consistent_gradients_returns_the_depth,
    ],
)
def test_properties_of_both_types(rng, test, dtype):
    test(rng, dtype)


@pytest.mark.parametrize(
    "dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("tolerance", [0.0, 1e-3])
def test_batch_equals_its_images_one_by_one(rng, dtype, tolerance):
    properties.test_fuse_batch_equals_its_images_one_by_one(rng, dtype, tolerance)


@pytest.mark.slow
@pytest.mark.parametrize(
    "test",
    [
        properties.test_fuse_energy_falls_however_early_cg_stops,
        properties.test_fuse_passes_a_constant_shift_through,
        properties.test_fuse_with_a_tiny_omega_returns_the_depth,
        properties.test_fuse_a_pixel_without_any_term_keeps_its_depth,
        properties.test_fuse_uses_each_of_a_pair_of_gradient_confidences,
    ],
)
def test_properties_in_float64(rng, test):
    test(rng)


def test_last_column_and_row_of_gradients_are_ignored(rng):
    properties.test_fuse_ignores_the_last_column_and_row_of_gradients(rng)


def test_fuse_compiles_once_for_all_values_and_batch_sizes(rng):
    _, *maps = references.scene_batch(rng, SIZE, num_scenes=2, dtype=np.float32)
    fuse_depth_and_gradients(*maps)
    trace_count = fuse_image_with_xla.experimental_get_tracing_count
    before = trace_count()
    assert before > 0  # XLA's is the one that was traced.
    for omega in (1.0, 10, np.float32(3), tf.constant(20.0)):
        for epsilon, tolerance in ((1e-4, 0.0), (1e-3, 1e-2)):
            fuse_depth_and_gradients(
                *(m[: 1 if omega == 10 else 2] for m in maps),
                omega=omega,
                epsilon=epsilon,
                tolerance=tolerance,
                cg_rtol=epsilon,
                max_cg_iterations=int(1 / epsilon),
                relaxation=1 + tolerance,
            )
    assert trace_count() == before


@pytest.mark.slow
def test_fuse_inside_a_graph_with_unknown_sizes_equals_eager(rng):
    _, *maps = references.scene_batch(rng, SIZE, num_scenes=2, dtype=np.float32)
    spec = tf.TensorSpec([None, None, None, 1], tf.float32)
    graph = tf.function(fuse_depth_and_gradients, input_signature=[spec] * 3)
    for value, expected in zip(
        graph(*maps), fuse_depth_and_gradients(*maps), strict=True
    ):
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("num_images", [1, 2])
def test_fusion_without_xla_is_the_same_to_rounding(rng, num_images):
    _, *maps = references.scene_batch(
        rng, SIZE, num_scenes=num_images, dtype=np.float32
    )
    compiled = fuse_depth_and_gradients(*maps, jit_compile=True)
    plain = fuse_depth_and_gradients(*maps, jit_compile=False)
    np.testing.assert_allclose(plain.depth, compiled.depth, atol=1e-4)
    np.testing.assert_allclose(plain.energy, compiled.energy, rtol=1e-5)
