"""Tests of the derivative of the fused depth, against finite differences and in use."""

import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.fusion import TO_CONVERGENCE, fuse_depth_and_gradients
from tests.fixtures import references

SIZE = (24, 33)  # As in the other tests of the fusion.
# Converged to the last digits: the Hessian is not the matrix of IRLS, so the derivative
# is only as accurate as the minimum. IRLS reaches it with a larger epsilon than usual.
EXACTLY = {"num_irls_iterations": 100, "cg_rtol": 1e-3, "relaxation": 1.5}
NAMES = ("depth", "gradient_x", "gradient_y", "confidence", "omega", "epsilon")


def _inputs(rng, dtype=np.float64, num_scenes=1):
    _, *maps = references.scene_batch(rng, SIZE, num_scenes, dtype)
    maps.append(rng.uniform(0.5, 1, size=maps[0].shape).astype(dtype))
    return [tf.constant(v, dtype) for v in (*maps, 10.0, 0.1)]


def _fused(inputs, **options):
    return fuse_depth_and_gradients(
        *inputs[:3],
        confidence=inputs[3],
        gradient_confidence=inputs[3],
        omega=inputs[4],
        epsilon=inputs[5],
        **options,
    ).depth


def _gradients(inputs, upstream, **options):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(upstream * _fused(inputs, **options))
    return tape.gradient(loss, inputs)


def _derivative(inputs, upstream, index, direction, step=1e-4):
    """Central difference of the loss in a direction of one input."""
    start = _fused(inputs, **EXACTLY)[0, ..., 0].numpy()

    def loss(length):
        moved = [np.squeeze(v) for v in inputs]
        moved[index] = moved[index] + length * np.squeeze(direction)
        *maps, confidence, omega, epsilon = moved
        fused = references.minimise_energy(
            start,
            *maps,
            omega=omega,
            epsilon=epsilon,
            confidence=confidence,
            gradient=confidence,
        )
        return np.sum(np.squeeze(upstream) * fused)

    return (loss(step) - loss(-step)) / (2 * step)


def test_gradients_equal_finite_differences(rng):
    inputs = _inputs(rng)
    upstream = _fused(inputs) - inputs[0]  # Omega has a visible effect on this input.
    gradients = _gradients(inputs, upstream, **EXACTLY)
    for index, (name, value) in enumerate(zip(NAMES, inputs, strict=True)):
        direction = rng.normal(size=value.shape) if value.shape else float(value)
        expected = _derivative(inputs, upstream, index, direction)
        derivative = np.sum(direction * gradients[index])
        # The error of the difference is of the order of the squared step. IRLS stops
        # when the 16th digit of the energy does not fall, at the eighth of the depth.
        np.testing.assert_allclose(derivative, expected, rtol=1e-5, err_msg=name)
        if value.shape:
            assert gradients[index].shape == value.shape


def test_gradient_by_depth_passes_a_shift_through(rng):
    # Shifting the depth by h shifts each pixel by h.
    inputs = _inputs(rng)
    upstream = rng.normal(size=inputs[0].shape)
    by_depth = _gradients(inputs, upstream)[0]
    np.testing.assert_allclose(tf.reduce_sum(by_depth), np.sum(upstream), rtol=1e-9)


def test_gradients_do_not_reach_the_last_column_and_row(rng):
    _, by_x, by_y, *_ = _gradients(_inputs(rng), 1.0)
    assert not np.any(by_x[:, :, -1])
    assert not np.any(by_y[:, -1])
    assert np.all(by_x[:, :, :-1] != 0)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradients_in_a_graph_equal_eager(rng, jit_compile):
    inputs = _inputs(rng, np.float32, num_scenes=2)
    upstream = rng.normal(size=inputs[0].shape).astype(np.float32)
    eager = _gradients(inputs, upstream, **TO_CONVERGENCE)
    compiled = tf.function(
        lambda *values: _gradients(values, upstream, **TO_CONVERGENCE),
        jit_compile=jit_compile,
    )
    for value, expected in zip(compiled(*inputs), eager, strict=True):
        assert np.all(np.isfinite(value))
        # Sums over images are in another order.
        scale = np.abs(expected).max()
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-3 * scale)


def test_gradients_of_a_batch_are_those_of_its_images(rng):
    inputs = _inputs(rng, num_scenes=2)
    upstream = rng.normal(size=inputs[0].shape)
    together = _gradients(inputs, upstream)
    for image in (slice(0, 1), slice(1, 2)):
        alone = _gradients([v[image] for v in inputs[:4]] + inputs[4:], upstream[image])
        for value, expected in zip(together[:4], alone[:4], strict=True):
            np.testing.assert_allclose(value[image], expected, rtol=1e-12, atol=1e-14)


def test_gradient_descent_lowers_a_loss_of_the_fused_depth(rng):
    # Like end-to-end training, in one step and with the ten iterations of the paper.
    truth, *maps = references.scene_batch(rng, SIZE, dtype=np.float32)
    maps = [tf.Variable(m) for m in maps]
    losses = []
    for _ in range(5):
        with tf.GradientTape() as tape:
            fused = fuse_depth_and_gradients(*maps).depth
            loss = tf.reduce_mean(tf.square(fused - truth))
        losses.append(float(loss))
        for variable, gradient in zip(maps, tape.gradient(loss, maps), strict=True):
            variable.assign_sub(20.0 * gradient)
    assert np.all(np.diff(losses) < 0)
