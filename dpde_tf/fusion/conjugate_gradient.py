"""Preconditioned conjugate gradients for a batch of independent linear systems.

Each lane (entry of the first axis) is a system of its own, and its result does
not depend on the others. `tf.linalg.experimental.conjugate_gradient` cannot be
used for that: it keeps updating a lane that has converged until every lane has,
which ends in 0 / 0.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

LinearMap = Callable[[tf.Tensor], tf.Tensor]


class CGResult(NamedTuple):
    """Solution of a batch of linear systems.

    Attributes:
        x: The solutions, shaped like the right-hand side.
        residual_norm: Norm of the residual that the recurrence carries, `[B]`.
        num_iterations: Products with the operator after the first one, int32 `[B]`.
        converged: Whether the stopping inequality holds, boolean `[B]`.
    """

    x: tf.Tensor
    residual_norm: tf.Tensor
    num_iterations: tf.Tensor
    converged: tf.Tensor


class _State(NamedTuple):
    """What an iteration hands to the next; `rho` is <residual, preconditioned>."""

    x: tf.Tensor
    residual: tf.Tensor
    direction: tf.Tensor
    rho: tf.Tensor
    residual_norm: tf.Tensor
    num_iterations: tf.Tensor
    active: tf.Tensor


def conjugate_gradient(
    matvec: LinearMap,
    b: tf.Tensor,
    x0: tf.Tensor,
    *,
    preconditioner: LinearMap | None = None,
    rtol: float | tf.Tensor = 1e-5,
    atol: float | tf.Tensor = 0.0,
    max_iterations: int | tf.Tensor = 1000,
) -> CGResult:
    """Returns the solution of A x = b for each lane of a batch.

    A lane stops as soon as

        norm(b - A x) <= max(rtol * norm(b), atol)

    (the rule of `scipy.sparse.linalg.cg`), or when it shows that A is not positive
    definite; from then on it is frozen. Where b is 0 the solution is 0, at once.
    A singular, positive semidefinite A is fine if b lies in its range; what x0
    has in the null space of A then stays as it is.

    Args:
        matvec: The product with A, symmetric and positive definite; maps a tensor
            shaped like `b` to another, lane by lane.
        b: Right-hand sides, `[B, ...]`, float32 or float64.
        x0: Where to start, shaped like `b`.
        preconditioner: Product with an approximation to the inverse of A,
            symmetric and positive definite as well; None for the identity.
        rtol: Relative tolerance, Python number or scalar of the type of `b`.
        atol: Absolute tolerance, the same.
        max_iterations: Upper bound on the iterations of a lane, scalar.

    Returns:
        A `CGResult`; that a lane did not converge is said there, not raised.

    Raises:
        ValueError: If `b` has no axis besides the batch or `x0` another shape.

    Source: Saad (2003), Iterative Methods for Sparse Linear Systems, Alg. 9.1.
    """
    b, x0 = tf.convert_to_tensor(b), tf.convert_to_tensor(x0)
    _check_shapes(b, x0)
    precondition = preconditioner or tf.identity
    norm_b = _norm(b)
    threshold = tf.maximum(rtol * norm_b, atol)
    x0 = tf.where(_per_lane(norm_b > 0, b), x0, tf.zeros_like(x0))
    state = tf.while_loop(
        lambda step, state: (step < max_iterations) & tf.reduce_any(state.active),
        lambda step, state: (
            step + 1,
            _iterate(matvec, precondition, threshold, state),
        ),
        (tf.constant(0), _start(matvec, precondition, threshold, b, x0)),
    )[1]
    return CGResult(
        x=state.x,
        residual_norm=state.residual_norm,
        num_iterations=state.num_iterations,
        converged=state.residual_norm <= threshold,
    )


def _start(
    matvec: LinearMap,
    precondition: LinearMap,
    threshold: tf.Tensor,
    b: tf.Tensor,
    x0: tf.Tensor,
) -> _State:
    """Returns the state before the first iteration."""
    residual = b - matvec(x0)
    preconditioned = precondition(residual)
    residual_norm = _norm(residual)
    return _State(
        x=x0,
        residual=residual,
        direction=preconditioned,
        rho=_dot(residual, preconditioned),
        residual_norm=residual_norm,
        num_iterations=tf.zeros_like(residual_norm, tf.int32),
        active=residual_norm > threshold,
    )


def _iterate(
    matvec: LinearMap, precondition: LinearMap, threshold: tf.Tensor, state: _State
) -> _State:
    """Returns the state one iteration later; frozen lanes get steps of length 0."""
    product = matvec(state.direction)
    curvature = _dot(state.direction, product)
    moves = state.active & (curvature > 0) & (state.rho > 0)
    zero = tf.zeros_like(curvature)
    alpha = tf.math.divide_no_nan(state.rho, tf.where(moves, curvature, zero))
    x = state.x + _per_lane(alpha, product) * state.direction
    residual = state.residual - _per_lane(alpha, product) * product
    preconditioned = precondition(residual)
    rho = _dot(residual, preconditioned)
    beta = tf.math.divide_no_nan(rho, tf.where(moves, state.rho, zero))
    residual_norm = _norm(residual)
    return _State(
        x=x,
        residual=residual,
        direction=preconditioned + _per_lane(beta, product) * state.direction,
        rho=rho,
        residual_norm=residual_norm,
        num_iterations=state.num_iterations + tf.cast(moves, tf.int32),
        active=moves & (residual_norm > threshold),
    )


def _dot(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Returns the inner product of each lane, `[B]`."""
    products = a * b
    # Two stages: over all axes at once, TensorFlow splits the sum among threads
    # differently for one lane than for several, and the last bit differs.
    rows = tf.reduce_sum(products, axis=list(range(2, products.shape.rank)))
    return tf.reduce_sum(rows, axis=1)


def _norm(a: tf.Tensor) -> tf.Tensor:
    """Returns the Euclidean norm of each lane, `[B]`."""
    return tf.sqrt(_dot(a, a))


def _per_lane(values: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Returns `[B]` values as `[B, 1, ...]`, to multiply tensors shaped `like`."""
    return tf.reshape(values, [-1] + [1] * (like.shape.rank - 1))


def _check_shapes(b: tf.Tensor, x0: tf.Tensor) -> None:
    """Refuses a right-hand side without lanes and a start of another shape."""
    if b.shape.rank is None or b.shape.rank < 2:
        raise ValueError(
            f"`b` must be [B, ...] with at least two axes. Received: {b.shape}."
        )
    if not b.shape.is_compatible_with(x0.shape) or b.dtype != x0.dtype:
        raise ValueError(
            "`x0` must have the shape and the type of `b`. "
            f"Received: {x0.dtype.name} {x0.shape} and {b.dtype.name} {b.shape}."
        )
