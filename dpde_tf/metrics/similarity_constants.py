"""Constants of SSIM and GSM, for their forms in TensorFlow and in OpenCV.

SSIM: Wang et al. (2004). GSM: Liu et al. (2012). Scores and reports load no TensorFlow.
"""

import numpy as np

WINDOW_SIZE = 11
"""SSIM: pixels, of the Gaussian window of deviation 1.5."""

C1, C2 = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2
"""SSIM: the article's constants for images in [0, 255]."""

BLOCK_SIZE = 5
"""GSM: pixels, of the blocks in which gradients are taken."""

MASKING = 200.0
"""GSM, the article's constant of the masking effect, 200 to 1000."""

LUMINANCE_WEIGHT = 0.1
"""GSM, the article's p: how much of the similarity is that of the luminance."""

_VERTICAL = np.array(
    [
        [0, 1, 0, -1, 0],
        [0, 3, 0, -3, 0],
        [0, 8, 0, -8, 0],
        [0, 3, 0, -3, 0],
        [0, 1, 0, -1, 0],
    ]
)
_DIAGONAL = np.array(
    [
        [0, 0, 1, 0, 0],
        [0, 8, 3, 0, 0],
        [1, 3, 0, -3, -1],
        [0, 0, -3, -8, 0],
        [0, 0, -1, 0, 0],
    ]
)
KERNELS = (_VERTICAL, _VERTICAL.T, _DIAGONAL, _DIAGONAL[:, ::-1])
"""GSM: weights of the differences in four directions, after Chou & Li (1995)."""
