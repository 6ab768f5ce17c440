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


_TITLES = {
    ("fcrn", "depth"): "FCRN",
    ("dpde", "depth"): "modified FCRN",
    ("konrad_2012", "depth"): "Konrad et al., our implementation",
    ("karsch_2014", "depth"): "Depth Transfer, our implementation",
    ("choi_2015", "depth"): "Depth Analogy, our implementation",
}


def method_columns(examples: Sequence[Example], methods: Sequence[str]) -> list[Column]:
    """Returns one column per method: its fused depth, if present, or its depth.

    Args:
        examples: Images, at least one; the first one decides what a method predicted.
        methods: Names of the methods in order.

    Returns:
        Columns in the order of the methods, without those that were not run.

    Raises:
        ValueError: If no method has depth.
    """
    columns = []
    for method in methods:
        arrays = examples[0].predictions.get(method, {})
        fused = "fused" in arrays and method != "fcrn"
        columns.append(_column(examples[0], method, "fused" if fused else "depth"))
    columns = [column for column in columns if _was_run(examples[0], column)]
    if not columns:
        raise ValueError(
            "A figure needs 'depth' or 'fused' of a method. The predictions of "
            f"{', '.join(methods)} have neither for {examples[0].name!r}."
        )
    return columns


def ablation_columns(examples: Sequence[Example]) -> list[Column]:
    """Returns the columns of Fig. 8, after the input and the ground truth.

    Args:
        examples: Images, at least one; the first one decides what was predicted.

    Returns:
        FCRN, modified FCRN, gradients and DPDE, without what was not run.
    """
    parts = (
        ("fcrn", "depth"),
        ("dpde", "depth"),
        ("dpde", GRADIENTS),
        ("dpde", "fused"),
    )
    columns = [_column(examples[0], *part) for part in parts]
    return [column for column in columns if _was_run(examples[0], column)]


def missing_note(methods: Sequence[str], columns: Sequence[Column]) -> str:
    """Returns a line on the methods that a figure leaves out, possibly empty.

    Args:
        methods: Names of the methods that the figure should show.
        columns: Its columns.

    Returns:
        Text for below the figure, ASCII.
    """
    shown = {column.method for column in columns}
    titles = {name: title for (name, key), title in _TITLES.items() if key == "depth"}
    titles["dpde"] = "DPDE"
    left_out = [titles.get(m, m) for m in methods if m not in shown]
    return f"Not run: {'; '.join(left_out)}." if left_out else ""


def column_depth(example: Example, column: Column) -> np.ndarray:
    """Returns the depth of a column for an image.

    Args:
        example: Image.
        column: Column of depth.

    Returns:
        Metres, `[H, W]`.
    """
    return example.predictions[column.method][column.key]


def _column(example: Example, method: str, key: str) -> Column:
    """The column with its title."""
    ours = example.gradient_sources.get(method)
    if method == "dpde" and key == "fused":
        title = f"DPDE, {ours} network (ours)" if ours else "DPDE"
    elif key == GRADIENTS:
        title = f"gradients, {ours} network (ours)" if ours else "gradients"
    else:
        title = _TITLES.get((method, key), method)
    return Column(title, method, key)


def _was_run(example: Example, column: Column) -> bool:
    """Whether the example has the arrays of a column."""
    arrays = example.predictions.get(column.method, {})
    needed = (column.key,)
    if column.key == GRADIENTS:
        needed = ("gradient_x", "gradient_y")
    return set(needed) <= set(arrays)
