"""SSIM, the structural similarity index of two grey images.

Wang, Z., Bovik, A. C., Sheikh, H. R. & Simoncelli, E. P. (2004). Image quality
assessment: from error visibility to structural similarity. IEEE Transactions on Image
Processing 13(4), 600-612.

It is the authors' ssim_index.m. Their later ssim.m takes means of F x F blocks first, F
= max(1, round(min(H, W) / 256)): the same at 240x320, 345x460 and 380x430 pixels, the
sizes at which the paper scores. `tf.image.ssim` is the same index in float32, where the
variance, a difference of two large numbers, costs it the fifth digit.
"""

import numpy as np
import tensorflow as tf

from dpde_tf.grey_image_pair import grey_image_pair
from dpde_tf.similarity_constants import C1, C2, WINDOW_SIZE


def ssim(
    reference: tf.Tensor, distorted: tf.Tensor, *, max_value: float = 255.0
) -> tf.Tensor:
    """Returns the structural similarity index of each pair of images.

    The mean over all windows that lie within the image of
    (2 m_1 m_2 + C1) (2 s_12 + C2) / ((m_1^2 + m_2^2 + C1) (s_1^2 + s_2^2 + C2)), with
    means m, variances s^2 and covariance s_12, weighted by an 11 x 11 Gaussian.

    Tested against the formula in NumPy and SciPy, against `tf.image.ssim`, and against
    the value of the authors' MATLAB program on a published pair of images (0.8202).

    Args:
        reference: In [0, max_value], `[B, H, W, 1]`, H and W at least 11.
        distorted: As `reference`; the two may be exchanged.
        max_value: What 255 stands for, in the unit of the images; one value for a
            whole data set.

    Returns:
        In [-1, 1], 1 for identical images, float64 `[B]`.

    Raises:
        ValueError: If the shapes differ, or one is not as above, or `max_value` <= 0.

    Source: Wang et al. (2004), Eq. 13.
    """
    x, y = grey_image_pair(
        reference, distorted, max_value=max_value, min_size=WINDOW_SIZE
    )
    maps = tf.concat([x, y, x * x, y * y, x * y], axis=-1)
    mean_x, mean_y, xx, yy, xy = tf.unstack(_window_means(maps), axis=-1)
    variances = xx + yy - mean_x**2 - mean_y**2
    luminance = (2.0 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    structure = (2.0 * (xy - mean_x * mean_y) + C2) / (variances + C2)
    return tf.reduce_mean(luminance * structure, axis=[1, 2])


def _window_means(maps: tf.Tensor) -> tf.Tensor:
    """Gaussian means of each channel over the windows within the image."""
    weights = np.exp(-((np.arange(WINDOW_SIZE) - WINDOW_SIZE // 2) ** 2) / (2 * 1.5**2))
    weights = np.tile(weights / weights.sum(), [maps.shape[-1], 1]).T
    for kernel in (weights[:, None], weights[None]):
        maps = tf.nn.depthwise_conv2d(maps, kernel[..., None], [1, 1, 1, 1], "VALID")
    return maps
