"""What a figure shows: images, their ground truth and predictions, and its columns."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

GRADIENTS = "gradients"


@dataclasses.dataclass(frozen=True)
class Example:
    """One image with its ground truth and all that was predicted for it.

    Attributes:
        name: Name of the record.
        image: RGB, uint8 `[H, W, 3]`.
        ground_truth: Depth in metres, `[H, W]`; 0 = no measurement.
        predictions: Name of a method, such as `fcrn` and `dpde`, to the arrays of its
            predictions file, `[H, W]`; a method that was not run is not there.
        note: What was done to the predictions, ASCII; empty for nothing.
    """

    name: str
    image: np.ndarray
    ground_truth: np.ndarray
    predictions: Mapping[str, Mapping[str, np.ndarray]]
    note: str = ""

    def __post_init__(self) -> None:
        """Refuses predictions of another size."""
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
        """The least and the greatest measured depth; (0, 1) if there is none."""
        measured = self.ground_truth[self.ground_truth > 0]
        if not measured.size:
            return 0.0, 1.0
        return float(measured.min()), float(measured.max())


@dataclasses.dataclass(frozen=True)
class Column:
    """One predicted thing, which a figure shows for every image.

    Attributes:
        title: Text above it, ASCII.
        method: Key of `Example.predictions`.
        key: Key of its depth, or `GRADIENTS`.
    """

    title: str
    method: str
    key: str


ABLATION = (
    Column("FCRN", "fcrn", "depth"),
    Column("modified FCRN", "dpde", "depth"),
    Column("gradients", "dpde", GRADIENTS),
    Column("DPDE", "dpde", "fused"),
)
"""Columns of Fig. 8, after the input and the ground truth."""

_TITLES = {("fcrn", "depth"): "FCRN", ("dpde", "depth"): "modified FCRN"}
_TITLES["dpde", "fused"] = "DPDE"


def method_columns(examples: Sequence[Example], methods: Sequence[str]) -> list[Column]:
    """Returns one column for each method: its fused depth if it has one.

    Args:
        examples: At least one; the first tells what a method predicted.
        methods: Names of the methods, in order; those that were not run, too.

    Returns:
        The columns.
    """
    columns = []
    for method in methods:
        arrays = examples[0].predictions.get(method, {})
        key = "fused" if "fused" in arrays or not arrays else "depth"
        if method == "fcrn":
            key = "depth"
        columns.append(Column(_TITLES.get((method, key), method), method, key))
    return columns


def column_depth(example: Example, column: Column) -> np.ndarray | None:
    """Returns the depth of a column for an image.

    Args:
        example: The image.
        column: A column of depth.

    Returns:
        Metres, `[H, W]`; None if it was not predicted.
    """
    return example.predictions.get(column.method, {}).get(column.key)
