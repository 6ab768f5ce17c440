"""Candidates brought into correspondence with an image."""

import cv2
import numpy as np

_PATCH = 9
"""Side of the patches whose colours are compared, pixels."""


def warp_candidates(
    image: np.ndarray, images: np.ndarray, depths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns candidates that are warped onto an image by dense optical flow.

    Args:
        image: RGB, uint8 `[H, W, 3]`.
        images: RGB of the candidates, uint8 `[K, H, W, 3]`.
        depths: Their depth in metres, float32 `[K, H, W]`.

    Returns:
        The depths of the warped candidates, metres, float32 `[K, H, W]`; and the mean
        difference of the colours around each pixel, in [0, 1], `[K, H, W]`.

    Source: DIS flow of Kroeger et al. (2016), in the place of SIFT flow.
    """
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    rows, columns = np.indices(gray.shape, np.float32)
    warped, errors = [], []
    for candidate, depth in zip(images, depths, strict=True):
        other = cv2.cvtColor(candidate, cv2.COLOR_RGB2GRAY)
        motion = flow.calc(gray, other, None)
        maps = columns + motion[..., 0], rows + motion[..., 1]
        seen = _sampled(candidate, maps)
        difference = cv2.absdiff(image, seen).mean(axis=2, dtype=np.float32) / 255.0
        errors.append(cv2.blur(difference, (_PATCH, _PATCH)))
        warped.append(_sampled(depth, maps))
    return np.stack(warped), np.stack(errors)


def _sampled(picture: np.ndarray, maps: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The picture at given columns and rows; beyond its border, the border."""
    return cv2.remap(picture, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
