"""Units: relative depth to metres, or to the scale of depth gradients.

A network for relative depth gives an unknown affine function of the depth, or of the
inverse depth (disparity). Depth gradients in metres per pixel can be fused with it
after one of two steps: the depth is aligned with some depth in metres
(`align_to_reference`), or its scale is found from the gradients (`gradient_scale`); its
shift does not matter to them.
"""

import numpy as np

from dpde_tf.metrics.alignment import align_depth

REFERENCE_ALIGNMENTS = ("median", "least_squares", "least_squares_disparity")


def align_to_reference(
    reference: np.ndarray, predicted: np.ndarray, *, alignment: str
) -> np.ndarray:
    """Returns relative depth in the metres of a reference.

    `median` multiplies depth that is known up to a scale; `least_squares` also shifts
    affine-invariant depth. `least_squares_disparity` takes affine-invariant inverse
    depth, scales and shifts it to the least squared error in 1 / reference, and caps
    the depth at the greatest of the reference.

    Args:
        reference: Metres, `[H, W]`, dense or sparse; 0 = no measurement.
        predicted: Relative depth or inverse depth, `[H, W]`; NaN = no value.
        alignment: One of `REFERENCE_ALIGNMENTS`.

    Returns:
        Metres, `[H, W]`; NaN where `predicted` is, and not positive where the
        alignment puts a pixel behind the camera.

    Raises:
        ValueError: If the shapes differ, no scale follows from the pixels that have
            both values, or the depth falls where the reference rises.

    Source: Zhou et al. (2017) for `median`, Ranftl et al. (2020) for the others.
    """
    if reference.shape != predicted.shape:
        raise ValueError(
            "The reference must have the size of the depth map. Received: "
            f"{reference.shape} and {predicted.shape}."
        )
    valid_mask = (reference > 0) & np.isfinite(predicted)
    if alignment == "median":
        valid_mask &= predicted > 0
    _check_samples(predicted[valid_mask], alignment)
    if alignment != "least_squares_disparity":
        aligned = align_depth(reference, predicted, valid_mask, alignment=alignment)
        _check_sense(predicted, aligned, valid_mask, "least_squares_disparity")
        return aligned
    inverse = 1.0 / np.where(reference > 0, reference, np.inf)
    aligned = align_depth(inverse, predicted, valid_mask, alignment="least_squares")
    _check_sense(predicted, aligned, valid_mask, "least_squares")
    return 1.0 / np.maximum(aligned, inverse[inverse > 0].min())


def gradient_scale(
    depth: np.ndarray, gradient_x: np.ndarray, gradient_y: np.ndarray
) -> float:
    """Returns the number of units of a relative depth map per metre of the gradients.

    It is the ratio of the total variations, sum |grad depth| / sum |G|, over the
    differences known in both. Blurred and displaced edges keep their total variation,
    whereas a regression of one gradient on the other would take them for a smaller
    scale.

    Args:
        depth: Affine-invariant depth, `[H, W]`; NaN = no value.
        gradient_x: Metres per pixel, `[H, W]`; NaN = unknown.
        gradient_y: Metres per pixel, `[H, W]`; NaN = unknown.

    Returns:
        Units per metre, positive.

    Raises:
        ValueError: If one of the two is flat, or they run against each other.
    """
    steps = [np.diff(depth.astype(np.float64), axis=axis) for axis in (1, 0)]
    inner = gradient_x[:, :-1], gradient_y[:-1]
    known = [np.isfinite(s) & np.isfinite(g) for s, g in zip(steps, inner, strict=True)]
    own, given = (
        np.concatenate([m[k] for m, k in zip(maps, known, strict=True)])
        for maps in (steps, inner)
    )
    given = given.astype(np.float64)
    variation, given_variation = np.abs(own).sum(), np.abs(given).sum()
    if not (variation > 0 and given_variation > 0):
        raise ValueError(
            "The scale of relative depth follows from gradients only where both vary. "
            f"Received: total variations of {variation:.3g} and {given_variation:.3g}."
        )
    if not own @ given > 0:
        raise ValueError(
            "The depth falls where the gradients rise: it may be inverse depth. "
            "Convert it first; `dpde fuse` does with a `reference` and "
            "`align=least_squares_disparity`."
        )
    return float(variation / given_variation)


def _check_samples(samples: np.ndarray, alignment: str) -> None:
    """Refuses samples from which the alignment cannot tell a scale."""
    needed = 1 if alignment == "median" else 2
    found = np.unique(samples).size
    if found < needed:
        raise ValueError(
            f"Alignment by {alignment} needs {needed} or more pixels of different "
            f"depth that also have a reference. Received: {found}."
        )


def _check_sense(
    predicted: np.ndarray, aligned: np.ndarray, valid_mask: np.ndarray, other: str
) -> None:
    """Refuses an alignment that turns near and far round."""
    values = predicted[valid_mask]
    low, high = np.argmin(values), np.argmax(values)
    if aligned[valid_mask][low] > aligned[valid_mask][high]:
        raise ValueError(
            "The depth falls where the reference rises: files of inverse depth need "
            "`align=least_squares_disparity`, files of depth `align=least_squares`. "
            f"Try `align={other}`."
        )
