"""`refine_depth`: the depth map of any network, sharper, in one call."""

import functools
import os

import numpy as np

from dpde_tf.config import FusionConfig, GuidedNetworkConfig
from dpde_tf.files.depth_maps import warn_of_unit
from dpde_tf.files.images import read_image
from dpde_tf.files.resizing import resize_with_holes
from dpde_tf.inference.gradient_sources import NetworkGradients, seen_size
from dpde_tf.inference.refinement import fusion_for
from dpde_tf.runs.run_folder import training_image_size
from dpde_tf.runs.trained_networks import (
    SHIPPED_REFINER_RUN,
    is_run_of,
    load_folded,
    load_gradient_network,
)


def load_network_gradients(
    run: str | os.PathLike, sharpening: float = 1.0
) -> NetworkGradients:
    """Returns the gradients of the network of a run.

    Args:
        run: Folder of a run of `experiments.train_gradient`, of any of its networks.
        sharpening: Exponent of the factor by which a guided network changes depth. A
            value above 1 sharpens edges, but distorts correct depth between them.

    Returns:
        The gradients, for `refine_depth` and for depth files.

    Raises:
        FileNotFoundError: If `run` is not the folder of a run, or has no weights yet.
        ValueError: If the run is of another network, or its weights are damaged.
    """
    if is_run_of(run, GuidedNetworkConfig):
        network = load_folded(run, GuidedNetworkConfig)
    else:
        network = load_gradient_network(run)
    return NetworkGradients(network, training_image_size(run), sharpening)


def refine_depth(
    depth: np.ndarray,
    image: np.ndarray | str | os.PathLike,
    *,
    relative: bool = False,
    gradients: NetworkGradients | None = None,
    fusion: FusionConfig | None = None,
) -> np.ndarray:
    """Returns a sharper version of any network's depth map, at the size of its image.

    Gradients are predicted from the image and fused with the depth map (Eqs. 5 and 6 of
    the paper). Holes are filled from the gradients.

    Args:
        depth: Metres, `[h, w]`, of any size; NaN, 0 and negative numbers are holes.
            With `relative`, in any unit; NaN and infinity are holes.
        image: RGB `[H, W, 3]`, uint8 or floating-point in [0, 1], or a file's path.
        relative: Whether depth is known up to a scale and a shift only.
        gradients: Of `load_network_gradients`; None for the network in the package.
        fusion: Parameters of the fusion; None for the defaults.

    Returns:
        Float32 `[H, W]`, in the unit of `depth`; NaN where nothing is known.

    Raises:
        ValueError: If an input is something else, or there is no depth at all.

    Source: Xu & Liu (2021), Eq. 5.
    """
    if isinstance(image, str | os.PathLike):
        image = read_image(image)
    image, depth = np.asarray(image), np.asarray(depth)
    if depth.dtype.kind != "f":
        raise ValueError(
            "`depth` must be an array of floating-point numbers, in metres unless "
            f"`relative`. Received: {depth.dtype}. Divide millimetres by 1000."
        )
    depth = depth.astype(np.float32)
    if depth.ndim != 2 or image.ndim != 3:
        raise ValueError(
            "`depth` must be [h, w] and `image` [H, W, 3]. Received: "
            f"{depth.shape} and {image.shape}."
        )
    known = np.isfinite(depth) if relative else depth > 0
    if not relative:
        warn_of_unit(depth, "`depth`")
    depth = np.where(known, depth, np.float32(np.nan))
    gradients = gradients or _shipped_gradients()
    size = seen_size(image.shape[:2], depth.shape, gradients.training_size)
    seen = resize_with_holes(depth, size)
    fuse = fusion_for(relative, gradients.in_unit_of_depth)
    refined = fuse(seen, *gradients(image, seen), fusion=fusion or FusionConfig())
    return resize_with_holes(refined.depth, image.shape[:2])


@functools.cache
def _shipped_gradients() -> NetworkGradients:
    """The gradients of the network in the package."""
    return load_network_gradients(SHIPPED_REFINER_RUN)
