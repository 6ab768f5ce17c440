"""Fusion of batches of depth maps with depth gradients."""

import collections
import functools

import tensorflow as tf

from dpde_tf.fusion.implicit_gradient import image_of, with_gradient
from dpde_tf.fusion.input_checks import (
    checked_confidence,
    checked_depth,
    checked_map,
    checked_scalar,
    missing_axes,
    with_axes,
)
from dpde_tf.fusion.irls_steps import (
    FusionResult,
    IRLSParameters,
    fuse_image,
    fuse_image_with_xla,
    fuse_image_without_xla,
)

# Options that reach the minimum fastest: an energy within about 1e-4 of the lowest, in
# about 12 steps of 7 iterations.
TO_CONVERGENCE = {
    "num_irls_iterations": 100,
    "tolerance": 2e-5,
    "cg_rtol": 0.3,
    "relaxation": 1.5,
}


# Defaults of `fuse_depth_and_gradients`; the paper gives no values.
_CG_RTOL = 1e-4
_MAX_CG_ITERATIONS = 1000
# Number of images of a size from which compiling with XLA pays off, since compiling
# takes as long as it saves on 13 images; and the number so far by size and type.
XLA_FROM = 16
_num_images: collections.Counter = collections.Counter()


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
    cg_rtol: float | tf.Tensor = _CG_RTOL,
    max_cg_iterations: int | tf.Tensor = _MAX_CG_ITERATIONS,
    relaxation: float | tf.Tensor = 1.0,
    jit_compile: bool | None = None,
) -> FusionResult:
    """Returns the depth that agrees best with a depth map and with gradients.

    Minimises E(d) = sum_p phi(d - d_est) + omega [phi(grad_x d - G_x) +
    phi(grad_y d - G_y)], phi(x) = sqrt(x^2 + epsilon), starting at d = d_est. There is
    no gradient in the last column and row; the input values there must be finite, and
    are otherwise ignored.

    By default, omega is the paper's, and epsilon and the ten steps, each to the minimum
    of its parabolas, are those of Karsch et al. (2014). Pass
    `**dpde_tf.fusion.TO_CONVERGENCE` to get close to the minimum in the shortest time.

    The fused depth is differentiable with respect to depth, gradients, confidences,
    omega and epsilon, once and in reverse mode; the other results are not. The
    derivative is that of the minimum, computed at the result. It is exact once the
    energy has converged. After ten steps, the result is near the minimum, and the
    derivative is near that of the ten steps; they differ most where a pixel is still
    moving across a depth discontinuity.

    Args:
        depth: d_est in metres, `[B, H, W, 1]`, `[B, H, W]` or `[H, W]`, float32 or
            float64. All other maps have the same shape.
        gradient_x: G_x along the width in metres per pixel, like `depth`.
        gradient_y: G_y along the height in metres per pixel, like `depth`.
        omega: Weight of the gradient terms, > 0.
        epsilon: Constant of the penalty in square metres, > 0.
        num_irls_iterations: Number of IRLS steps, >= 1.
        confidence: Weight of the depth term of each pixel, >= 0, like `depth`; None for
            1. Where it is 0, in a hole, only the gradients determine the depth.
        gradient_confidence: Weight of the gradient terms: one map for both directions,
            or a pair (x, y); None for 1.
        tolerance: Relative decrease of the energy at or below which an image stops; 0
            stops it only if the energy does not decrease.
        cg_rtol: Relative tolerance of each linear system, > 0.
        max_cg_iterations: Largest number of iterations for each linear system.
        relaxation: Length of a step, in ]0, 2[: 1 is IRLS, 1.5 needs fewer steps.
        jit_compile: Whether to compile the fusion with XLA, which takes seconds for
            each image size. Without XLA, an image takes three times as long. None
            compiles from the sixteenth image of a size on, and always in a graph.

    Returns:
        A `FusionResult`; its depth has the shape of `depth`, and without a batch axis
        the other fields have none either. With XLA, the graph is compiled
        once for each image size and type. A new value of a scalar needs no compilation,
        except for `num_irls_iterations`, which is part of a shape.

    Raises:
        ValueError: If a shape or a type is wrong, a scalar is out of range, or a map
            holds NaN or infinity (in a graph: `tf.errors.InvalidArgumentError`).

    Source: Xu & Liu (2021), Eq. 5; solved as by Karsch et al. (2014).
    """
    added = missing_axes(depth)
    expand = functools.partial(with_axes, axes=added)
    pair = gradient_confidence
    if not isinstance(pair, tuple | list):
        pair = (pair, pair)
    if len(pair) != 2:
        raise ValueError(
            "`gradient_confidence` must be one map or a pair (x, y). Received: "
            f"{len(pair)} maps."
        )
    depth = checked_depth(expand(depth))
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
        checked_map(expand(gradient_x), "gradient_x", depth),
        checked_map(expand(gradient_y), "gradient_y", depth),
        checked_confidence(expand(confidence), "confidence", depth),
        checked_confidence(expand(pair[0]), "gradient_confidence", depth),
        checked_confidence(expand(pair[1]), "gradient_confidence", depth),
    )
    result = _fuse(
        tuple(tf.stop_gradient(m) for m in maps),
        IRLSParameters(*(tf.stop_gradient(p) for p in parameters)),
        num_irls_iterations,
        _pays(depth) if jit_compile is None else jit_compile,
    )
    fused = with_gradient(result.depth, *maps, parameters.omega, parameters.epsilon)
    if 0 in added:
        result = FusionResult(*(field[0] for field in result))
    return result._replace(depth=tf.squeeze(fused, added) if added else fused)


def fuse_in_graph(
    depth: tf.Tensor,
    gradient_x: tf.Tensor,
    gradient_y: tf.Tensor,
    *,
    omega: float,
    epsilon: float,
    num_irls_iterations: int,
    tolerance: float = 0.0,
    energy_type: tf.DType = tf.float64,
) -> tf.Tensor:
    """Returns the fused depth of one image as a part of a larger graph.

    This is `fuse_depth_and_gradients` without checks, XLA and derivatives, which graphs
    for other runtimes do not support.

    Args:
        depth: d_est in metres, float32 `[1, H, W, 1]`.
        gradient_x: G_x in metres per pixel, like `depth`.
        gradient_y: G_y in metres per pixel, like `depth`.
        omega: Weight of the gradient terms.
        epsilon: Constant of the penalty in square metres.
        num_irls_iterations: Number of IRLS steps.
        tolerance: Relative decrease of the energy at or below which the steps stop.
        energy_type: Type of the energy: float64, or float32 for runtimes without
            float64.

    Returns:
        Metres, float32 `[1, H, W, 1]`.

    Source: Xu & Liu (2021), Eq. 5; solved as by Karsch et al. (2014).
    """
    parameters = IRLSParameters(
        omega=tf.constant(omega, tf.float32),
        epsilon=tf.constant(epsilon, tf.float32),
        tolerance=tf.constant(tolerance, energy_type),
        cg_rtol=tf.constant(_CG_RTOL, tf.float32),
        max_cg_iterations=tf.constant(_MAX_CG_ITERATIONS, tf.int32),
        relaxation=tf.constant(1.0, tf.float32),
    )
    ones = tf.ones_like(depth[0])
    maps = (depth[0], gradient_x[0], gradient_y[0], ones, ones, ones)
    fused = fuse_image(maps, parameters, num_irls_iterations)
    return tf.expand_dims(fused.depth, 0)


def _pays(depth: tf.Tensor) -> bool:
    """Counts the images of this size; returns whether compiling the fusion pays off."""
    if not tf.executing_eagerly():
        return True
    kind = (*depth.shape[1:3], depth.dtype)
    _num_images[kind] += depth.shape[0]
    return _num_images[kind] >= XLA_FROM


def _fuse(
    maps: tuple[tf.Tensor, ...],
    parameters: IRLSParameters,
    num_irls_iterations: int,
    jit_compile: bool,
) -> FusionResult:
    """Fuses a batch."""
    options = parameters, num_irls_iterations
    if jit_compile or maps[0].shape[0] != 1 or not tf.executing_eagerly():
        return _fuse_batch(maps, *options, jit_compile)
    image = tuple(image_of(m, 0, maps[0]) for m in maps)
    return _as_batch(fuse_image_without_xla(image, *options))


@tf.function(autograph=False, reduce_retracing=True)
def _fuse_batch(
    maps: tuple[tf.Tensor, ...],
    parameters: IRLSParameters,
    num_irls_iterations: int,
    jit_compile: bool,
) -> FusionResult:
    """Fuses image by image, two at a time."""
    depth = maps[0]

    def fuse(index: int | tf.Tensor) -> FusionResult:
        image = tuple(image_of(m, index, depth) for m in maps)
        one = fuse_image_with_xla if jit_compile else fuse_image
        return one(image, parameters, num_irls_iterations)

    if depth.shape[0] == 1:  # Skipping the loop saves half a millisecond.
        return _as_batch(fuse(0))
    return tf.map_fn(
        fuse,
        tf.range(tf.shape(depth)[0]),
        fn_output_signature=FusionResult(depth.dtype, tf.float64, tf.int32, tf.bool),
        parallel_iterations=2,
    )


def _as_batch(image: FusionResult) -> FusionResult:
    """One image as a batch."""
    return FusionResult(*(value[tf.newaxis] for value in image))
