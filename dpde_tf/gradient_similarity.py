"""GSM, the gradient similarity index of two grey images.

Liu, A., Lin, W. & Narwaria, M. (2012). Image quality assessment based on gradient
similarity. IEEE Transactions on Image Processing 21(4), 1500-1512.

No program of the authors and no values to compare with were found. Formulas and
constants are the article's as the library vIQA repeats them; three points are readings
of ours:

- the gradient is the mean over the block, |weighted sum| / 25 (the article's "mean2");
- blocks that reach beyond the image are left out;
- two flat blocks, 0 / 0 in the formula, are equal: 1.
"""

import numpy as np
import tensorflow as tf

from dpde_tf.grey_image_pair import grey_image_pair
from dpde_tf.similarity_constants import BLOCK_SIZE, KERNELS, LUMINANCE_WEIGHT, MASKING


def gsm(
    reference: tf.Tensor, distorted: tf.Tensor, *, max_value: float = 255.0
) -> tf.Tensor:
    """Returns the gradient similarity index of each pair of images.

    The mean over all pixels of q = (1 - W) g + W e, with W = p g. The contrast
    similarity is g = (2 (1 - R) + K) / (1 + (1 - R)^2 + K) of the two gradients, where
    R = |g_1 - g_2| / max(g_1, g_2) and K = 200 / max(g_1, g_2) is the masking. The
    luminance similarity is e = 1 - ((x_1 - x_2) / 255)^2.

    Tested against a worked example and a SciPy version that computes R and K block by
    block, and by its properties.

    Args:
        reference: In [0, max_value], `[B, H, W, 1]`, H and W at least 5.
        distorted: As `reference`; the two may be exchanged.
        max_value: What 255 stands for, in the unit of the images; one value for a
            whole data set.

    Returns:
        In [0, 1], 1 for identical images, float64 `[B]`.

    Raises:
        ValueError: If the shapes differ, or one is not as above, or `max_value` <= 0.

    Source: Liu et al. (2012), Sect. III.
    """
    pair = grey_image_pair(
        reference, distorted, max_value=max_value, min_size=BLOCK_SIZE
    )
    gradients = [_gradient(image) for image in pair]
    larger = tf.maximum(*gradients)
    # g with numerator and denominator times max^2: 0 / 0 only where both are flat.
    masking = MASKING * larger
    contrast = (2.0 * gradients[0] * gradients[1] + masking) / tf.where(
        larger > 0.0, gradients[0] ** 2 + gradients[1] ** 2 + masking, 1.0
    )
    contrast = tf.where(larger > 0.0, contrast, 1.0)
    margin = BLOCK_SIZE // 2
    difference = (pair[0] - pair[1])[:, margin:-margin, margin:-margin]
    luminance = 1.0 - (difference / 255.0) ** 2
    weight = LUMINANCE_WEIGHT * contrast
    quality = (1.0 - weight) * contrast + weight * luminance
    return tf.reduce_mean(quality, axis=[1, 2, 3])


def _gradient(image: tf.Tensor) -> tf.Tensor:
    """The largest mean of a block's weighted differences, of four directions."""
    kernels = np.stack(KERNELS, axis=-1)[:, :, None] / BLOCK_SIZE**2
    responses = tf.nn.conv2d(image, kernels.astype(np.float64), 1, "VALID")
    return tf.reduce_max(tf.abs(responses), axis=-1, keepdims=True)
