import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.fusion.conjugate_gradient import scaled_product
from dpde_tf.fusion.energy import (
    descent_direction,
    fusion_energy,
    fusion_problem,
    irls_weight,
    normal_system,
    penalty_curvature,
    robust_penalty,
)
from dpde_tf.fusion.stencil import fill_rows, pad_rows
from tests.fixtures import references

SETTINGS = {"omega": 7.0, "epsilon": 1e-2}


def _random_maps(rng, size):
    """Depth, gradients and three confidences, each [H, W]."""
    maps = rng.normal(size=(3, *size))
    return (*maps, *rng.uniform(0.1, 2, size=(3, *size)))


def _problem(depth, gradient_x, gradient_y, *confidences, **scalars):
    scalars = {
        name: tf.constant(v, depth.dtype) for name, v in (SETTINGS | scalars).items()
    }
    maps = (depth, gradient_x, gradient_y, *confidences)
    return fusion_problem(*map(tf.constant, maps), **scalars)


def _padded(image):
    return pad_rows(fill_rows(tf.constant(image)))


def _product(system, image):
    """The product with the matrix, without scaling, at the pixels of the image."""
    height = len(image)
    product = scaled_product(system, pad_rows(_filled(image) / system.scale))
    return (product / system.scale)[:height]


def _filled(image):
    return fill_rows(tf.constant(image))


def _explicit_system(maps, correction):
    """Matrix and right-hand side for the depth, from sparse matrices."""
    depth, gradient_x, gradient_y, c, c_x, c_y = maps
    fused = (depth + correction).ravel()
    matrix = references.difference_matrix(*depth.shape).toarray()
    target = np.concatenate([gradient_x[:, :-1].ravel(), gradient_y[:-1].ravel()])
    importance = np.concatenate([c_x[:, :-1].ravel(), c_y[:-1].ravel()])
    weight = c.ravel() / np.sqrt(correction.ravel() ** 2 + SETTINGS["epsilon"])
    weights = SETTINGS["omega"] * importance
    weights /= np.sqrt((matrix @ fused - target) ** 2 + SETTINGS["epsilon"])
    normal = np.diag(weight) + matrix.T @ np.diag(weights) @ matrix
    return normal, weight * depth.ravel() + matrix.T @ (weights * target)


def test_robust_penalty_hand_computed():
    # sqrt(3^2 + 16) = 5; phi(0) = sqrt(epsilon).
    value = robust_penalty(tf.constant([3.0, -3.0, 0.0]), 16.0)
    np.testing.assert_array_equal(value, [5, 5, 4])


def test_robust_penalty_approximates_the_absolute_value():
    x = tf.constant([0.0, 1000.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = robust_penalty(x, 1e-4)
    np.testing.assert_array_equal(tape.gradient(value, x), [0, 1])
    assert value.dtype == tf.float32
    np.testing.assert_allclose(value, [0.01, 1000], rtol=1e-6)


def test_weights_are_derivatives_of_the_penalty():
    x = tf.constant([-3.0, 0.0, 0.01, 2.0], tf.float64)
    epsilon = tf.constant(1e-2, tf.float64)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = robust_penalty(x, epsilon)
        slope = inner.gradient(value, x)
    np.testing.assert_allclose(irls_weight(x, epsilon) * x, slope, rtol=1e-13)
    curvature = outer.gradient(slope, x)
    # Automatic differentiation subtracts two nearly equal numbers far from 0.
    np.testing.assert_allclose(penalty_curvature(x, epsilon), curvature, rtol=1e-10)


def test_fusion_energy_hand_computed():
    # d_est = (2, 3), d = (5, 3), G_x = 5, omega = 2, epsilon = 16: the residuals are
    # 3, 0 and -2 - 5 = -7, so E = 5 + 4 + 2 sqrt(65). G_y does not exist.
    depth, gradient_x = np.array([[2.0, 3.0]]), np.array([[5.0, 99.0]])
    one = np.ones((1, 2))
    problem = _problem(
        depth, gradient_x, np.full((1, 2), 99.0), one, one, one, omega=2, epsilon=16
    )
    energy = fusion_energy(problem, _padded(np.array([[3.0, 0.0]])))
    np.testing.assert_allclose(energy, 9 + 2 * np.sqrt(65), rtol=1e-15)


@pytest.mark.parametrize("size", [(5, 6), (1, 7), (7, 1), (20, 3)])
def test_fusion_energy_equals_the_definition(rng, size):
    depth, gradient_x, gradient_y, c, c_xy, _ = maps = _random_maps(rng, size)
    correction = rng.normal(size=size)
    expected = references.fusion_energy(
        depth + correction,
        depth,
        gradient_x,
        gradient_y,
        **SETTINGS,
        confidence=c,
        gradient=c_xy,
    )
    problem = _problem(*maps[:5], c_xy)
    energy = fusion_energy(problem, _padded(correction))
    np.testing.assert_allclose(energy, expected, rtol=1e-13)


def test_fusion_energy_is_summed_in_float64():
    # 2^18 pixels of phi = 1 and one of sqrt(1.01): the difference, 0.005, is less than
    # the spacing of float32 numbers at 2^18, 0.03.
    zeros = np.zeros((512, 512), np.float32)
    ones = np.ones_like(zeros)
    problem = _problem(zeros, zeros, zeros, ones, zeros, zeros, omega=1, epsilon=1)
    correction = zeros.copy()
    correction[0, 5] = 0.1
    raised = fusion_energy(problem, _padded(correction))
    assert raised.dtype == tf.float64
    # sqrt(1 + 0.1^2) - 1 of one pixel; 1e-7 is the rounding of its float32 term.
    np.testing.assert_allclose(raised - 512**2, np.sqrt(1.01) - 1, atol=1e-7)


def test_descent_direction_is_the_negative_derivative(rng):
    maps = _random_maps(rng, (5, 6))
    correction = _filled(rng.normal(size=(5, 6)))
    problem = _problem(*maps)
    with tf.GradientTape() as tape:
        tape.watch(correction)
        energy = fusion_energy(problem, pad_rows(correction))
    descent = descent_direction(problem, pad_rows(correction))
    np.testing.assert_allclose(
        descent, -tape.gradient(energy, correction), rtol=0, atol=1e-12
    )


def test_irls_parabolas_lie_above_the_penalties(rng):
    maps = _random_maps(rng, (4, 5))
    problem = _problem(*maps)
    here, there = rng.normal(size=(2, 4, 5))
    system = normal_system(problem, _padded(here), irls_weight)
    step = there - here
    rise = np.sum(step * _product(system, step)) / 2 - np.sum(
        step * descent_direction(problem, _padded(here))[:4]
    )
    energies = [fusion_energy(problem, _padded(u)) for u in (here, there)]
    assert energies[1] - energies[0] <= rise


@pytest.mark.parametrize("size", [(4, 5), (1, 6), (6, 1)])
def test_normal_system_equals_the_explicit_matrix(rng, size):
    maps = _random_maps(rng, size)
    correction, vector = rng.normal(size=(2, *size))
    matrix, right = _explicit_system(maps, correction)
    problem = _problem(*maps)
    system = normal_system(problem, _padded(correction), irls_weight)
    product = (matrix @ vector.ravel()).reshape(size)
    np.testing.assert_allclose(_product(system, vector), product, rtol=1e-10)
    # The right-hand side for the step from d is that for d + step, minus A d.
    descent = descent_direction(problem, _padded(correction))[: size[0]]
    np.testing.assert_allclose(
        descent,
        (right - matrix @ (maps[0] + correction).ravel()).reshape(size),
        rtol=0,
        atol=1e-11 * np.abs(right).max(),
    )


def test_normal_system_with_the_curvature_is_the_hessian(rng):
    maps = _random_maps(rng, (3, 4))
    problem = _problem(*maps)
    correction = _filled(rng.normal(size=(3, 4)))
    with tf.GradientTape() as outer:
        outer.watch(correction)
        with tf.GradientTape() as inner:
            inner.watch(correction)
            energy = fusion_energy(problem, pad_rows(correction))
        slope = inner.gradient(energy, correction)[:3]
    hessian = outer.jacobian(slope, correction)[:, :, :3].numpy().reshape(12, 12)
    vector = rng.normal(size=(3, 4))
    system = normal_system(problem, pad_rows(correction), penalty_curvature)
    np.testing.assert_allclose(
        _product(system, vector),
        (hessian @ vector.ravel()).reshape(3, 4),
        rtol=0,
        atol=1e-9 * np.abs(hessian).max(),
    )
