"""The energy of the fusion, and the linear system of an IRLS step (Eqs. 5 and 6).

    E(d) = sum_p phi(d - d_est) + omega [phi(grad_x d - G_x) + phi(grad_y d - G_y)],
    phi(x) = sqrt(x^2 + epsilon),

where each term is multiplied by its confidence, and there is no grad_x in the last
column and no grad_y in the last row. For some d, let W = 1 / phi be the diagonal
weights of the residuals. The parabolas that touch the penalties at d and lie above them
have their minimum at d + step, where

    (W_d + omega grad^T W_g grad) step = -grad E(d).

This is the system of Karsch et al. (2014) for d + step, written for the step.

The unknown is stored as the correction u = d - d_est. In float32, the correction then
keeps all its digits, whatever the size of the depth, and gradients that agree with the
depth leave every bit of the depth unchanged. All functions work on one image, whose
rows are filled up (see `stencil`) with pixels that belong to no term.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from dpde_tf.fusion.conjugate_gradient import ScaledSystem, scaled_system
from dpde_tf.fusion.image_gradients import image_gradients, image_gradients_mask
from dpde_tf.fusion.stencil import Neighbours, fill_rows, pad_rows

# Function of a residual and epsilon, such as 1 / phi or phi''.
WeightFunction = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class FusionProblem(NamedTuple):
    """The energy of one image as a function of the correction u = d - d_est.

    Attributes:
        target_x: G_x - grad_x d_est, padded `[H + 2, W]`; 0 in the last column.
        target_y: G_y - grad_y d_est, padded; 0 in the last row.
        importance: Confidence of the depth, the factor of its penalty, `[H, W]`.
        importance_x: Omega times the confidence of G_x, 0 in the last column, padded.
        importance_y: Omega times the confidence of G_y, 0 in the last row, padded.
        epsilon: Constant of the penalty in square metres, scalar.
    """

    target_x: tf.Tensor
    target_y: tf.Tensor
    importance: tf.Tensor
    importance_x: tf.Tensor
    importance_y: tf.Tensor
    epsilon: tf.Tensor


class _Edges(NamedTuple):
    """Residuals and importances of the differences to the four neighbours.

    A difference is always right minus left, or lower minus upper pixel. A pixel thus
    enters the differences to `left` and `above` with the opposite sign.
    """

    residuals: tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
    importances: tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]


def robust_penalty(residual: tf.Tensor, epsilon: float | tf.Tensor) -> tf.Tensor:
    """Returns phi(x) = sqrt(x^2 + epsilon), a smooth |x|.

    Args:
        residual: x, of any shape.
        epsilon: Positive scalar, in the squared unit of x: a tensor of the type of
            `residual` or a Python number.

    Returns:
        phi(x), of the shape of `residual`.

    Source: Xu & Liu (2021), Eq. 6; after Karsch et al. (2014).
    """
    return tf.sqrt(tf.square(residual) + epsilon)


def irls_weight(residual: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
    """Returns 1 / phi(x) = phi'(x) / x, the curvature of the touching parabola.

    Args:
        residual: x, of any shape.
        epsilon: As for `robust_penalty`.

    Returns:
        The weights, of the shape of `residual`.
    """
    return tf.math.rsqrt(tf.square(residual) + epsilon)


def penalty_curvature(residual: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
    """Returns phi''(x) = epsilon / (x^2 + epsilon)^1.5.

    Args:
        residual: x, of any shape.
        epsilon: As for `robust_penalty`.

    Returns:
        phi''(x), of the shape of `residual`.
    """
    weight = irls_weight(residual, epsilon)
    return epsilon * weight * weight * weight


def fusion_problem(
    depth: tf.Tensor,
    gradient_x: tf.Tensor,
    gradient_y: tf.Tensor,
    confidence: tf.Tensor,
    confidence_x: tf.Tensor,
    confidence_y: tf.Tensor,
    *,
    omega: tf.Tensor,
    epsilon: tf.Tensor,
) -> FusionProblem:
    """Returns the energy of a depth map and its gradients.

    Args:
        depth: d_est in metres, `[H, W]`.
        gradient_x: G_x in metres per pixel, `[H, W]`.
        gradient_y: G_y in metres per pixel, `[H, W]`.
        confidence: Factor of the penalty of the depth, `[H, W]`.
        confidence_x: Factor of the penalty of grad_x, `[H, W]`.
        confidence_y: Factor of the penalty of grad_y, `[H, W]`.
        omega: Weight of the gradient terms, scalar.
        epsilon: Constant of the penalty in square metres, scalar.

    Returns:
        The energy as a function of the correction.
    """
    as_batch = tf.expand_dims(tf.expand_dims(depth, 0), -1)
    present_x, present_y = (g[0, :, :, 0] for g in image_gradients(as_batch))
    exists_x, exists_y = (
        tf.cast(mask[0, :, :, 0], depth.dtype)
        for mask in image_gradients_mask(tf.ones_like(as_batch, tf.bool))
    )
    return FusionProblem(
        target_x=pad_rows(fill_rows((gradient_x - present_x) * exists_x)),
        target_y=pad_rows(fill_rows((gradient_y - present_y) * exists_y)),
        importance=fill_rows(confidence),
        importance_x=pad_rows(fill_rows(omega * confidence_x * exists_x)),
        importance_y=pad_rows(fill_rows(omega * confidence_y * exists_y)),
        epsilon=epsilon,
    )


def fusion_energy(
    problem: FusionProblem, correction: tf.Tensor, dtype: tf.DType = tf.float64
) -> tf.Tensor:
    """Returns the energy E of an image.

    Args:
        problem: Constants of the energy.
        correction: u = d - d_est in metres, padded `[H + 2, W]`.
        dtype: Type of the sum over the pixels. It should be float64 where there is
            one, because the last IRLS steps lower E by less than a float32 sum can
            resolve.

    Returns:
        E, scalar of that type.

    Source: Xu & Liu (2021), Eq. 5.
    """

    edges = _edges(problem, Neighbours(correction))
    terms = (
        (problem.importance, correction[1:-1]),
        (edges.importances[0], edges.residuals[0]),
        (edges.importances[2], edges.residuals[2]),
    )
    values = tf.add_n([m * robust_penalty(x, problem.epsilon) for m, x in terms])
    # Sums of rows first, for runtimes whose sums are in float32.
    return tf.reduce_sum(tf.reduce_sum(tf.cast(values, dtype), axis=-1))


def descent_direction(problem: FusionProblem, correction: tf.Tensor) -> tf.Tensor:
    """Returns the negative derivative of the energy with respect to each pixel.

    Args:
        problem: Constants of the energy.
        correction: u, padded `[H + 2, W]`.

    Returns:
        The negative gradient, `[H, W]`.
    """
    u = Neighbours(correction)
    edges = _edges(problem, u)
    weight, weights = _weights(problem, u, edges, irls_weight)
    right, left, below, above = (
        w * residual for w, residual in zip(weights, edges.residuals, strict=True)
    )
    return right - left + below - above - weight * u.here


def normal_system(
    problem: FusionProblem, correction: tf.Tensor, weight_function: WeightFunction
) -> ScaledSystem:
    """Returns the matrix W_d + omega grad^T W_g grad.

    Args:
        problem: Constants of the energy.
        correction: u at which the weights are computed, padded `[H + 2, W]`.
        weight_function: `irls_weight` for the parabolas, `penalty_curvature` for the
            Hessian of the energy.

    Returns:
        The matrix.
    """
    u = Neighbours(correction)
    return scaled_system(*_weights(problem, u, _edges(problem, u), weight_function))


def _edges(problem: FusionProblem, u: Neighbours) -> _Edges:
    """Returns the differences to the four neighbours."""
    target_x, target_y = Neighbours(problem.target_x), Neighbours(problem.target_y)
    along_x = Neighbours(problem.importance_x)
    along_y = Neighbours(problem.importance_y)
    return _Edges(
        residuals=(
            u.right - u.here - target_x.here,
            u.here - u.left - target_x.left,
            u.below - u.here - target_y.here,
            u.here - u.above - target_y.above,
        ),
        importances=(along_x.here, along_x.left, along_y.here, along_y.above),
    )


def _weights(
    problem: FusionProblem, u: Neighbours, edges: _Edges, function: WeightFunction
) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
    """Returns the weights of the depth of each pixel and of its four differences.

    The weights to the left and above are computed a second time, which takes less time
    than storing and padding those of the neighbours.
    """
    weights = tuple(
        importance * function(residual, problem.epsilon)
        for importance, residual in zip(edges.importances, edges.residuals, strict=True)
    )
    return problem.importance * function(u.here, problem.epsilon), weights
