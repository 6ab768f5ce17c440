"""Compares the derivative of the fused depth with finite differences."""

import numpy as np
import scipy.sparse.linalg
import tensorflow as tf

from dpde_tf.fusion import fuse_depth_and_gradients
from experiments.benchmarks import fusion_baselines as baselines

NAMES = ("depth", "gradient_x", "gradient_y", "omega", "epsilon")
_TO_THE_LAST_DIGITS = {"num_irls_iterations": 300, "cg_rtol": 1e-3, "relaxation": 1.5}
_NEWTON_STEPS = 6


def relative_errors(
    maps: tuple[np.ndarray, np.ndarray, np.ndarray], step: float = 1e-6
) -> dict[str, float]:
    """Returns the relative errors of the derivatives by all inputs, in float64.

    Each derivative is taken of a randomly weighted sum of the fused depth, along a
    random direction of the input. The minima for the difference quotient are found by
    Newton's method with SciPy, independently of the fusion.

    Args:
        maps: Depth and gradients `[H, W]`.
        step: Step of the difference quotient, relative to the direction.

    Returns:
        |derivative / difference quotient - 1| by input.
    """
    rng = np.random.default_rng(0)
    inputs = [m.astype(np.float64) for m in maps]
    inputs += [np.array(baselines.OMEGA), np.array(baselines.EPSILON)]
    weights = rng.standard_normal(maps[0].shape)
    tensors = [tf.constant(value) for value in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        fused = _fused(tensors)
        loss = tf.reduce_sum(weights * fused)
    start = fused.numpy() - inputs[0]
    errors = {}
    for index, by_input in enumerate(tape.gradient(loss, tensors)):
        # Scalars change relative to their value, maps by metres (per pixel).
        shape = inputs[index].shape
        direction = rng.standard_normal(shape) if shape else inputs[index]
        ends = []
        for length in (step, -step):
            moved = list(inputs)
            moved[index] = inputs[index] + length * direction
            ends.append(np.sum(weights * _minimum(moved, start)))
        quotient = (ends[0] - ends[1]) / (2 * step)
        errors[NAMES[index]] = abs(np.sum(by_input * direction) / quotient - 1)
    return errors


def format_errors(errors: dict[str, float]) -> str:
    """Returns the errors as a sentence.

    Args:
        errors: Result of `relative_errors`.

    Returns:
        A sentence.
    """
    parts = ", ".join(f"{name} {error:.0e}" for name, error in errors.items())
    return f"Derivatives against finite differences, relative errors: {parts}."


def _fused(inputs: list[tf.Tensor]) -> tf.Tensor:
    """The minimum found by the fusion, `[H, W]`."""
    *maps, omega, epsilon = inputs
    result = fuse_depth_and_gradients(
        *(m[tf.newaxis, ..., tf.newaxis] for m in maps),
        omega=omega,
        epsilon=epsilon,
        **_TO_THE_LAST_DIGITS,
    )
    return result.depth[0, ..., 0]


def _minimum(inputs: list[np.ndarray], start: np.ndarray) -> np.ndarray:
    """The minimum found by Newton's method from a nearby start."""
    *maps, omega, epsilon = inputs
    problem = baselines.Problem(*maps, omega=float(omega), epsilon=float(epsilon))
    u = start
    for _ in range(_NEWTON_STEPS):
        hessian, descent = problem.system(u, newton=True)
        change = scipy.sparse.linalg.spsolve(hessian.tocsc(), descent)
        u = u + change.reshape(u.shape)
    return maps[0] + u
