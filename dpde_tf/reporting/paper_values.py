"""Numbers of the paper's tables, as far as its text gives them.

The available text of the paper lacks the bodies of its tables. Numbers in its prose are
`printed`. Numbers that follow from the prose and the cited works are `implied`, and
their source says how. For all others, `find_value` returns None. Pure Python: importing
it loads no library.
"""

import dataclasses

TITLE = (
    "Xu, H. & Liu, N. (2021). Detail-preserving depth estimation from a single image "
    "based on modified fully convolutional residual network and gradient network. "
    "SN Applied Sciences 3:893, doi 10.1007/s42452-021-04882-0."
)
EPOCHS = 30
"""Training epochs of the depth network (Sect. 4.2)."""

SPLIT_SIZES = {
    "nyu_depth_v2": {"train": 795, "test": 654},
    "make3d": {"train": 400, "test": 134},
    "middlebury": {"simple": 35},
}
"""Numbers of images (Sect. 4.1)."""

IMAGE_SIZES = {"nyu_depth_v2": (240, 320), "make3d": (460, 345)}
"""Height and width of the training images (Sect. 4.1)."""

DATASET_TABLES = {"make3d": 1, "nyu_depth_v2": 2, "middlebury": 3}
"""Number of the table that scores a data set."""

TABLE_TITLES = {
    1: "Make3D",
    2: "NYU Depth v2",
    3: "Middlebury",
    4: "ablation on NYU Depth v2",
    5: "numbers of parameters",
}


@dataclasses.dataclass(frozen=True)
class PaperValue:
    """One number of a table of the paper.

    Attributes:
        table: Number of the table.
        row: `fcrn`, `modified_fcrn` (without the gradient stream), `dpde`, or a
            competitor of Table 2.
        column: Name in `metrics.METRIC_NAMES`, or `ssim`, `gsm`, `parameter_ratio`.
        value: The number; depths in metres.
        status: `printed` or `implied`.
        source: Sentence that gives the number, or how it follows.
    """

    table: int
    row: str
    column: str
    value: float
    status: str
    source: str


_GAIN = "Sect. 4.3, gain over FCRN in percent, on FCRN's published value"
_RMS_GAPS = "Sect. 4.3, RMS gaps to the competitors, on DPDE's 0.562"
_ABLATION = "Sect. 4.4, text on Table 4"
_MIDDLEBURY = "Sect. 4.3, text on Table 3, which prints five numbers for six measures"


def _rows(
    table: int, row: str, status: str, source: str, **columns: float
) -> tuple[PaperValue, ...]:
    """Values of one row that share status and source."""
    return tuple(
        PaperValue(table, row, column, value, status, source)
        for column, value in columns.items()
    )


PAPER_VALUES: tuple[PaperValue, ...] = (
    *_rows(2, "dpde", "printed", _ABLATION, rms=0.562),
    # 5.5 % of 0.055, 3 % of 0.127, 3 %, 1.2 % and 0.3 % of 0.811, 0.953, 0.988.
    *_rows(2, "dpde", "implied", _GAIN, log10=0.052, rel=0.123),
    *_rows(2, "dpde", "implied", _GAIN, delta1=0.835, delta2=0.964, delta3=0.991),
    *_rows(2, "modified_fcrn", "printed", _ABLATION, rms=0.569),
    *_rows(
        2, "modified_fcrn", "implied", "Rel: 0.002 above DPDE's, same text", rel=0.125
    ),
    *_rows(2, "fcrn", "implied", _RMS_GAPS, rms=0.573),
    *_rows(2, "fcrn", "implied", "cited from Laina et al. (2016)", rel=0.127),
    *_rows(2, "karsch_2014", "implied", _RMS_GAPS, rms=1.200),
    *_rows(2, "eigen_2014", "implied", _RMS_GAPS, rms=0.907),
    *_rows(2, "liu_2015", "implied", _RMS_GAPS, rms=0.824),
    *_rows(2, "li_2015", "implied", _RMS_GAPS, rms=0.821),
    *_rows(2, "wang_2015", "implied", _RMS_GAPS, rms=0.745),
    *_rows(2, "xu_2017", "implied", _RMS_GAPS, rms=0.586),
    *_rows(2, "tu_2021", "implied", _RMS_GAPS, rms=0.579),
    *_rows(
        3,
        "dpde",
        "printed",
        _MIDDLEBURY,
        rms=0.684,
        log10=0.068,
        rel=0.206,
        ssim=0.942,
        gsm=0.988,
    ),
    *_rows(4, "fcrn", "implied", "the same network as in Table 2", rms=0.573),
    *_rows(4, "modified_fcrn", "printed", _ABLATION, rms=0.569),
    *_rows(
        4, "modified_fcrn", "implied", "Rel: 0.002 above DPDE's, same text", rel=0.125
    ),
    *_rows(4, "dpde", "printed", _ABLATION, rms=0.562),
    *_rows(4, "dpde", "implied", _GAIN, rel=0.123),
    *_rows(5, "fcrn", "printed", "Sect. 4.4, text on Table 5", parameter_ratio=76.0),
)

GRADIENT_STREAM_GAINS = {
    ("make3d", "log10"): 0.005,
    ("make3d", "rel"): 0.002,
    ("nyu_depth_v2", "rms"): 0.007,
    ("nyu_depth_v2", "rel"): 0.002,
}
"""Improvement by the gradient stream, by data set and measure; printed in Sects. 4.3
(Make3D) and 4.4 (NYU Depth v2)."""


def row_values(table: int, row: str) -> dict[str, PaperValue]:
    """Returns the numbers of a row of a table of the paper.

    Args:
        table: Number of the table.
        row: Row, see `PaperValue`.

    Returns:
        Values by column, as far as the text prints or implies them.

    Source: Xu & Liu (2021), Tables 1-5.
    """
    return {v.column: v for v in PAPER_VALUES if (v.table, v.row) == (table, row)}


def find_value(table: int, row: str, column: str) -> PaperValue | None:
    """Returns a number of a table of the paper.

    Args:
        table: Number of the table.
        row: Row, see `PaperValue`.
        column: Column, see `PaperValue`.

    Returns:
        The value, or None if the text neither prints nor implies it.

    Source: Xu & Liu (2021), Tables 1-5.
    """
    return row_values(table, row).get(column)


def changes(dataset: str, before: str, after: str) -> dict[str, float]:
    """Returns the changes that the paper attributes to a part of the method.

    Args:
        dataset: Key of `SPLIT_SIZES`.
        before: Row without the part, see `PaperValue`.
        after: Row with the part.

    Returns:
        Differences by measure, as far as the text gives them.

    Source: Xu & Liu (2021), Tables 1, 2 and 4.
    """
    if (before, after) == ("modified_fcrn", "dpde"):
        gains = GRADIENT_STREAM_GAINS.items()
        return {column: -gain for (data, column), gain in gains if data == dataset}
    table = DATASET_TABLES.get(dataset)
    first, second = (row_values(table, row) for row in (before, after))
    return {c: second[c].value - first[c].value for c in first if c in second}
