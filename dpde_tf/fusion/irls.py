"""Fusion of batches of depth maps with depth gradients."""

from typing import NamedTuple

import tensorflow as tf

from dpde_tf.fusion.implicit_gradient import image_of, with_gradient
from dpde_tf.fusion.input_checks import (
    checked_confidences,
    checked_depth,
    checked_map,
    checked_scalar,
)
from dpde_tf.fusion.irls_steps import (
    FusedImage,
    IRLSParameters,
    fuse_image,
    fuse_image_without_xla,
)

# Options for the fastest way to the minimum: to an energy within about 1e-4 of the
# lowest, in some 12 steps of 7 iterations.
TO_CONVERGENCE = {
    "num_irls_iterations": 100,
    "tolerance": 2e-5,
    "cg_rtol": 0.3,
    "relaxation": 1.5,
}


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
    cg_rtol: float | tf.Tensor = 1e-4,
    max_cg_iterations: int | tf.Tensor = 1000,
    relaxation: float | tf.Tensor = 1.0,
    jit_compile: bool = True,
) -> FusionResult:
    """Returns the depth that agrees best with a depth map and with gradients.

    Minimises E(d) = sum_p phi(d - d_est) + omega [phi(grad_x d - G_x) +
    phi(grad_y d - G_y)], phi(x) = sqrt(x^2 + epsilon), from d = d_est on. There is no
    gradient in the last column / row: what the inputs hold there is not used.

    The defaults are the paper's: ten steps, each to the minimum of its parabolas. To
    come closest to the lowest energy in the shortest time, pass `**TO_CONVERGENCE`.

    The fused depth can be differentiated by depth, gradients, confidences, omega and
    epsilon (the other results cannot). The derivative is that of the minimum, taken
    at the result. It is exact once the energy has converged; after ten steps the
    result is near the minimum, and the derivative near that of the ten steps, most
    of all where a pixel is still moving from one side of a jump to the other.

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
        cg_rtol: Part of its first residual to which each linear system is solved, > 0.
        max_cg_iterations: Bound on the iterations of each linear system.
        relaxation: Length of a step, in ]0, 2[: 1 is IRLS, 1.5 needs fewer steps.
        jit_compile: Whether XLA compiles the fusion, which takes seconds for each image
            size. False takes four times as long for an image, but starts at once.

    Returns:
        A `FusionResult`. With `jit_compile` the graph is compiled once per image size
        and type; the values of the scalars do not matter, except for
        `num_irls_iterations`, which is part of a shape.

    Raises:
        ValueError: If a shape, a type or a scalar is out of its range or a map
            holds NaN or infinity (in a graph: `tf.errors.InvalidArgumentError`).

    Source: Xu & Liu (2021), Eq. 5; solved as by Karsch et al. (2014).
    """
    depth = checked_depth(depth)
    dtype = depth.dtype
    if num_irls_iterations < 1:
        raise ValueError(
            f"`num_irls_iterations` must be >= 1. Received: {num_irls_iterations}."
        )
    parameters = IRLSParameters(
        omega=checked_scalar(omega, "omega", dtype),
        epsilon=checked_scalar(epsilon, "epsilon", dtype),
        tolerance=checked_scalar(tolerance, "tolerance", tf.float64, zero=True),
        cg_rtol=checked_scalar(cg_rtol, "cg_rtol", dtype),
        max_cg_iterations=checked_scalar(
            max_cg_iterations, "max_cg_iterations", tf.int32
        ),
        relaxation=checked_scalar(relaxation, "relaxation", dtype, below=2.0),
    )
    maps = (
        depth,
        checked_map(gradient_x, "gradient_x", depth),
        checked_map(gradient_y, "gradient_y", depth),
        *checked_confidences(confidence, gradient_confidence, depth),
    )
    result = _fuse_batch(
        tuple(tf.stop_gradient(m) for m in maps),
        IRLSParameters(*(tf.stop_gradient(p) for p in parameters)),
        num_irls_iterations,
        jit_compile,
    )
    fused = with_gradient(result.depth, *maps, parameters.omega, parameters.epsilon)
    return result._replace(depth=fused)


@tf.function(autograph=False, reduce_retracing=True)
def _fuse_batch(
    maps: tuple[tf.Tensor, ...],
    parameters: IRLSParameters,
    num_irls_iterations: int,
    jit_compile: bool,
) -> FusionResult:
    """Fuses image by image, two at a time."""
    depth = maps[0]

    def fuse(index: int | tf.Tensor) -> FusedImage:
        image = tuple(image_of(m, index, depth) for m in maps)
        one = fuse_image if jit_compile else fuse_image_without_xla
        return one(image, parameters, num_irls_iterations)

    if depth.shape[0] == 1:  # Without the loop, half a millisecond.
        return FusionResult(*(value[tf.newaxis] for value in fuse(0)))
    images = tf.map_fn(
        fuse,
        tf.range(tf.shape(depth)[0]),
        fn_output_signature=FusedImage(depth.dtype, tf.float64, tf.int32, tf.bool),
        parallel_iterations=2,
    )
    return FusionResult(*images)
