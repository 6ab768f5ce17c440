"""Conjugate gradients for the linear systems of the fusion, one image at a time.

The matrix A has five entries per row, for the pixel and its four neighbours. It is
never stored. Scaling by s on both sides gives it a unit diagonal,

    (S A S y)_p = y_p - sum over the neighbours q of c_pq y_q,  c_pq = w_pq s_p s_q,

so that two images define it: the couplings to the right and below. For any weights,
the eigenvalues of S A S are between 0 and 2, so 2.4 - S A S is positive definite and
serves as the preconditioner. A step then needs two products instead of one, but there
are half as many steps. This is faster, since the sums and updates of a step take longer
than a product. (2.4 - x is the best polynomial of degree 1 for the interval 0.4 to 2.)
"""

from typing import NamedTuple

import tensorflow as tf

from dpde_tf.fusion.stencil import Neighbours, inner_product, pad_rows

_PRECONDITIONER_SHIFT = 2.4


class ScaledSystem(NamedTuple):
    """A symmetric, positive definite five-point matrix, scaled to a unit diagonal.

    Attributes:
        scale: s, `[H, W]`: one over the square root of the diagonal.
        coupling_x: c between a pixel and its right neighbour, padded `[H + 2, W]`; 0
            in the last column.
        coupling_y: c between a pixel and the one below, padded; 0 in the last row.
    """

    scale: tf.Tensor
    coupling_x: tf.Tensor
    coupling_y: tf.Tensor


class CGResult(NamedTuple):
    """Solution of a linear system.

    Attributes:
        x: Solution, `[H, W]`.
        num_iterations: Number of iterations, int32 scalar.
        converged: Whether the tolerance was reached, boolean scalar.
    """

    x: tf.Tensor
    num_iterations: tf.Tensor
    converged: tf.Tensor


class _State(NamedTuple):
    """Loop variables of the iteration."""

    num_iterations: tf.Tensor
    x: tf.Tensor
    residual: tf.Tensor  # Padded.
    direction: tf.Tensor  # Padded; not yet multiplied by beta.
    preconditioned: tf.Tensor
    beta: tf.Tensor
    rho: tf.Tensor  # <residual, preconditioned>.


def scaled_system(
    weight: tf.Tensor,
    weights: tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor],
) -> ScaledSystem:
    """Returns the matrix diag(weight) + grad^T diag(edge weights) grad.

    Args:
        weight: Weights of the pixels, `[H, W]`, >= 0.
        weights: Weights of the differences to the right, left, lower and upper
            neighbour, each `[H, W]`, >= 0; 0 where there is no such neighbour.

    Returns:
        The scaled matrix. A pixel whose weights are all 0 has no couplings.
    """
    right, _, below, _ = weights
    diagonal = weight + tf.add_n(weights)
    scale = tf.math.rsqrt(tf.maximum(diagonal, tf.constant(1e-30, weight.dtype)))
    others = Neighbours(pad_rows(scale))
    return ScaledSystem(
        scale=scale,
        coupling_x=pad_rows(right * scale * others.right),
        coupling_y=pad_rows(below * scale * others.below),
    )


def scaled_product(system: ScaledSystem, padded: tf.Tensor) -> tf.Tensor:
    """Returns the product of the scaled matrix with an image.

    Args:
        system: The matrix.
        padded: The image, padded `[H + 2, W]`.

    Returns:
        The product, `[H, W]`.
    """
    y = Neighbours(padded)
    along_x, along_y = Neighbours(system.coupling_x), Neighbours(system.coupling_y)
    return (
        y.here
        - along_x.here * y.right
        - along_x.left * y.left
        - along_y.here * y.below
        - along_y.above * y.above
    )


def conjugate_gradient(
    system: ScaledSystem,
    b: tf.Tensor,
    *,
    rtol: float | tf.Tensor,
    max_iterations: int | tf.Tensor,
) -> CGResult:
    """Returns the solution of A x = b, starting at x = 0.

    The iteration stops as soon as norm(b - A x) <= rtol * norm(b), in the norm that the
    preconditioner defines for residuals, which the iteration computes anyway. If b is
    0, the solution is 0 without an iteration.

    Args:
        system: The matrix A.
        b: Right-hand side, `[H, W]`, H a multiple of `stencil.ROW_BLOCKS`.
        rtol: Relative tolerance.
        max_iterations: Largest number of iterations.

    Returns:
        A `CGResult`, also if the iteration did not converge.

    Source: Saad (2003), Iterative Methods for Sparse Linear Systems, Alg. 9.1.
    """
    start = _start(system, b)
    threshold = tf.square(tf.cast(rtol, b.dtype)) * start.rho
    state = tf.while_loop(
        lambda *state: (
            (_State(*state).num_iterations < max_iterations)
            & (_State(*state).rho > threshold)
        ),
        lambda *state: _iterate(system, _State(*state)),
        start,
    )
    state = _State(*state)
    return CGResult(
        x=system.scale * state.x,
        num_iterations=state.num_iterations,
        converged=state.rho <= threshold,
    )


def _precondition(system: ScaledSystem, residual: tf.Tensor) -> tf.Tensor:
    """Returns (2.4 - S A S) times a padded residual."""
    return _PRECONDITIONER_SHIFT * residual[1:-1] - scaled_product(system, residual)


def _start(system: ScaledSystem, b: tf.Tensor) -> _State:
    """Returns the state before the first iteration."""
    residual = pad_rows(system.scale * b)
    preconditioned = _precondition(system, residual)
    return _State(
        num_iterations=tf.constant(0),
        x=tf.zeros_like(b),
        residual=residual,
        direction=tf.zeros_like(residual),
        preconditioned=preconditioned,
        beta=tf.zeros([], b.dtype),
        rho=inner_product(residual[1:-1], preconditioned),
    )


def _iterate(system: ScaledSystem, state: _State) -> _State:
    """Returns the state after one more iteration."""
    direction = pad_rows(state.preconditioned) + state.beta * state.direction
    product = scaled_product(system, direction)
    curvature = inner_product(direction[1:-1], product)
    alpha = tf.math.divide_no_nan(state.rho, curvature)  # Both may underflow.
    residual = state.residual - pad_rows(alpha * product)
    preconditioned = _precondition(system, residual)
    rho = inner_product(residual[1:-1], preconditioned)
    return _State(
        num_iterations=state.num_iterations + 1,
        x=state.x + alpha * direction[1:-1],
        residual=residual,
        direction=direction,
        preconditioned=preconditioned,
        beta=rho / state.rho,
        rho=rho,
    )
