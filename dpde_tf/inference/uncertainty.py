"""The uncertainty of depth, from the disagreement of two networks.

The depth network and the context network were trained separately. The error of the
fused depth is larger on average where their depths differ more, and where the scene is
farther away. The uncertainty is the expected error in metres,

    u = constant + per_difference * |d_depth - d_context| + per_depth * d,

where d is the mean of the two depths, at least 0. `fit_uncertainty` finds the
coefficients on images with true depth.
"""

from collections.abc import Sequence

import numpy as np
import scipy  # Its parts are loaded when they are first used.
import tensorflow as tf

from dpde_tf.config import UncertaintyConfig


def expected_error(
    depth: tf.Tensor | np.ndarray,
    context_depth: tf.Tensor | np.ndarray,
    config: UncertaintyConfig,
) -> tf.Tensor:
    """Returns the mean error to be expected of each pixel of the fused depth.

    Args:
        depth: Of the depth network, metres, of any shape.
        context_depth: Of the context network, like `depth`.
        config: The coefficients.

    Returns:
        Metres, float32, of the shape of `depth`.
    """
    terms = _terms(tf.cast(depth, tf.float32), tf.cast(context_depth, tf.float32))
    coefficients = (
        config.uncertainty_constant,
        config.uncertainty_per_difference,
        config.uncertainty_per_depth,
    )
    return tf.add_n([c * term for c, term in zip(coefficients, terms, strict=True)])


def fit_uncertainty(
    depth: Sequence[np.ndarray],
    context_depth: Sequence[np.ndarray],
    error: Sequence[np.ndarray],
) -> UncertaintyConfig:
    """Returns the coefficients that fit the error best, by least squares.

    The least-squares fit estimates the conditional mean, so that pixels with
    uncertainty u have an error of u on average.

    Args:
        depth: Of the depth network, metres, one `[N]` per image: its measured pixels.
        context_depth: Of the context network, the same pixels.
        error: |fused depth - true depth| in metres, the same pixels.

    Returns:
        Coefficients, none of them negative.

    Raises:
        ValueError: If there is no pixel.
    """
    gram, product = np.zeros((3, 3)), np.zeros(3)
    for one, other, size in zip(depth, context_depth, error, strict=True):
        terms = np.stack(_terms(one.astype(np.float64), other)).astype(np.float64)
        gram += terms @ terms.T
        product += terms @ size.astype(np.float64)
    if not gram[0, 0]:
        raise ValueError("A fit of the uncertainty needs pixels with true depth.")
    # |A x - b| is least where |L^T x - L^-1 A^T b| is, with A^T A = L L^T.
    lower = np.linalg.cholesky(gram + 1e-12 * np.trace(gram) * np.eye(3))
    found, _ = scipy.optimize.nnls(lower.T, np.linalg.solve(lower, product))
    return UncertaintyConfig(*map(float, found))


def _terms(
    depth: tf.Tensor | np.ndarray, context_depth: tf.Tensor | np.ndarray
) -> list[tf.Tensor]:
    """1, the difference and the depth; depth is not negative."""
    return [
        tf.ones_like(depth),
        tf.abs(depth - context_depth),
        tf.maximum((depth + context_depth) / 2.0, 0.0),
    ]
