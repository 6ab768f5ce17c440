"""Substitutes for the depth gradients of the gradient network.

They show how much the gradients of the network contribute: zero gradients only smooth
the depth, and true gradients give the best depth that the fusion can reach.
"""

import cv2
import numpy as np
import tensorflow as tf

from dpde_tf.fusion.image_gradients import image_gradients, image_gradients_mask

Gradients = tuple[np.ndarray, np.ndarray]
"""`gradient_x` and `gradient_y`, metres per pixel, float32 `[H, W]`."""


def zero_gradients(depth: np.ndarray) -> Gradients:
    """Returns the gradients of a constant depth.

    Args:
        depth: Any map of the wanted size, `[H, W]`.

    Returns:
        Zeros; fusion with them is total-variation smoothing.
    """
    return np.zeros(depth.shape, np.float32), np.zeros(depth.shape, np.float32)


def true_gradients(ground_truth: np.ndarray) -> Gradients:
    """Returns the gradients of the ground truth.

    Args:
        ground_truth: Metres, `[H, W]`; 0 = no measurement.

    Returns:
        The gradients; NaN where one of the two pixels is not measured.
    """
    batch = tf.constant(ground_truth[np.newaxis, ..., np.newaxis], tf.float32)
    masks = image_gradients_mask(batch > 0)
    gradient_x, gradient_y = (
        np.where(mask, gradient, np.float32(np.nan))[0, ..., 0]
        for mask, gradient in zip(masks, image_gradients(batch), strict=True)
    )
    return gradient_x, gradient_y


def map_gradients(values: np.ndarray) -> np.ndarray:
    """Returns the gradients of a map without holes.

    Args:
        values: Map, `[H, W]`.

    Returns:
        `gradient_x` and `gradient_y`, in the unit of the map per pixel, float32
        `[2, H, W]`.
    """
    batch = tf.constant(values[np.newaxis, ..., np.newaxis], tf.float32)
    return np.stack([gradient[0, ..., 0] for gradient in image_gradients(batch)])


def luminance_gradients(image: np.ndarray, depth: np.ndarray) -> Gradients:
    """Returns the gradients of the luminance of an image, in metres per pixel.

    The luminance is scaled so that its total variation equals that of the depth: one
    unit (black to white) is sum |grad d| / sum |grad Y| metres. Its sign, brighter or
    darker for farther, is the one that agrees better with the depth.

    Args:
        image: RGB, uint8 `[H, W, 3]`.
        depth: Predicted depth in metres, `[H, W]`.

    Returns:
        The gradients; zeros for a uniform image.

    Raises:
        ValueError: If the sizes differ.
    """
    if image.shape[:2] != depth.shape:
        raise ValueError(
            "Image and depth must have the same size. Received: "
            f"{image.shape[:2]} and {depth.shape}."
        )
    luminance = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) / np.float32(255)
    own, given = map_gradients(depth), map_gradients(luminance)
    variation = np.abs(given).sum(dtype=np.float64)
    if variation == 0:
        return zero_gradients(depth)
    scale = np.abs(own).sum(dtype=np.float64) / variation
    sign = -1 if np.sum(own * given, dtype=np.float64) < 0 else 1
    gradient_x, gradient_y = np.float32(sign * scale) * given
    return gradient_x, gradient_y
