import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
import tensorflow as tf

from dpde_tf.fusion.conjugate_gradient import conjugate_gradient

# Relative tolerances that each type reaches with some digits to spare.
RTOL = {np.float32: 1e-5, np.float64: 1e-11}


def _dense(*matrices):
    """The product with one matrix a lane, on `[B, N]`."""
    stacked = tf.constant(np.stack(matrices), tf.float64)
    return lambda v: tf.linalg.matvec(stacked, v)


def _scaling(diagonals):
    """The product with a diagonal matrix, element by element."""
    return lambda v: diagonals * v


def _laplacian(shift):
    """2-D Laplacian with Dirichlet borders plus a shift, on `[B, H, W, 1]`."""

    def product(v):
        padded = tf.pad(v, [[0, 0], [1, 1], [1, 1], [0, 0]])
        neighbours = (
            padded[:, 2:, 1:-1]
            + padded[:, :-2, 1:-1]
            + padded[:, 1:-1, 2:]
            + padded[:, 1:-1, :-2]
        )
        return (4 + tf.cast(shift, v.dtype)) * v - neighbours

    return product


def test_conjugate_gradient_hand_computed():
    # A = [[4, 1], [1, 3]], b = (1, 2), x0 = (2, 1): r = (-8, -3), r.r = 73,
    # r.A r = 331, so x1 = (2 - 8 * 73 / 331, 1 - 3 * 73 / 331) = (78, 112) / 331;
    # two steps give the solution (1, 7) / 11.
    matvec = _dense([[4, 1], [1, 3]])
    b, x0 = tf.constant([[1.0, 2.0]], tf.float64), tf.constant([[2.0, 1.0]], tf.float64)
    first = conjugate_gradient(matvec, b, x0, rtol=1e-12, max_iterations=1)
    np.testing.assert_allclose(first.x, [[78 / 331, 112 / 331]], rtol=1e-14)
    assert not first.converged[0]
    second = conjugate_gradient(matvec, b, x0, rtol=1e-12)
    np.testing.assert_allclose(second.x, [[1 / 11, 7 / 11]], rtol=1e-14)
    assert second.converged[0]
    assert second.num_iterations[0] == 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_conjugate_gradient_solves_poisson_like_scipy(rng, dtype):
    height, width = 9, 14
    path = [
        scipy.sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n))
        for n in (height, width)
    ]
    eye = [scipy.sparse.eye_array(n) for n in (height, width)]
    matrix = scipy.sparse.kron(path[0], eye[1]) + scipy.sparse.kron(eye[0], path[1])
    b = rng.normal(size=(3, height, width, 1)).astype(dtype)
    tolerance = RTOL[dtype]
    result = conjugate_gradient(
        _laplacian(0), tf.constant(b), tf.zeros_like(b), rtol=tolerance
    )
    assert np.all(result.converged)
    solver = scipy.sparse.linalg.splu(scipy.sparse.csc_array(matrix))
    for x, right in zip(result.x.numpy(), b, strict=True):
        expected = solver.solve(right.astype(np.float64).ravel())
        # The condition number is about 60: 60 times the tolerance of the residual.
        np.testing.assert_allclose(
            x.ravel(), expected, rtol=0, atol=60 * tolerance * np.linalg.norm(right)
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [(1, 1), (1, 33), (12, 16), (31, 47)])
def test_conjugate_gradient_batch_equals_its_lanes_one_by_one(rng, dtype, size):
    # Lanes from easy to hard, so that they converge at different iterations.
    shift = np.array([10, 0.001, 1], dtype).reshape(3, 1, 1, 1)
    b, x0 = rng.normal(size=(2, 3, *size, 1)).astype(dtype)
    batch = conjugate_gradient(_laplacian(shift), b, x0)
    for i in range(3):
        lane = slice(i, i + 1)
        alone = conjugate_gradient(_laplacian(shift[lane]), b[lane], x0[lane])
        for together, single in zip(batch, alone, strict=True):
            np.testing.assert_array_equal(together[lane], single)
    if size == (31, 47):
        assert len(set(batch.num_iterations.numpy())) == 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_conjugate_gradient_sums_large_lanes_alike_in_a_batch_and_alone(rng, dtype):
    # At this size TensorFlow splits a sum among threads.
    b = rng.normal(size=(8, 460, 345, 1)).astype(dtype)
    batch = conjugate_gradient(_scaling(1 + b**2), b, 0 * b, max_iterations=2)
    for i in (0, 5):
        lane = slice(i, i + 1)
        alone = conjugate_gradient(
            _scaling(1 + b[lane] ** 2), b[lane], 0 * b[lane], max_iterations=2
        )
        for together, single in zip(batch, alone, strict=True):
            np.testing.assert_array_equal(together[lane], single)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_conjugate_gradient_finished_lanes_stay_as_they_are(dtype):
    # Beside a hard lane: an easy one, an all-zero one and one that starts at its
    # solution. Updating these on and on ends in 0 / 0.
    hard = np.geomspace(1, 1e4, 60)
    easy = np.ones(60)
    diagonals = np.stack([hard, easy, hard, easy * 2]).astype(dtype)
    b = np.stack([easy, easy * 3, easy * 0, easy]).astype(dtype)
    x0 = np.stack([easy * 0, easy * 0, easy, easy / 2]).astype(dtype)
    result = conjugate_gradient(_scaling(diagonals), b, x0, rtol=1e-6)
    np.testing.assert_array_equal(result.converged, [True] * 4)
    assert result.num_iterations[0] > 50
    np.testing.assert_array_equal(result.num_iterations[1:], [1, 0, 0])
    np.testing.assert_array_equal(result.x[1:], [easy * 3, easy * 0, easy / 2])
    # A residual below 1e-6 |b|, divided by the smallest eigenvalue, which is 1.
    np.testing.assert_allclose(result.x[0], 1 / hard, rtol=0, atol=1e-5)


def test_conjugate_gradient_stops_at_the_first_iterate_within_the_tolerance(rng):
    diagonal = np.geomspace(1, 100, 40)[None]
    b = rng.normal(size=(1, 40))
    zeros = np.zeros_like(b)
    result = conjugate_gradient(_scaling(diagonal), b, zeros, rtol=1e-3)
    bound = 1e-3 * np.linalg.norm(b)
    residual_norm = np.linalg.norm(b - diagonal * result.x)
    assert residual_norm <= bound
    np.testing.assert_allclose(result.residual_norm, [residual_norm], rtol=1e-9)
    earlier = conjugate_gradient(
        _scaling(diagonal),
        b,
        zeros,
        rtol=1e-3,
        max_iterations=result.num_iterations[0] - 1,
    )
    assert np.linalg.norm(b - diagonal * earlier.x) > bound
    assert not earlier.converged[0]


def test_conjugate_gradient_atol_alone_stops_it(rng):
    diagonal = np.geomspace(1, 100, 40)[None]
    b = rng.normal(size=(1, 40))
    result = conjugate_gradient(_scaling(diagonal), b, 0 * b, rtol=0.0, atol=0.5)
    assert 0.05 < np.linalg.norm(b - diagonal * result.x) <= 0.5
    start = conjugate_gradient(_scaling(diagonal), b, 0 * b, rtol=0.0, atol=1e3)
    assert start.num_iterations[0] == 0
    np.testing.assert_array_equal(start.x, 0 * b)


def test_conjugate_gradient_exact_preconditioner_needs_one_iteration(rng):
    diagonal = np.geomspace(1, 1e4, 30)[None]
    b = rng.normal(size=(1, 30))
    plain = conjugate_gradient(_scaling(diagonal), b, 0 * b, rtol=1e-9)
    jacobi = conjugate_gradient(
        _scaling(diagonal), b, 0 * b, preconditioner=_scaling(1 / diagonal), rtol=1e-9
    )
    assert plain.num_iterations[0] >= 30
    assert jacobi.num_iterations[0] == 1
    np.testing.assert_allclose(jacobi.x, b / diagonal, rtol=1e-12)


def test_conjugate_gradient_without_iterations_returns_the_start(rng):
    b, x0 = rng.normal(size=(2, 1, 5))
    result = conjugate_gradient(tf.identity, b[None], x0[None], max_iterations=0)
    np.testing.assert_array_equal(result.x, x0[None])
    assert not np.any(result.converged)


def test_conjugate_gradient_stops_where_the_operator_is_not_positive_definite():
    diagonals = np.array([[1.0, 2.0], [-1.0, -1.0], [0.0, 0.0]])
    b = np.ones((3, 2))
    result = conjugate_gradient(_scaling(diagonals), b, 0 * b)
    np.testing.assert_array_equal(result.converged, [True, False, False])
    np.testing.assert_array_equal(result.x[1:], 0 * b[1:])


def test_conjugate_gradient_keeps_what_a_singular_operator_does_not_see():
    # Laplacian of a path of three points; constants are its null space. x0 = 5 and
    # b = (-1, 0, 1) give 5 + (-1, 0, 1).
    matvec = _dense([[1, -1, 0], [-1, 2, -1], [0, -1, 1]])
    b = np.array([[-1.0, 0.0, 1.0]])
    result = conjugate_gradient(matvec, b, np.full((1, 3), 5.0), rtol=1e-12)
    np.testing.assert_allclose(result.x, [[4, 5, 6]], rtol=1e-12)
    assert result.converged[0]


def test_conjugate_gradient_nan_stays_in_its_lane():
    diagonals = np.tile(np.arange(1.0, 9.0), (2, 1))
    b = np.ones((2, 8))
    b[0, 3] = np.nan
    result = conjugate_gradient(_scaling(diagonals), b, np.zeros((2, 8)), rtol=1e-10)
    np.testing.assert_array_equal(result.converged, [False, True])
    np.testing.assert_allclose(result.x[1], 1 / diagonals[1], rtol=1e-8)


def test_conjugate_gradient_in_a_graph_equals_eager(rng):
    b = rng.normal(size=(2, 6, 7, 1))

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1], tf.float64)])
    def solve(b):
        return conjugate_gradient(_laplacian(0.1), b, tf.zeros_like(b))

    eager = conjugate_gradient(_laplacian(0.1), b, np.zeros_like(b))
    for value, expected in zip(solve(b), eager, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_conjugate_gradient_refuses_other_shapes_and_types():
    with pytest.raises(ValueError, match=r"at least two axes. Received: \(3,\)"):
        conjugate_gradient(tf.identity, tf.zeros([3]), tf.zeros([3]))
    with pytest.raises(
        ValueError, match=r"shape and the type of `b`.*\(2, 4\).*\(2, 3\)"
    ):
        conjugate_gradient(tf.identity, tf.zeros([2, 3]), tf.zeros([2, 4]))
    with pytest.raises(ValueError, match=r"float64.*float32"):
        conjugate_gradient(tf.identity, tf.zeros([2, 3]), tf.zeros([2, 3], tf.float64))
