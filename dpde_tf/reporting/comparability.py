"""Scores with which the paper's numbers may be compared.

Pure Python, like `paper_values`.
"""

from dpde_tf.reporting import paper_values, published_values
from dpde_tf.reporting.paper_values import PaperValue
from dpde_tf.reporting.published_values import PublishedValue

PAPER = "the paper"
"""Name of the paper as a source of numbers."""

_TEST_SPLITS = {"nyu_depth_v2": "test", "make3d": "test", "middlebury": "simple"}
_PROTOCOLS = {
    "nyu_depth_v2": ("paper",),
    "make3d": ("paper", "c1", "c2"),
    "middlebury": ("simple",),
}
"""Protocols without alignment; the paper does not say which one it uses for Make3D."""


def paper_split(dataset: str) -> str | None:
    """Returns the split that the paper scores, or None for other data sets.

    Args:
        dataset: Key of `paper_values.SPLIT_SIZES`.

    Returns:
        Name of the split, such as `test`.
    """
    return _TEST_SPLITS.get(dataset)


def is_paper_split(summary: dict | None, dataset: str) -> bool:
    """Returns whether scores belong to the split that the paper scores.

    Args:
        summary: Content of a `summary.json`, or None if nothing is scored.
        dataset: Key of `paper_values.SPLIT_SIZES`.

    Returns:
        Also True if nothing is scored, so that published numbers are shown alone.
    """
    return summary is None or summary["split"] == paper_split(dataset)


def is_paper_protocol(protocol: str, dataset: str) -> bool:
    """Returns whether the paper may have used a protocol.

    Args:
        protocol: Name in `protocols.PROTOCOLS`.
        dataset: Key of `paper_values.SPLIT_SIZES`.

    Returns:
        False for protocols that align predictions and for those of other data sets.
    """
    return protocol in paper_protocols(dataset)


def paper_protocols(dataset: str) -> tuple[str, ...]:
    """Returns the protocols that the paper may have used.

    Args:
        dataset: Key of `paper_values.SPLIT_SIZES`.

    Returns:
        Names in `protocols.PROTOCOLS`.
    """
    return _PROTOCOLS.get(dataset, ())


def references(
    summary: dict | None, dataset: str, *, protocol: str, row: str
) -> dict[str, dict[str, PaperValue | PublishedValue]]:
    """Returns the published numbers to compare with the scores of a method.

    Args:
        summary: Content of the method's `summary.json`, or None.
        dataset: Key of `paper_values.SPLIT_SIZES`.
        protocol: Name in `protocols.PROTOCOLS`.
        row: Method, as a row of `paper_values`.

    Returns:
        Values by source and measure; the paper comes last, even without numbers.
    """
    if not is_paper_split(summary, dataset):
        return {}
    found = dict(published_values.published_values(dataset, row, protocol))
    if is_paper_protocol(protocol, dataset):
        table = paper_values.DATASET_TABLES[dataset]
        found[PAPER] = paper_values.row_values(table, row)
    return found
