"""The derivative of the fused depth, by the implicit function theorem.

At the minimum, the derivative of the energy E(d; inputs) with respect to d is 0, so

    d fused / d input = - H^-1 (d / d input) grad E,   H = Hessian of E in d.

The gradient of a loss needs one linear solve with H, which is positive definite and as
sparse as the systems of IRLS, and automatic differentiation of grad E. The IRLS steps
are not differentiated, so the memory does not depend on their number.
"""

import tensorflow as tf

from dpde_tf.fusion.conjugate_gradient import conjugate_gradient
from dpde_tf.fusion.energy import (
    fusion_problem,
    normal_system,
    penalty_curvature,
    robust_penalty,
)
from dpde_tf.fusion.image_gradients import (
    image_gradients,
    image_gradients_adjoint,
    image_gradients_mask,
)
from dpde_tf.fusion.stencil import fill_rows, pad_rows

# Tolerance of the solve with the Hessian, in the norm of the preconditioned residual.
_RTOL = {tf.float32: 1e-5, tf.float64: 1e-12}
_MAX_CG_ITERATIONS = 2000


@tf.custom_gradient
def with_gradient(fused: tf.Tensor, *inputs: tf.Tensor) -> tuple[tf.Tensor, object]:
    """Returns the fused depth, with its derivative with respect to the inputs.

    Args:
        fused: Minimum of the energy of the inputs, `[B, H, W, 1]`.
        *inputs: Depth, gradient_x, gradient_y (like `fused`), the confidences of the
            three (like `fused`, or `[1, 1, 1, 1]`), omega and epsilon.

    Returns:
        `fused`.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
        multiplier = _solve_with_hessian(fused, inputs, upstream)
        # Several inputs may be the same tensor, but each has a separate derivative.
        apart = [tf.identity(value) for value in inputs]
        with tf.GradientTape() as tape:
            tape.watch(apart)
            change = -tf.reduce_sum(multiplier * _energy_gradient(fused, *apart))
        by_inputs = tape.gradient(change, apart)
        return tf.zeros_like(fused), *by_inputs

    return tf.identity(fused), gradient


def _energy_gradient(
    fused: tf.Tensor,
    depth: tf.Tensor,
    gradient_x: tf.Tensor,
    gradient_y: tf.Tensor,
    confidence: tf.Tensor,
    confidence_x: tf.Tensor,
    confidence_y: tf.Tensor,
    omega: tf.Tensor,
    epsilon: tf.Tensor,
) -> tf.Tensor:
    """Returns the derivative of E with respect to the fused depth, `[B, H, W, 1]`."""

    def slope(residual: tf.Tensor) -> tf.Tensor:
        return residual / robust_penalty(residual, epsilon)

    step_x, step_y = image_gradients(fused)
    exists = image_gradients_mask(tf.ones_like(fused[:1], tf.bool))
    exists_x, exists_y = (tf.cast(mask, fused.dtype) for mask in exists)
    pull_x = confidence_x * slope((step_x - gradient_x) * exists_x)
    pull_y = confidence_y * slope((step_y - gradient_y) * exists_y)
    pull = confidence * slope(fused - depth)
    return pull + omega * image_gradients_adjoint(pull_x, pull_y)


def _solve_with_hessian(
    fused: tf.Tensor, inputs: tuple[tf.Tensor, ...], upstream: tf.Tensor
) -> tf.Tensor:
    """Returns H^-1 upstream, image by image."""
    maps, (omega, epsilon) = inputs[:6], inputs[6:]
    return tf.map_fn(
        lambda i: _solve_image(
            *(image_of(m, i, fused) for m in (fused, upstream, *maps)), omega, epsilon
        ),
        tf.range(tf.shape(fused)[0]),
        fn_output_signature=fused.dtype,
    )


def image_of(maps: tf.Tensor, index: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Returns one image of a batch of maps.

    Args:
        maps: `[B, H, W, 1]`, or `[1, 1, 1, 1]` for the same value everywhere.
        index: Index of the image.
        like: Any tensor of the shape `[B, H, W, 1]`.

    Returns:
        The map of the image, `[H, W, 1]`.
    """
    image = maps[tf.minimum(index, tf.shape(maps)[0] - 1)]
    return tf.broadcast_to(image, tf.shape(like)[1:])


@tf.function(autograph=False, jit_compile=True, reduce_retracing=True)
def _solve_image(
    fused: tf.Tensor, upstream: tf.Tensor, *inputs: tf.Tensor
) -> tf.Tensor:
    """Returns H^-1 upstream for one image, `[H, W, 1]`."""
    *maps, omega, epsilon = inputs
    depth = maps[0]
    problem = fusion_problem(*(m[..., 0] for m in maps), omega=omega, epsilon=epsilon)
    correction = pad_rows(fill_rows((fused - depth)[..., 0]))
    solution = conjugate_gradient(
        normal_system(problem, correction, penalty_curvature),
        fill_rows(upstream[..., 0]),
        rtol=_RTOL[fused.dtype],
        max_iterations=_MAX_CG_ITERATIONS,
    )
    return solution.x[: tf.shape(fused)[0], :, tf.newaxis]
