"""The energy of the fusion and the linear system that lowers it (Eqs. 5 and 6).

    E(d) = sum_p phi(d - d_est) + omega [phi(grad_x d - G_x) + phi(grad_y d - G_y)],
    phi(x) = sqrt(x^2 + epsilon),

each term times its confidence; there is no grad_x in the last column and no grad_y
in the last row. With the diagonal weights W = 1 / phi of the residuals at some d, the
parabolas that touch the penalties there and lie above them have their minimum at

    (W_d + omega grad^T W_g grad) d = W_d d_est + omega grad^T W_g G.

The unknown is carried as the correction u = d - d_est, for which the system reads
(W_d + omega grad^T W_g grad) u = omega grad^T W_g (G - grad d_est). The solutions are
the same; in float32 the size of the depth itself costs the correction no digits, and
gradients that agree with the depth leave it as it is, bit by bit.
"""

from typing import NamedTuple

import tensorflow as tf

from dpde_tf.image_gradients import (
    image_gradients,
    image_gradients_adjoint,
    image_gradients_mask,
)

Maps = tuple[tf.Tensor, tf.Tensor, tf.Tensor]  # Of the depth, of x and of y.


class FusionProblem(NamedTuple):
    """The energy as a function of the correction u = d - d_est.

    Attributes:
        target_x: G_x - grad_x d_est, `[B, H, W, 1]`; 0 in the last column.
        target_y: G_y - grad_y d_est, `[B, H, W, 1]`; 0 in the last row.
        importance: The constant factors of the three penalties: confidence, and
            omega times confidence where the gradient exists.
        epsilon: Rounding of the penalty in square metres, scalar.
    """

    target_x: tf.Tensor
    target_y: tf.Tensor
    importance: Maps
    epsilon: tf.Tensor


def robust_penalty(residual: tf.Tensor, epsilon: float | tf.Tensor) -> tf.Tensor:
    """Returns phi(x) = sqrt(x^2 + epsilon), a smooth |x|.

    Args:
        residual: x, of any shape.
        epsilon: Positive scalar, in the square of the unit of x; a tensor of the same
            type as `residual` or a Python number.

    Returns:
        phi(x), shaped like `residual`.

    Source: Xu & Liu (2021), Eq. 6; after Karsch et al. (2014).
    """
    return tf.sqrt(tf.square(residual) + epsilon)


def fusion_problem(
    depth: tf.Tensor,
    gradient_x: tf.Tensor,
    gradient_y: tf.Tensor,
    confidences: Maps,
    *,
    omega: tf.Tensor,
    epsilon: tf.Tensor,
) -> FusionProblem:
    """Returns the energy of a depth map and its gradients.

    Args:
        depth: d_est in metres, `[B, H, W, 1]`.
        gradient_x: G_x in metres per pixel, `[B, H, W, 1]`.
        gradient_y: G_y in metres per pixel, `[B, H, W, 1]`.
        confidences: Factors of the three penalties, shaped so that they broadcast.
        omega: Weight of the gradient terms, scalar.
        epsilon: Rounding of the penalty in square metres, scalar.

    Returns:
        A `FusionProblem`.
    """
    everywhere = tf.ones_like(depth[:1], tf.bool)
    exists_x, exists_y = (
        tf.cast(mask, depth.dtype) for mask in image_gradients_mask(everywhere)
    )
    present_x, present_y = image_gradients(depth)
    confidence, confidence_x, confidence_y = confidences
    return FusionProblem(
        target_x=(gradient_x - present_x) * exists_x,
        target_y=(gradient_y - present_y) * exists_y,
        importance=(
            confidence,
            omega * confidence_x * exists_x,
            omega * confidence_y * exists_y,
        ),
        epsilon=epsilon,
    )


def fusion_energy(problem: FusionProblem, correction: tf.Tensor) -> tf.Tensor:
    """Returns the energy E of each image.

    Args:
        problem: The energy's constants.
        correction: u = d - d_est in metres, `[B, H, W, 1]`.

    Returns:
        E, float64 `[B]`. The pixels are summed in float64, because the last IRLS
        steps lower E by less than a float32 sum of them could resolve.

    Source: Xu & Liu (2021), Eq. 5.
    """
    terms = [
        tf.cast(importance * penalty, tf.float64)
        for importance, penalty in zip(
            problem.importance, _penalties(problem, correction), strict=True
        )
    ]
    # In two stages, for the reason given in `conjugate_gradient`.
    return tf.reduce_sum(tf.reduce_sum(tf.add_n(terms), axis=[2, 3]), axis=1)


def irls_weights(problem: FusionProblem, correction: tf.Tensor) -> Maps:
    """Returns W_d, omega W_x and omega W_y: the curvatures of the parabolas.

    Args:
        problem: The energy's constants.
        correction: Where the parabolas touch, `[B, H, W, 1]`.

    Returns:
        Three maps `[B, H, W, 1]`: confidence / phi, with the factor omega.
    """
    # A plain division by a square root would be rewritten in a graph as a product with
    # an approximate inverse root, whose last bits depend on the pixel's place in the
    # batch. `divide_no_nan` is left as it is.
    return tuple(
        tf.math.divide_no_nan(importance, penalty)
        for importance, penalty in zip(
            problem.importance, _penalties(problem, correction), strict=True
        )
    )


def right_hand_side(problem: FusionProblem, weights: Maps) -> tf.Tensor:
    """Returns omega grad^T W_g (G - grad d_est).

    Args:
        problem: The energy's constants.
        weights: As `irls_weights` returns them.

    Returns:
        `[B, H, W, 1]`.
    """
    _, weight_x, weight_y = weights
    return image_gradients_adjoint(
        weight_x * problem.target_x, weight_y * problem.target_y
    )


def normal_operator(weights: Maps, correction: tf.Tensor) -> tf.Tensor:
    """Returns (W_d + omega grad^T W_g grad) u.

    It is the product with a sparse matrix of five entries a row, applied as a
    stencil, so that no index is stored.

    Args:
        weights: As `irls_weights` returns them.
        correction: u, `[B, H, W, 1]`.

    Returns:
        `[B, H, W, 1]`.
    """
    weight, weight_x, weight_y = weights
    step_x, step_y = image_gradients(correction)
    return weight * correction + image_gradients_adjoint(
        weight_x * step_x, weight_y * step_y
    )


def inverse_diagonal(weights: Maps) -> tf.Tensor:
    """Returns the inverse of the operator's diagonal, the Jacobi preconditioner.

    Args:
        weights: As `irls_weights` returns them.

    Returns:
        `[B, H, W, 1]`; 0 for a pixel that no term sees.
    """
    weight, weight_x, weight_y = weights
    # An entry holds the weights of both differences that a pixel takes part in, its
    # own and its left (upper) neighbour's; the adjoint is the latter less the former.
    neighbours = 2 * (weight_x + weight_y) + image_gradients_adjoint(weight_x, weight_y)
    return tf.math.divide_no_nan(tf.ones([], weight.dtype), weight + neighbours)


def _penalties(problem: FusionProblem, correction: tf.Tensor) -> Maps:
    """Returns phi of the three residuals at each pixel."""
    step_x, step_y = image_gradients(correction)
    residuals = (correction, step_x - problem.target_x, step_y - problem.target_y)
    return tuple(robust_penalty(residual, problem.epsilon) for residual in residuals)
