"""Fusion of depth and gradients by iteratively reweighted least squares (IRLS).

Each step replaces the penalties of the energy (see `energy`) by parabolas that touch
them at the present depth and lie above them, and minimises the sum of the parabolas:
one sparse, symmetric, positive definite linear system, solved by conjugate gradients
from the present depth. The energy cannot rise, however early they stop.
"""

from typing import NamedTuple

import tensorflow as tf

from dpde_tf.fusion.conjugate_gradient import CGResult, conjugate_gradient
from dpde_tf.fusion.energy import (
    FusionProblem,
    Maps,
    fusion_energy,
    fusion_problem,
    inverse_diagonal,
    irls_weights,
    normal_operator,
    right_hand_side,
)
from dpde_tf.fusion.input_checks import (
    checked_confidences,
    checked_depth,
    checked_map,
    checked_scalar,
)


class FusionResult(NamedTuple):
    """A fused batch.

    Attributes:
        depth: The fused depth in metres, `[B, H, W, 1]`.
        energy: E before the first and after each IRLS step, float64
            `[B, num_irls_iterations + 1]`; an image at rest repeats its last.
        num_cg_iterations: Conjugate gradient iterations in all, int32 `[B]`.
        converged: Whether every linear system was solved to `cg_rtol` and, if
            `tolerance` > 0, the energy came to rest, boolean `[B]`.
    """

    depth: tf.Tensor
    energy: tf.Tensor
    num_cg_iterations: tf.Tensor
    converged: tf.Tensor


class _State(NamedTuple):
    """What an IRLS step hands to the next."""

    correction: tf.Tensor  # d - d_est.
    energy: tf.Tensor  # [B, num_irls_iterations + 1], filled to the right.
    num_cg_iterations: tf.Tensor
    solved: tf.Tensor
    active: tf.Tensor


def fuse_depth_and_gradients(
    depth: tf.Tensor,
    gradient_x: tf.Tensor,
    gradient_y: tf.Tensor,
    *,
    omega: float | tf.Tensor = 10.0,
    epsilon: float | tf.Tensor = 1e-4,
    num_irls_iterations: int = 10,
    confidence: tf.Tensor | None = None,
    gradient_confidence: tf.Tensor | tuple[tf.Tensor, tf.Tensor] | None = None,
    tolerance: float | tf.Tensor = 0.0,
    cg_rtol: float | tf.Tensor = 1e-6,
    max_cg_iterations: int | tf.Tensor = 1000,
) -> FusionResult:
    """Returns the depth that agrees best with a depth map and with gradients.

    Minimises E(d) = sum_p phi(d - d_est) + omega [phi(grad_x d - G_x) +
    phi(grad_y d - G_y)], phi(x) = sqrt(x^2 + epsilon), from d = d_est on. There is no
    gradient in the last column / row: what the inputs hold there is not used.

    Args:
        depth: d_est in metres, `[B, H, W, 1]`, float32 or float64.
        gradient_x: G_x along the width in metres per pixel, like `depth`.
        gradient_y: G_y along the height, the same.
        omega: Weight of the gradient terms, > 0.
        epsilon: Rounding of the penalty in square metres, > 0.
        num_irls_iterations: Number of IRLS steps, >= 1.
        confidence: Weight >= 0 of each pixel's depth term, like `depth`; None for
            1. Where it is 0, a hole, the gradients alone decide.
        gradient_confidence: The same for the gradient terms: one map for both
            directions or a pair (x, y).
        tolerance: An image rests once a step lowers its energy by no more than this
            part of it; 0 rests where the energy does not fall at all.
        cg_rtol: Relative tolerance of each linear system, > 0.
        max_cg_iterations: Bound on the iterations of each linear system.

    Returns:
        A `FusionResult`. The graph is traced once per shape and type; the values of
        the scalars do not matter, except for `num_irls_iterations`, which is part of
        a shape.

    Raises:
        ValueError: If a shape, a type or a scalar is out of its range or a map
            holds NaN or infinity (in a graph: `tf.errors.InvalidArgumentError`).

    Source: Xu & Liu (2021), Eq. 5; solved as by Karsch et al. (2014).
    """
    depth = checked_depth(depth)
    if num_irls_iterations < 1:
        raise ValueError(
            f"`num_irls_iterations` must be >= 1. Received: {num_irls_iterations}."
        )
    return _minimise(
        depth,
        checked_map(gradient_x, "gradient_x", depth),
        checked_map(gradient_y, "gradient_y", depth),
        checked_confidences(confidence, gradient_confidence, depth),
        omega=checked_scalar(omega, "omega", depth.dtype),
        epsilon=checked_scalar(epsilon, "epsilon", depth.dtype),
        tolerance=checked_scalar(tolerance, "tolerance", tf.float64, zero=True),
        cg_rtol=checked_scalar(cg_rtol, "cg_rtol", depth.dtype),
        max_cg_iterations=checked_scalar(
            max_cg_iterations, "max_cg_iterations", tf.int32
        ),
        num_irls_iterations=num_irls_iterations,
    )


@tf.function(autograph=False)
def _minimise(
    depth: tf.Tensor,
    gradient_x: tf.Tensor,
    gradient_y: tf.Tensor,
    confidences: Maps,
    *,
    omega: tf.Tensor,
    epsilon: tf.Tensor,
    tolerance: tf.Tensor,
    cg_rtol: tf.Tensor,
    max_cg_iterations: tf.Tensor,
    num_irls_iterations: int,
) -> FusionResult:
    """Runs the IRLS steps; scalars are tensors, so that their values do not retrace."""
    problem = fusion_problem(
        depth, gradient_x, gradient_y, confidences, omega=omega, epsilon=epsilon
    )

    def take_step(step: tf.Tensor, state: _State) -> tuple[tf.Tensor, _State]:
        solution = _solve(problem, state, cg_rtol, max_cg_iterations)
        return step + 1, _next_state(problem, state, solution, step, tolerance)

    state = tf.while_loop(
        lambda step, state: (step < num_irls_iterations) & tf.reduce_any(state.active),
        take_step,
        (tf.constant(0), _start(problem, depth, num_irls_iterations)),
    )[1]
    return FusionResult(
        depth=depth + state.correction,
        energy=state.energy,
        num_cg_iterations=state.num_cg_iterations,
        converged=state.solved & (~state.active | (tolerance == 0)),
    )


def _start(
    problem: FusionProblem, depth: tf.Tensor, num_irls_iterations: int
) -> _State:
    """Returns the state at d = d_est."""
    correction = tf.zeros_like(depth)
    energy = fusion_energy(problem, correction)
    return _State(
        correction=correction,
        energy=tf.tile(energy[:, tf.newaxis], [1, num_irls_iterations + 1]),
        num_cg_iterations=tf.zeros_like(energy, tf.int32),
        solved=tf.ones_like(energy, tf.bool),
        active=tf.ones_like(energy, tf.bool),
    )


def _solve(
    problem: FusionProblem,
    state: _State,
    cg_rtol: tf.Tensor,
    max_cg_iterations: tf.Tensor,
) -> CGResult:
    """Returns the minimiser of the parabolas; images at rest cost no iteration."""
    weights = irls_weights(problem, state.correction)
    b = right_hand_side(problem, weights)
    jacobi = inverse_diagonal(weights)
    return conjugate_gradient(
        lambda correction: normal_operator(weights, correction),
        tf.where(_per_image(state.active), b, tf.zeros_like(b)),
        state.correction,
        preconditioner=lambda residual: jacobi * residual,
        rtol=cg_rtol,
        max_iterations=max_cg_iterations,
    )


def _next_state(
    problem: FusionProblem,
    state: _State,
    solution: CGResult,
    step: tf.Tensor,
    tolerance: tf.Tensor,
) -> _State:
    """Returns the state after a step, which is taken unless rounding makes E rise."""
    before, after = state.energy[:, -1], fusion_energy(problem, solution.x)
    taken = state.active & (after <= before)
    later = tf.range(tf.shape(state.energy)[1]) > step
    return _State(
        correction=tf.where(_per_image(taken), solution.x, state.correction),
        energy=tf.where(
            taken[:, tf.newaxis] & later, after[:, tf.newaxis], state.energy
        ),
        num_cg_iterations=state.num_cg_iterations + solution.num_iterations,
        solved=state.solved & solution.converged,
        active=state.active & (before - after > tolerance * before),
    )


def _per_image(values: tf.Tensor) -> tf.Tensor:
    """Returns `[B]` values as `[B, 1, 1, 1]`."""
    return values[:, tf.newaxis, tf.newaxis, tf.newaxis]
