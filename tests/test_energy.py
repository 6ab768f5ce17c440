import numpy as np
import pytest
import references
import tensorflow as tf

from dpde_tf.fusion.energy import (
    fusion_energy,
    fusion_problem,
    inverse_diagonal,
    irls_weights,
    normal_operator,
    right_hand_side,
    robust_penalty,
)

SETTINGS = {"omega": 7.0, "epsilon": 1e-2}


def _random_maps(rng, size):
    """Depth, gradients and three confidences, each [H, W]."""
    maps = rng.normal(size=(3, *size))
    return (*maps, *rng.uniform(0.1, 2, size=(3, *size)))


def _batched(*maps):
    return tuple(tf.constant(m[None, :, :, None]) for m in maps)


def _problem(depth, gradient_x, gradient_y, *confidences):
    scalars = {name: tf.constant(v, tf.float64) for name, v in SETTINGS.items()}
    return fusion_problem(
        *_batched(depth, gradient_x, gradient_y), _batched(*confidences), **scalars
    )


def _explicit_system(maps, correction):
    """Matrix and right-hand side for the depth itself, by sparse matrices."""
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


def test_robust_penalty_is_smooth_at_zero_and_nearly_absolute_far_away():
    x = tf.constant([0.0, 1000.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = robust_penalty(x, 1e-4)
    np.testing.assert_array_equal(tape.gradient(value, x), [0, 1])
    assert value.dtype == tf.float32
    np.testing.assert_allclose(value, [0.01, 1000], rtol=1e-6)


def test_fusion_energy_hand_computed():
    # d_est = (2, 3), d = (5, 3), G_x = 5, omega = 2, epsilon = 16: the residuals are
    # 3, 0 and -2 - 5 = -7, so E = 5 + 4 + 2 sqrt(65). G_y does not exist.
    depth, gradient_x = np.array([[2.0, 3.0]]), np.array([[5.0, 99.0]])
    problem = fusion_problem(
        *_batched(depth, gradient_x, np.full((1, 2), 99.0)),
        (1.0, 1.0, 1.0),
        omega=tf.constant(2.0, tf.float64),
        epsilon=tf.constant(16.0, tf.float64),
    )
    energy = fusion_energy(problem, *_batched(np.array([[3.0, 0.0]])))
    np.testing.assert_allclose(energy, [9 + 2 * np.sqrt(65)], rtol=1e-15)


@pytest.mark.parametrize("size", [(5, 6), (1, 7), (7, 1)])
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
    np.testing.assert_allclose(
        fusion_energy(problem, *_batched(correction)), [expected], rtol=1e-13
    )


def test_fusion_energy_is_summed_in_float64():
    # 2^18 pixels of phi = 1 and one of sqrt(1.01): the difference, 0.005, is less than
    # the spacing of float32 numbers at 2^18, 0.03.
    size = (1, 512, 512, 1)
    problem = fusion_problem(
        *(tf.zeros(size),) * 3,
        (tf.ones(size), tf.zeros(size), tf.zeros(size)),
        omega=tf.constant(1.0),
        epsilon=tf.constant(1.0),
    )
    one_pixel = tf.one_hot([[5]], 512 * 512, on_value=0.1)
    raised = fusion_energy(problem, tf.reshape(one_pixel, size))
    assert raised.dtype == tf.float64
    # sqrt(1 + 0.1^2) - 1 of one pixel; 1e-7 is the rounding of its float32 term.
    np.testing.assert_allclose(raised - 512**2, [np.sqrt(1.01) - 1], atol=1e-7)


def test_irls_weights_make_parabolas_that_touch_the_penalties_from_above(rng):
    maps = _random_maps(rng, (4, 5))
    problem = _problem(*maps)
    here, there = (_batched(m)[0] for m in rng.normal(size=(2, 4, 5)))
    weights = irls_weights(problem, here)

    def quadratic(correction):
        return float(
            tf.reduce_sum(correction * normal_operator(weights, correction)) / 2
            - tf.reduce_sum(correction * right_hand_side(problem, weights))
        )

    rise = quadratic(there) - quadratic(here)
    energies = [fusion_energy(problem, u)[0] for u in (here, there)]
    assert energies[1] - energies[0] <= rise
    # They touch: along a short step both rise alike.
    with tf.GradientTape() as tape:
        tape.watch(here)
        energy = fusion_energy(problem, here)
    slope = normal_operator(weights, here) - right_hand_side(problem, weights)
    np.testing.assert_allclose(tape.gradient(energy, here), slope, atol=1e-12)


@pytest.mark.parametrize("size", [(4, 5), (1, 6), (6, 1)])
def test_normal_system_equals_the_explicit_matrix(rng, size):
    maps = _random_maps(rng, size)
    correction, vector = rng.normal(size=(2, *size))
    matrix, right = _explicit_system(maps, correction)
    problem = _problem(*maps)
    weights = irls_weights(problem, *_batched(correction))
    product = normal_operator(weights, *_batched(vector))
    np.testing.assert_allclose(
        product[0, ..., 0], (matrix @ vector.ravel()).reshape(size), rtol=1e-10
    )
    np.testing.assert_allclose(
        inverse_diagonal(weights)[0, ..., 0],
        (1 / np.diag(matrix)).reshape(size),
        rtol=1e-12,
    )
    # For u = d - d_est the right-hand side is that for d less A d_est.
    np.testing.assert_allclose(
        right_hand_side(problem, weights)[0, ..., 0],
        (right - matrix @ maps[0].ravel()).reshape(size),
        rtol=0,
        atol=1e-11 * np.abs(right).max(),
    )


def test_inverse_diagonal_of_a_pixel_without_terms_is_zero(rng):
    depth, gradient_x, gradient_y, c, c_x, c_y = _random_maps(rng, (3, 3))
    c[1, 1] = 0
    c_x[1, 0:2] = 0
    c_y[0:2, 1] = 0
    problem = _problem(depth, gradient_x, gradient_y, c, c_x, c_y)
    weights = irls_weights(problem, *_batched(depth * 0))
    inverse = inverse_diagonal(weights)[0, ..., 0].numpy()
    assert inverse[1, 1] == 0
    assert np.count_nonzero(inverse) == 8
