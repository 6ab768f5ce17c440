import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
import tensorflow as tf

from dpde_tf.fusion.conjugate_gradient import (
    conjugate_gradient,
    scaled_product,
    scaled_system,
)
from dpde_tf.fusion.stencil import pad_rows
from tests.fixtures import references

SIZE = (16, 11)


def _system(weight, along_x, along_y):
    """The system for data weights [H, W] and edge weights, and its sparse matrix."""
    along_x, along_y = along_x.copy(), along_y.copy()
    along_x[:, -1], along_y[-1] = 0, 0
    left, above = np.zeros_like(along_x), np.zeros_like(along_y)
    left[:, 1:], above[1:] = along_x[:, :-1], along_y[:-1]
    system = scaled_system(
        tf.constant(weight), tuple(map(tf.constant, (along_x, left, along_y, above)))
    )
    edges = np.concatenate([along_x[:, :-1].ravel(), along_y[:-1].ravel()])
    differences = references.difference_matrix(*weight.shape)
    matrix = differences.T @ scipy.sparse.diags_array(edges) @ differences
    matrix = matrix + scipy.sparse.diags_array(weight.ravel())
    return system, scipy.sparse.csc_array(matrix.astype(np.float64))


def _random_system(rng, size=SIZE, dtype=np.float64):
    """Weights over three decades, as those of IRLS."""
    return _system(*(10 ** rng.uniform(-1, 2, size=(3, *size))).astype(dtype))


@tf.function(reduce_retracing=True)
def _solved(system, b, rtol, max_iterations):
    return conjugate_gradient(system, b, rtol=rtol, max_iterations=max_iterations)


def _solve(system, b, *, rtol, max_iterations):
    """Solves in a graph, which takes a tenth of the time of eager operations."""
    return _solved(system, b, tf.constant(rtol), tf.constant(max_iterations))


def _scaled(system, matrix):
    scale = np.diag(system.scale.numpy().ravel())
    return scale @ matrix.toarray() @ scale


@pytest.mark.parametrize("size", [(4, 5), (1, 6), (6, 1)])
def test_scaled_product_equals_the_explicit_matrix(rng, size):
    system, matrix = _random_system(rng, size)
    vector = rng.normal(size=size)
    expected = (_scaled(system, matrix) @ vector.ravel()).reshape(size)
    product = scaled_product(system, pad_rows(vector))
    np.testing.assert_allclose(product, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(np.diag(_scaled(system, matrix)), 1, rtol=1e-12)


def test_scaled_matrix_has_eigenvalues_between_0_and_2(rng):
    # The preconditioner relies on this for all weights; here, with almost no data term
    # and checkerboard patterns of edge weights.
    for exponent in (0, 3, 6):
        weights = 10 ** rng.uniform(-exponent, exponent, size=(3, 8, 9))
        weights[0] *= 1e-6
        system, matrix = _system(*weights)
        eigenvalues = np.linalg.eigvalsh(_scaled(system, matrix))
        assert eigenvalues[0] > -1e-12
        assert eigenvalues[-1] < 2 + 1e-12


def test_conjugate_gradient_hand_computed():
    # Two pixels of weight 1 with an edge of weight 1, [[2, -1], [-1, 2]]; the other
    # pixels have no weights. b = (3, 0) gives (2, 1).
    weight, along_x, along_y = np.zeros((3, 16, 2))
    weight[0] = 1
    along_x[0, 0] = 1
    system, _ = _system(weight, along_x, along_y)
    b = np.zeros((16, 2))
    b[0, 0] = 3
    result = _solve(system, b, rtol=1e-12, max_iterations=10)
    np.testing.assert_allclose(result.x[0], [2, 1], rtol=1e-12)
    assert not np.any(result.x[1:])
    assert result.converged
    assert result.num_iterations == 2  # Two eigenvalues.


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_conjugate_gradient_solves_like_scipy(rng, dtype, rtol):
    system, matrix = _random_system(rng, dtype=dtype)
    b = rng.normal(size=SIZE).astype(dtype)
    result = _solve(system, b, rtol=rtol, max_iterations=500)
    expected = scipy.sparse.linalg.spsolve(matrix, b.ravel().astype(np.float64))
    assert result.converged
    # The scaled matrix has a condition number below 1e4 here.
    error = np.linalg.norm(result.x.numpy().ravel() - expected)
    assert error < 1e3 * rtol * np.linalg.norm(expected)


def test_conjugate_gradient_stops_once_within_the_tolerance(rng):
    system, matrix = _random_system(rng)
    b = rng.normal(size=SIZE)
    scaled = _scaled(system, matrix)
    preconditioner = 2.4 * np.eye(len(scaled)) - scaled

    def norm(x):
        residual = system.scale.numpy().ravel() * (b.ravel() - matrix @ x.ravel())
        return np.sqrt(residual @ preconditioner @ residual)

    result = _solve(system, b, rtol=1e-3, max_iterations=500)
    bound = 1e-3 * norm(0 * b)
    assert norm(result.x.numpy()) <= bound
    earlier = _solve(system, b, rtol=1e-3, max_iterations=result.num_iterations - 1)
    assert norm(earlier.x.numpy()) > bound
    assert not earlier.converged


def test_preconditioner_halves_the_iterations(rng):
    # Compared with Jacobi alone, which is SciPy with the scaled matrix.
    system, matrix = _random_system(rng, (32, 40))
    b = rng.normal(size=(32, 40))
    result = _solve(system, b, rtol=1e-6, max_iterations=500)
    count = []
    scipy.sparse.linalg.cg(
        _scaled(system, matrix),
        (system.scale.numpy() * b).ravel(),
        rtol=1e-6,
        callback=count.append,
    )
    assert 0.4 < int(result.num_iterations) / len(count) < 0.65


def test_conjugate_gradient_of_zero_needs_no_iteration(rng):
    system, _ = _random_system(rng)
    result = _solve(system, np.zeros(SIZE), rtol=1e-6, max_iterations=9)
    assert not np.any(result.x)
    assert result.num_iterations == 0
    assert result.converged


def test_conjugate_gradient_with_underflow_is_finite(rng):
    # 1e-23 squared underflows in float32.
    system, _ = _random_system(rng, dtype=np.float32)
    for size in (1e-18, 1e-21, 1e-23, 1e-40):
        b = (size * rng.normal(size=SIZE)).astype(np.float32)
        result = _solve(system, b, rtol=1e-6, max_iterations=200)
        assert np.all(np.isfinite(result.x))


def test_conjugate_gradient_without_iterations_returns_zero(rng):
    system, _ = _random_system(rng)
    result = _solve(system, np.ones(SIZE), rtol=1e-6, max_iterations=0)
    assert not np.any(result.x)
    assert not result.converged
