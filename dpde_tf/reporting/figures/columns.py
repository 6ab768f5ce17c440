"""Columns of a figure: the predicted maps that it shows for each image."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from dpde_tf.reporting.examples import Example

GRADIENTS = "gradients"


@dataclasses.dataclass(frozen=True)
class Column:
    """One prediction that a figure shows for every image.

    Attributes:
        title: Text above the column, ASCII.
        method: Key of `Example.predictions`.
        key: Key of the depth, or `GRADIENTS`.
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
    """Returns one column per method: its fused depth, if present, or its depth.

    Args:
        examples: Images, at least one; the first one decides what a method predicted.
        methods: Names of the methods in order, including those that were not run.

    Returns:
        Columns in the order of the methods.
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
        example: Image.
        column: Column of depth.

    Returns:
        Metres, `[H, W]`; None if not predicted.
    """
    return example.predictions.get(column.method, {}).get(column.key)
