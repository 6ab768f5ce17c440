"""Iteratively reweighted least squares (IRLS) on one image.

Each step replaces the penalties of the energy (see `energy`) by parabolas that touch
them at the current depth and lie above them, and minimises the sum of the parabolas.
This is a sparse, symmetric, positive definite linear system, solved by conjugate
gradients starting at the current depth. The energy cannot rise, however early the
solver stops. It cannot rise either if the step is up to twice as long, since along the
step the sum is a parabola as well.
"""

from typing import NamedTuple

import tensorflow as tf

from dpde_tf.fusion.conjugate_gradient import CGResult, conjugate_gradient
from dpde_tf.fusion.energy import (
    FusionProblem,
    descent_direction,
    fusion_energy,
    fusion_problem,
    irls_weight,
    normal_system,
)
from dpde_tf.fusion.sequential import one_after_another
from dpde_tf.fusion.stencil import fill_rows, pad_rows

# Relative rounding of the sum of an energy in float32.
_FLOAT32_ROUNDING = 1e-5


class IRLSParameters(NamedTuple):
    """Scalar parameters as tensors, see `fuse_depth_and_gradients`.

    Attributes:
        omega: Weight of the gradient terms.
        epsilon: Constant of the penalty in square metres.
        tolerance: Relative decrease of the energy at which an image stops, in the type
            of the energy: float64, or float32 for runtimes without it.
        cg_rtol: Relative tolerance of each linear system.
        max_cg_iterations: Largest number of iterations per linear system, int32.
        relaxation: Length of a step, relative to the solution of the linear system.
    """

    omega: tf.Tensor
    epsilon: tf.Tensor
    tolerance: tf.Tensor
    cg_rtol: tf.Tensor
    max_cg_iterations: tf.Tensor
    relaxation: tf.Tensor


class FusionResult(NamedTuple):
    """A fused batch, or one image of it without the axis of the batch.

    Attributes:
        depth: Fused depth in metres, `[B, H, W, 1]`.
        energy: E before the first and after each IRLS step, float64
            `[B, num_irls_iterations + 1]`; an image that stops early repeats its last
            energy.
        num_cg_iterations: Total number of conjugate gradient iterations, int32 `[B]`.
        converged: Whether every linear system was solved to `cg_rtol` and, if
            `tolerance` > 0, the energy converged, boolean `[B]`.
    """

    depth: tf.Tensor
    energy: tf.Tensor
    num_cg_iterations: tf.Tensor
    converged: tf.Tensor


class _State(NamedTuple):
    """Loop variables of the IRLS steps."""

    step: tf.Tensor
    correction: tf.Tensor  # d - d_est, padded.
    # Computed at the end of the previous step: as a loop variable it is stored, and not
    # recomputed at each use.
    descent: tf.Tensor
    energy: tf.Tensor  # [num_irls_iterations + 1]; later steps repeat the last energy.
    num_cg_iterations: tf.Tensor
    solved: tf.Tensor
    active: tf.Tensor


def fuse_image(
    maps: tuple[tf.Tensor, ...], parameters: IRLSParameters, num_irls_iterations: int
) -> FusionResult:
    """Returns the fusion of one image.

    Args:
        maps: d_est in metres, G_x and G_y in metres per pixel, and the confidences of
            the three, each `[H, W, 1]`.
        parameters: Scalar parameters.
        num_irls_iterations: Number of steps.

    Returns:
        The fused image.
    """
    depth = maps[0]
    problem = fusion_problem(
        *(m[..., 0] for m in maps), omega=parameters.omega, epsilon=parameters.epsilon
    )
    state = _State(
        *tf.while_loop(
            lambda step, *state: (step < num_irls_iterations) & state[-1],
            lambda *state: _take_step(problem, parameters, _State(*state)),
            _start(problem, depth, num_irls_iterations, parameters.tolerance.dtype),
        )
    )
    correction = tf.expand_dims(state.correction[1:-1][: tf.shape(depth)[0]], -1)
    rests = ~state.active | (parameters.tolerance == 0)
    return FusionResult(
        depth=depth + correction,
        energy=state.energy,
        num_cg_iterations=state.num_cg_iterations,
        converged=state.solved & rests,
    )


# XLA fuses about ten operations into one loop over memory. It compiles the fusion of a
# single image, so that the result does not depend on the batch and the data stay in the
# processor's cache.
fuse_image_with_xla = tf.function(
    fuse_image, autograph=False, jit_compile=True, reduce_retracing=True
)
# Three times as slow, but without compilation for each image size. It must always be
# called within `one_after_another`.
_fuse_image_in_order = tf.function(fuse_image, autograph=False, reduce_retracing=True)


def fuse_image_without_xla(
    maps: tuple[tf.Tensor, ...], parameters: IRLSParameters, num_irls_iterations: int
) -> FusionResult:
    """Returns `fuse_image` of an image outside a graph, without XLA."""
    with one_after_another():
        return _fuse_image_in_order(maps, parameters, num_irls_iterations)


def _start(
    problem: FusionProblem,
    depth: tf.Tensor,
    num_irls_iterations: int,
    energy_type: tf.DType,
) -> _State:
    """Returns the state at d = d_est."""
    correction = pad_rows(fill_rows(tf.zeros_like(depth[..., 0])))
    energy = fusion_energy(problem, correction, energy_type)
    return _State(
        step=tf.constant(0),
        correction=correction,
        descent=descent_direction(problem, correction),
        energy=tf.fill([num_irls_iterations + 1], energy),
        num_cg_iterations=tf.constant(0),
        solved=tf.constant(True),
        active=tf.constant(True),
    )


def _take_step(
    problem: FusionProblem, parameters: IRLSParameters, state: _State
) -> _State:
    """Returns the state after one step; a step that raises E by rounding is skipped."""
    solution = _solve(problem, parameters, state)
    moved = state.correction + pad_rows(parameters.relaxation * solution.x)
    before = state.energy[-1]
    after = fusion_energy(problem, moved, before.dtype)
    # What a sum in this type cannot resolve: IRLS steps lower the energy anyway.
    resolved = 0.0 if before.dtype == tf.float64 else _FLOAT32_ROUNDING
    taken = after <= (1.0 + resolved) * before
    later = tf.range(tf.size(state.energy)) > state.step
    return _State(
        step=state.step + 1,
        correction=tf.where(taken, moved, state.correction),
        descent=descent_direction(problem, moved),
        energy=tf.where(taken & later, after, state.energy),
        num_cg_iterations=state.num_cg_iterations + solution.num_iterations,
        solved=state.solved & solution.converged,
        active=before - after > (parameters.tolerance - resolved) * before,
    )


def _solve(
    problem: FusionProblem, parameters: IRLSParameters, state: _State
) -> CGResult:
    """Returns the step from the current correction to the minimum of the parabolas."""
    return conjugate_gradient(
        normal_system(problem, state.correction, irls_weight),
        state.descent,
        rtol=parameters.cg_rtol,
        max_iterations=parameters.max_cg_iterations,
    )
