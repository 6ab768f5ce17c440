"""Computes the measures of one image under protocols."""

import math
from collections.abc import Iterable, Mapping

import cv2
import numpy as np

from dpde_tf import metrics
from dpde_tf.evaluation.protocols import Protocol
from dpde_tf.files.orientation import check_orientation
from dpde_tf.metrics.alignment import align_depth

# Tolerance for the float32 weights of bilinear samples.
_ROUNDING = 1e-5
# Names of the two maps that must have the same orientation.
_SIDES = {"of": "ground truth", "to_turn": "prediction"}

Scores = dict[tuple[str, str], np.ndarray]
"""Sums of the measures by (name of the protocol, key of the predicted array)."""


def compared_size(protocol: Protocol, shape: tuple[int, int]) -> tuple[int, int]:
    """Returns the size at which a ground truth is compared under a protocol.

    Args:
        protocol: Protocol to score under.
        shape: (height, width) of the ground truth.

    Returns:
        (height, width) of the protocol, or of the ground truth if it is smaller or has
        another aspect ratio.
    """
    size = protocol.size
    if size is None or shape[0] * size[1] != shape[1] * size[0] or shape[0] < size[0]:
        return shape
    return size


def compared_region(protocol: Protocol, size: tuple[int, int]) -> tuple[slice, slice]:
    """Returns the rows and columns that are compared, scaled from the protocol's size.

    Args:
        protocol: Protocol to score under.
        size: (height, width) at which depths are compared.

    Returns:
        Slices of rows and of columns, both with bounds.
    """
    if protocol.crop is None:
        return slice(0, size[0]), slice(0, size[1])
    top, bottom, left, right = protocol.crop
    rows, columns = (new / old for new, old in zip(size, protocol.size, strict=True))
    return (
        slice(round(top * rows), round(bottom * rows)),
        slice(round(left * columns), round(right * columns)),
    )


def region_note(protocol: Protocol, shape: tuple[int, int]) -> str | None:
    """Returns how the size of a ground truth changes the comparison.

    Args:
        protocol: Protocol to score under.
        shape: (height, width) of the ground truth.

    Returns:
        One or two sentences, or None if the protocol applies unchanged.
    """
    size = compared_size(protocol, shape)
    if protocol.size in (None, size):
        return None
    note = (
        f"The ground truth is {shape[0]}x{shape[1]}: compared at that size, not at "
        f"{protocol.size[0]}x{protocol.size[1]}."
    )
    if protocol.crop is not None:
        rows, columns = compared_region(protocol, size)
        note += (
            f" The crop is scaled to rows {rows.start} to {rows.stop - 1} and columns "
            f"{columns.start} to {columns.stop - 1}."
        )
    return note


def score_image(
    ground_truth: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    protocols: Iterable[Protocol],
    *,
    depth_range: float | str,
) -> Scores:
    """Returns the sums of all measures of one image.

    Protocols that lead to the same comparison of this image are computed once.

    Args:
        ground_truth: Depth in metres, `[H, W]`; 0 = no measurement.
        predictions: Depth in metres by key, `[h, w]` of any size.
        protocols: Protocols to score under.
        depth_range: Depth that SSIM and GSM show as 255: metres, `image` or `robust`;
            see `metrics.similarity.similarity_range`.

    Returns:
        Sums `[metrics.NUM_SUMS]` for each protocol and key; all 0 if no pixel is
        compared.

    Raises:
        ValueError: If a prediction is not finite where it is compared, lies on its
            side, or cannot be aligned; the message names the key.

    Source: Xu & Liu (2021), Sect. 4.3; resized as Laina et al. (2016) do.
    """
    scores: Scores = {}
    known: dict[tuple, dict[str, np.ndarray]] = {}
    for protocol in protocols:
        size = compared_size(protocol, ground_truth.shape)
        region = compared_region(protocol, size)
        truth = _resize_truth(ground_truth, size, protocol.interpolation)[region]
        mask = _range_mask(truth, protocol)
        same = (
            *(truth.tobytes(), mask.tobytes(), size, region[0].start, region[1].start),
            *(truth.shape, protocol.clip, protocol.alignment),
        )
        if same not in known:
            measures = metrics.ImageMeasures(truth, mask, depth_range=depth_range)
            known[same] = {}
            for key, predicted in predictions.items():
                try:
                    check_orientation(ground_truth.shape, predicted.shape, **_SIDES)
                    depth = _resize(predicted, size)[region]
                    depth = _prepare(truth, depth, mask, protocol)
                    known[same][key] = measures.sums(depth)
                except ValueError as error:
                    raise ValueError(f"{key!r}: {error}") from error
        for key, sums in known[same].items():
            scores[protocol.name, key] = sums
    return scores


def _range_mask(truth: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Mask of the pixels whose true depth is in the range of the protocol."""
    low = protocol.min_depth
    high = math.inf if protocol.max_depth is None else protocol.max_depth
    inside = (truth > low) & (truth < high)
    if protocol.inclusive:
        # Compare in float32 like the depth: 0.7 has no exact float32 value.
        inside |= (truth == truth.dtype.type(low)) | (truth == truth.dtype.type(high))
    return inside & (truth > 0)


def _prepare(
    truth: np.ndarray, depth: np.ndarray, mask: np.ndarray, protocol: Protocol
) -> np.ndarray:
    """The prediction after alignment and clipping."""
    if protocol.alignment == "least_squares_disparity":
        depth = np.maximum(depth, metrics.MIN_DEPTH)  # It has no disparity otherwise.
    if np.any(mask):
        depth = align_depth(truth, depth, mask, alignment=protocol.alignment)
    return depth if protocol.clip is None else np.clip(depth, *protocol.clip)


def _resize(depth: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes a map bilinearly between pixel centres."""
    if depth.shape == size:
        return depth
    return cv2.resize(depth, size[::-1], interpolation=cv2.INTER_LINEAR)


def _resize_truth(
    depth: np.ndarray, size: tuple[int, int], interpolation: str
) -> np.ndarray:
    """Resizes measured depth; 0 where an unmeasured pixel contributes."""
    if depth.shape == size:
        return depth
    if interpolation == "nearest":
        # EXACT takes the pixel below and to the right of an even centre, as PIL does.
        return cv2.resize(depth, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    holes = _resize((depth <= 0).astype(np.float32), size)
    return np.where(holes < _ROUNDING, _resize(depth, size), depth.dtype.type(0))
