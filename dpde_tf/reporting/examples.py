"""Images that figures and reports show, with their ground truth and predictions."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from dpde_tf.metrics.pixel_errors import PixelErrors
from dpde_tf.visualization.magnification import busiest_window

GRADIENT_PERCENTILE = 98
"""Percentile of the true gradients at which the colours saturate."""


@dataclasses.dataclass(frozen=True)
class Example:
    """One image with its ground truth and predictions.

    Attributes:
        name: Name of the record.
        image: RGB, uint8 `[H, W, 3]`.
        ground_truth: Depth in metres, `[H, W]`; 0 = no measurement.
        predictions: Arrays `[H, W]` of the predictions file by method, such as `fcrn`
            and `dpde`; a method that was not run is missing.
        note: Note on how the predictions were changed, ASCII; possibly empty.
        gradient_sources: `context` or `guided` by method whose fusion takes the
            gradients of that network, which is not the paper's.
    """

    name: str
    image: np.ndarray
    ground_truth: np.ndarray
    predictions: Mapping[str, Mapping[str, np.ndarray]]
    note: str = ""
    gradient_sources: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Checks the sizes of the predictions."""
        for method, arrays in self.predictions.items():
            for key, array in arrays.items():
                if array.shape != self.ground_truth.shape:
                    raise ValueError(
                        f"{key!r} of {method} for {self.name} must have the size of "
                        f"the record, {self.ground_truth.shape}. Received: "
                        f"{array.shape}."
                    )

    @property
    def depth_range(self) -> tuple[float, float]:
        """Smallest and largest measured depth; (0, 1) without a measurement."""
        measured = self.ground_truth[self.ground_truth > 0]
        if not measured.size:
            return 0.0, 1.0
        return float(measured.min()), float(measured.max())

    @property
    def true_gradients(self) -> tuple[np.ndarray, np.ndarray]:
        """Depth gradients along x and y, metres per pixel; 0 where not measured."""
        return measured_gradients(self.ground_truth)

    def rms(self, depth: np.ndarray) -> float:
        """Returns the error of a depth map.

        Args:
            depth: Metres, `[H, W]`.

        Returns:
            RMS over the measured pixels where the depth is finite, metres; NaN if there
            are none.
        """
        known = (self.ground_truth > 0) & np.isfinite(depth)
        errors = PixelErrors(self.ground_truth, known)
        return float(PixelErrors.values(errors.sums(depth))[0])

    @property
    def gradient_limit(self) -> float:
        """Gradient at which the colours of the image saturate, metres per pixel."""
        sizes = np.hypot(*self.true_gradients)
        return max(float(np.percentile(sizes, GRADIENT_PERCENTILE)), 0.01)


def detail_of(example: Example) -> Example:
    """Returns the window of an example with the greatest variation of the true depth.

    Args:
        example: A whole image.

    Returns:
        The same with a quarter of the height and of the width.
    """
    window = detail_window(example.ground_truth)
    return dataclasses.replace(
        example,
        image=example.image[window],
        ground_truth=example.ground_truth[window],
        predictions={
            method: {key: array[window] for key, array in arrays.items()}
            for method, arrays in example.predictions.items()
        },
    )


def detail_window(ground_truth: np.ndarray) -> tuple[slice, slice]:
    """Returns the window, a quarter of each side, where the true depth varies most.

    Args:
        ground_truth: Metres, `[H, W]`; 0 = no measurement.

    Returns:
        Slices of rows and of columns; the sum of the differences between measured
        neighbours is greatest there.
    """
    variation = np.add(*np.abs(measured_gradients(ground_truth)))
    return busiest_window(variation.astype(np.float32))


def measured_gradients(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the gradients of a depth map between measured pixels.

    Args:
        depth: Metres, `[H, W]`; 0 = no measurement.

    Returns:
        Forward differences along the width and the height, `[H, W]` each; 0 where one
        of the two pixels is not measured.
    """
    measured = depth > 0
    gradient_x, gradient_y = np.zeros((2, *depth.shape))
    both = measured[:, 1:] & measured[:, :-1]
    gradient_x[:, :-1] = np.where(both, np.diff(depth, axis=1), 0)
    both = measured[1:] & measured[:-1]
    gradient_y[:-1] = np.where(both, np.diff(depth, axis=0), 0)
    return gradient_x, gradient_y
