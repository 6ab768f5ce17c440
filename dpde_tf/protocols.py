"""Evaluation protocols: which pixels are compared, and after what alignment.

A protocol is data. Published numbers of the same network differ by more than the gaps
between papers when the protocol differs, so each score is stored under its protocol.
"""

import dataclasses

import cv2
import numpy as np

from dpde_tf import metrics

ALIGNMENTS = ("none", "median", "least_squares")


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Rules of one comparison of predicted with measured depth.

    Attributes:
        name: Identifier, as given to `--protocol`.
        description: One sentence for the report.
        source: Who evaluates so.
        max_depth: Pixels at or beyond this depth (metres) are left out; None = none.
        alignment: One of `ALIGNMENTS`; see `align_depth`.
    """

    name: str
    description: str
    source: str
    max_depth: float | None = None
    alignment: str = "none"

    def __post_init__(self) -> None:
        """Refuses an unknown alignment."""
        if self.alignment not in ALIGNMENTS:
            raise ValueError(
                f"`alignment` must be one of {ALIGNMENTS}. "
                f"Received: {self.alignment!r}."
            )


PAPER = Protocol(
    name="paper",
    description="All measured pixels at the size of the records, no crop, no cap.",
    source="Xu & Liu (2021), Sect. 4; crop and cap are not mentioned there",
)
MAKE3D_C1 = Protocol(
    name="make3d_c1",
    description="Measured pixels nearer than 70 m (criterion C1).",
    source="Liu et al. (2014); used by Laina et al. (2016)",
    max_depth=70.0,
)
MAKE3D_C2 = Protocol(
    name="make3d_c2",
    description="All measured pixels, up to the scanner's 81 m (criterion C2).",
    source="Liu et al. (2014)",
)
MIDDLEBURY = Protocol(
    name="middlebury",
    description="All pixels with a disparity; predictions as they are, in metres.",
    source="Xu & Liu (2021), Table 3; alignment is not mentioned there",
)
MIDDLEBURY_MEDIAN = dataclasses.replace(
    MIDDLEBURY,
    name="middlebury_median",
    description="All pixels with a disparity; each prediction scaled so that its "
    "median is that of the ground truth.",
    source="Zhou et al. (2017)",
    alignment="median",
)
MIDDLEBURY_LEAST_SQUARES = dataclasses.replace(
    MIDDLEBURY,
    name="middlebury_least_squares",
    description="All pixels with a disparity; each prediction scaled and shifted to "
    "the least squared error in depth.",
    source="after Ranftl et al. (2020), there in disparity",
    alignment="least_squares",
)

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        PAPER,
        MAKE3D_C1,
        MAKE3D_C2,
        MIDDLEBURY,
        MIDDLEBURY_MEDIAN,
        MIDDLEBURY_LEAST_SQUARES,
    )
}


def find_protocol(name: str) -> Protocol:
    """Returns the protocol of that name.

    Args:
        name: One of the keys of `PROTOCOLS`.

    Returns:
        The protocol.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in PROTOCOLS:
        raise ValueError(
            f"There is no protocol {name!r}; --protocol knows: {', '.join(PROTOCOLS)}."
        )
    return PROTOCOLS[name]


def align_depth(
    ground_truth: np.ndarray,
    predicted: np.ndarray,
    valid_mask: np.ndarray,
    *,
    alignment: str,
) -> np.ndarray:
    """Returns the predicted depth brought to the scale of the ground truth.

    `median` multiplies by the ratio of the medians. `least_squares` applies the scale
    and the shift with the least squared error in depth, scale 0 to a constant.

    Args:
        ground_truth: Depth in metres, `[H, W]`.
        predicted: Depth in metres, `[H, W]`.
        valid_mask: Boolean `[H, W]`, the pixels that decide; True somewhere.
        alignment: `none`, `median` or `least_squares`.

    Returns:
        The aligned depth, `[H, W]`.

    Raises:
        ValueError: If the median of a prediction to be scaled is not positive.
    """
    truth = ground_truth[valid_mask].astype(np.float64)
    depth = predicted[valid_mask].astype(np.float64)
    if alignment == "median":
        median = np.median(depth)
        if not median > 0:
            raise ValueError(
                "Alignment by the median needs a prediction with a positive median. "
                f"Received: a median of {median}."
            )
        return predicted * (np.median(truth) / median)
    if alignment == "least_squares":
        centred = depth - depth.mean()
        variance = np.sum(centred**2)
        scale = np.sum(centred * truth) / variance if variance > 0 else 0.0
        return scale * (predicted - depth.mean()) + truth.mean()
    return predicted


def score_prediction(
    ground_truth: np.ndarray, predicted: np.ndarray, *, protocol: Protocol
) -> metrics.ErrorSums:
    """Returns the sums of errors of one image under a protocol.

    A prediction of another size is first resized bilinearly to the ground truth's.

    Args:
        ground_truth: Depth in metres, `[H, W]`; 0 = no measurement.
        predicted: Depth in metres, `[h, w]`.
        protocol: The rules.

    Returns:
        The sums over the compared pixels; all 0 if there is none.

    Raises:
        ValueError: If the prediction is not finite where it is compared, or cannot be
            aligned.

    Source: Xu & Liu (2021), Sect. 4.3; resized as Laina et al. (2016) do.
    """
    if predicted.shape != ground_truth.shape:
        size = ground_truth.shape[::-1]
        predicted = cv2.resize(predicted, size, interpolation=cv2.INTER_LINEAR)
    valid_mask = ground_truth > 0
    if protocol.max_depth is not None:
        valid_mask &= ground_truth < protocol.max_depth
    if np.any(valid_mask):
        predicted = align_depth(
            ground_truth, predicted, valid_mask, alignment=protocol.alignment
        )
    return metrics.image_scores(ground_truth, predicted, valid_mask=valid_mask)
