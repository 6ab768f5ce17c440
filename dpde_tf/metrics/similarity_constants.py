"""Constants of SSIM (Wang et al. 2004) and GSM (Liu et al. 2012)."""

import numpy as np

WINDOW_SIZE = 11
"""SSIM: side of the Gaussian window of standard deviation 1.5, pixels."""

C1, C2 = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2
"""SSIM: constants of the article for images in [0, 255]."""

BLOCK_SIZE = 5
"""GSM: side of the blocks in which gradients are computed, pixels."""

MASKING = 200.0
"""GSM: constant of the masking effect in the article, 200 to 1000."""

LUMINANCE_WEIGHT = 0.1
"""GSM: weight of the luminance similarity, p in the article."""

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
