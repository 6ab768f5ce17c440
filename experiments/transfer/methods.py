"""Three ways to make one depth map of candidates."""

import cv2
import numpy as np
import scipy.fft

from dpde_tf.fusion import fuse_depth_and_gradients
from experiments.transfer.correspondence import warp_candidates
from experiments.transfer.database import Database

KONRAD_CANDIDATES = 45
"""Candidates whose median is taken, as in the article."""

KARSCH_CANDIDATES = 7
"""Candidates of Depth Transfer and of Depth Analogy; 7 as in the former's article."""

GRADIENT_WEIGHT, SMOOTHNESS, PRIOR = 10.0, 10.0, 0.5
"""gamma, alpha and beta of Depth Transfer."""

_BILATERAL = {"radius": 4, "deviation": 3.0, "contrast": 0.1}
_ERROR, _ERROR_WIDTH = 0.1, 0.02  # of colours, for the weights of candidates
_EDGE, _EDGE_WIDTH = 0.05, 0.01  # of luminance, for the smoothness


def median_of_candidates(image: np.ndarray, database: Database) -> np.ndarray:
    """Returns the median depth of similar images, smoothed along the image's edges.

    Args:
        image: RGB, uint8 `[H, W, 3]`, of the size of the database.
        database: Images with depth.

    Returns:
        Metres, float32 `[H, W]`.

    Source: Konrad et al. (2012): nearest neighbours by HOG, median, cross-bilateral
    filter.
    """
    chosen = database.nearest(image, KONRAD_CANDIDATES)
    median = np.median(database.depths[chosen], axis=0)
    return cross_bilateral(median.astype(np.float32), _luminance(image), **_BILATERAL)


def depth_transfer(image: np.ndarray, database: Database) -> np.ndarray:
    """Returns the depth that agrees with warped candidates in depth and gradients.

    The article's energy has a term for each candidate, a smoothness term and a prior.
    Here, the terms of a pixel are combined before the fusion. Its depth is the weighted
    median of the candidates and the prior, which is the mean depth of the database. Its
    gradients are the weighted medians of those of the candidates and of 0, which stands
    for the smoothness. The sums of the weights are the confidences of the fusion.

    Args:
        image: RGB, uint8 `[H, W, 3]`, of the size of the database.
        database: Images with depth.

    Returns:
        Metres, float32 `[H, W]`.

    Source: Karsch et al. (2014), Eqs. 1 to 6, with their constants, except for those of
    the weights of candidates, which compare colours and not SIFT.
    """
    chosen = database.nearest(image, KARSCH_CANDIDATES)
    depths, errors = warp_candidates(
        image, database.images[chosen], database.depths[chosen]
    )
    weights = _falling(errors, _ERROR, _ERROR_WIDTH)
    prior = np.full_like(weights[:1], PRIOR)
    depth, confidence = weighted_median(
        np.concatenate([depths, database.mean_depth[np.newaxis]]),
        np.concatenate([weights, prior]),
    )
    luminance = _luminance(image)
    gradients, confidences = [], []
    for axis in (1, 0):
        steps = forward_difference(depths, axis + 1)
        contrast = np.abs(forward_difference(luminance, axis))
        smoothness = _falling(contrast, _EDGE, _EDGE_WIDTH)[np.newaxis]
        gradient, summed = weighted_median(
            np.concatenate([steps, np.zeros_like(steps[:1])]),
            np.concatenate([weights, SMOOTHNESS / GRADIENT_WEIGHT * smoothness]),
        )
        gradients.append(gradient)
        confidences.append(summed)
    result = fuse_depth_and_gradients(
        depth,
        *gradients,
        omega=GRADIENT_WEIGHT,
        confidence=confidence,
        gradient_confidence=tuple(confidences),
    )
    return result.depth.numpy()


def depth_analogy(image: np.ndarray, database: Database) -> np.ndarray:
    """Returns the integral of the depth gradients of the best matching patches.

    Args:
        image: RGB, uint8 `[H, W, 3]`, of the size of the database.
        database: Images with depth.

    Returns:
        Metres, float32 `[H, W]`; its mean is that of the median of the candidates.

    Source: Choi et al. (2015): gradient samples of similar images, and the Poisson
    equation.
    """
    chosen = database.nearest(image, KARSCH_CANDIDATES)
    depths, errors = warp_candidates(
        image, database.images[chosen], database.depths[chosen]
    )
    best = np.argmin(errors, axis=0)[np.newaxis]
    samples = [
        np.take_along_axis(forward_difference(depths, axis), best, axis=0)[0]
        for axis in (2, 1)
    ]
    level = np.median(depths, axis=0).mean()
    return np.maximum(integrate(*samples) + level, 0.1).astype(np.float32)


CONSTANTS = {
    "konrad_candidates": KONRAD_CANDIDATES,
    "candidates": KARSCH_CANDIDATES,
    "gradient_weight": GRADIENT_WEIGHT,
    "smoothness": SMOOTHNESS,
    "prior": PRIOR,
    "bilateral": _BILATERAL,
    "error": (_ERROR, _ERROR_WIDTH),
    "edge": (_EDGE, _EDGE_WIDTH),
}
"""Constants of all methods, for the records of runs."""

METHODS = {
    "konrad_2012": median_of_candidates,
    "karsch_2014": depth_transfer,
    "choi_2015": depth_analogy,
}
"""Functions by the name of the method; the tables have rows of these names."""


def weighted_median(
    values: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the lower weighted median along the first axis.

    Args:
        values: `[K, ...]`.
        weights: Not negative, `[K, ...]`.

    Returns:
        Medians and sums of the weights, both `[...]`.
    """
    order = np.argsort(values, axis=0)
    values = np.take_along_axis(values, order, axis=0)
    summed = np.cumsum(np.take_along_axis(weights, order, axis=0), axis=0)
    first = np.argmax(summed >= 0.5 * summed[-1:], axis=0)[np.newaxis]
    return np.take_along_axis(values, first, axis=0)[0], summed[-1]


def forward_difference(maps: np.ndarray, axis: int) -> np.ndarray:
    """Returns the difference to the next pixel along an axis, 0 for the last one."""
    last = np.take(maps, [-1], axis=axis)
    return np.diff(maps, axis=axis, append=last)


def integrate(gradient_x: np.ndarray, gradient_y: np.ndarray) -> np.ndarray:
    """Returns the map of mean 0 whose differences are closest to given gradients.

    Solves the Poisson equation with free borders by cosine transforms.

    Args:
        gradient_x: Differences along the width, `[H, W]`; the last column is ignored.
        gradient_y: Differences along the height, `[H, W]`; the last row is ignored.

    Returns:
        float64 `[H, W]`.
    """
    divergence = np.zeros(gradient_x.shape)
    divergence[:, :-1] += gradient_x[:, :-1]
    divergence[:, 1:] -= gradient_x[:, :-1]
    divergence[:-1] += gradient_y[:-1]
    divergence[1:] -= gradient_y[:-1]
    rows, columns = (
        2.0 * np.cos(np.pi * np.arange(n) / n) - 2.0 for n in divergence.shape
    )
    eigenvalues = rows[:, np.newaxis] + columns
    eigenvalues[0, 0] = 1.0
    spectrum = scipy.fft.dctn(divergence, norm="ortho") / eigenvalues
    spectrum[0, 0] = 0.0
    return scipy.fft.idctn(spectrum, norm="ortho")


def cross_bilateral(
    depth: np.ndarray,
    guide: np.ndarray,
    *,
    radius: int,
    deviation: float,
    contrast: float,
) -> np.ndarray:
    """Returns a map that is smoothed where a guide is smooth.

    Args:
        depth: `[H, W]`.
        guide: Luminance in [0, 1], `[H, W]`.
        radius: Half of the side of the window, pixels.
        deviation: Standard deviation of the weights over distance, pixels.
        contrast: Standard deviation of the weights over luminance.

    Returns:
        Means of the window, weighted by distance and by likeness of the guide, `[H,
        W]`.
    """
    padded = [np.pad(m, radius, mode="edge") for m in (depth, guide)]
    height, width = depth.shape
    total, weight = np.zeros_like(depth), np.zeros_like(depth)
    for down in range(2 * radius + 1):
        for right in range(2 * radius + 1):
            window = np.s_[down : down + height, right : right + width]
            far = ((down - radius) ** 2 + (right - radius) ** 2) / deviation**2
            unlike = ((padded[1][window] - guide) / contrast) ** 2
            share = np.exp(-0.5 * (far + unlike))
            total += share * padded[0][window]
            weight += share
    return total / weight


def _luminance(image: np.ndarray) -> np.ndarray:
    """Luminance in [0, 1], float32 `[H, W]`."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0


def _falling(values: np.ndarray, middle: float, width: float) -> np.ndarray:
    """A sigmoid that falls from 1 to 0 around a value."""
    return 1.0 / (1.0 + np.exp(np.clip((values - middle) / width, -50.0, 50.0)))
