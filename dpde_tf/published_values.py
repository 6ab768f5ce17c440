"""The methods that the paper compares with, and what was published of them.

Only numbers whose source was read are here, most of them in the work itself; where it
was another work that quotes them, the source says so. Pure Python, as `paper_values`.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Method:
    """A method that the paper compares with.

    Attributes:
        name: As in `PublishedValue.method`, and in the rows of `paper_values`.
        title: Authors and year.
        reference: Number in the paper's list of references.
        tables: Tables in whose text or figure (3, 4, 5 for 1, 2, 3) the paper names it.
    """

    name: str
    title: str
    reference: int
    tables: tuple[int, ...]


METHODS = (
    Method("qin_2016", "Qin et al. (2016)", 4, (1,)),
    Method("li_2015", "Li et al. (2015)", 8, (2,)),
    Method("karsch_2014", "Karsch et al. (2014), Depth Transfer", 11, (1, 2, 3)),
    Method("choi_2015", "Choi et al. (2015), Depth Analogy", 12, (2, 3)),
    Method("herrera_2018", "Herrera et al. (2018)", 14, (1, 2)),
    Method("mohaghegh_2018", "Mohaghegh et al. (2018)", 15, (1, 2)),
    Method("liu_2021", "Liu et al. (2021)", 16, (2,)),
    Method("fang_2016", "Fang et al. (2016), Structured Forest", 19, (1,)),
    Method("eigen_2014", "Eigen et al. (2014)", 20, (2,)),
    Method("liu_2015", "Liu et al. (2015), DCNF", 22, (1, 2, 3)),
    Method("fcrn", "Laina et al. (2016), FCRN", 23, (1, 2, 3)),
    Method("tu_2021", "Tu et al. (2021)", 27, (2,)),
    Method("xu_2017", "Xu et al. (2017), MS-CRF", 35, (1, 2)),
    Method("carvalho_2018", "Carvalho et al. (2018), D3-Net", 36, (2,)),
    Method("moukari_2018", "Moukari et al. (2018)", 37, (2,)),
    Method("wang_2015", "Wang et al. (2015)", 38, (2,)),
    Method("ma_2020", "Ma et al. (2020)", 39, (2,)),
    # In the list of references alone; of its tables, 2 is the one with the most.
    Method("lo_2020", "Lo et al. (2020)", 40, (2,)),
    Method("alhashim_2018", "Alhashim & Wonka (2018), DenseDepth", 43, (3,)),
)


@dataclasses.dataclass(frozen=True)
class PublishedValue:
    """One number that another work publishes.

    Attributes:
        method: A name of `METHODS`.
        dataset: As in `paper_values.SPLIT_SIZES`.
        column: A name of `metrics.METRIC_NAMES`.
        value: The number; depths in metres.
        source: Where it stands.
        protocol: How it was measured.
        comparable: The names in `protocols.PROTOCOLS` that come near; maybe none.
        status: Always `printed`.
    """

    method: str
    dataset: str
    column: str
    value: float
    source: str
    protocol: str
    comparable: tuple[str, ...] = ()
    status: str = "printed"


def _values(
    method: str,
    dataset: str,
    source: str,
    protocol: str,
    comparable: tuple[str, ...] = (),
    **columns: float,
) -> tuple[PublishedValue, ...]:
    """Values of one method that share data set, source and protocol."""
    return tuple(
        PublishedValue(method, dataset, column, value, source, protocol, comparable)
        for column, value in columns.items()
    )


_LAINA = "Laina et al. (2016)"
_FCRN_README = "README of irolaina/FCRN-DepthPrediction"
_EIGEN = "Eigen et al. (2014), Table 1"
_EIGEN_PROTOCOL = (
    "test images with filled depth (694, says the text) in the network's centre crop, "
    "predictions enlarged to the full size; trained on 120 000 raw frames"
)
_BESIDE_FCRN = "not stated there; beside FCRN's, which are of depths under 70 m"
_ARXIV_INDEX = "wizwand.com, page of arXiv 1704.02157"
_ALHASHIM = "quoted by Turkmen & Akgun (2025), Mathematics 13:2567, Table 2"

PUBLISHED_VALUES: tuple[PublishedValue, ...] = (
    *_values(
        "fcrn",
        "nyu_depth_v2",
        _LAINA,
        "654 test images at 480x640, filled depth, no crop, no cap, pooled over pixels",
        ("fcrn", "paper"),
        **{"rms": 0.573, "rel": 0.127, "log10": 0.055},
        **{"delta1": 0.811, "delta2": 0.953, "delta3": 0.988},
    ),
    *_values(
        "fcrn",
        "nyu_depth_v2",
        "Laina et al., recomputed",
        "the released predictions by the same protocol in double precision, from "
        "issue 42 of irolaina/FCRN-DepthPrediction, where the author agrees that it is "
        "needed",
        ("fcrn", "paper"),
        **{"rms": 0.589, "rel": 0.136},
    ),
    *_values(
        "fcrn",
        "make3d",
        _LAINA,
        "134 test images at 460x345, 0 < depth < 70 m, pooled over pixels; numbers of "
        f"the {_FCRN_README}",
        ("c1",),
        **{"rms": 4.45, "rel": 0.175, "log10": 0.072},
    ),
    *_values(
        "eigen_2014",
        "nyu_depth_v2",
        _EIGEN,
        _EIGEN_PROTOCOL,
        **{"rms": 0.907, "rms_log": 0.285, "rel": 0.215},
        **{"delta1": 0.611, "delta2": 0.887, "delta3": 0.971},
    ),
    *_values(
        "karsch_2014",
        "nyu_depth_v2",
        f"quoted by {_EIGEN}",
        "not stated there; RMS is given as 1.2",
        **{"rms": 1.2, "rel": 0.350},
    ),
    *_values(
        "li_2015",
        "make3d",
        f"quoted in the {_FCRN_README}",
        _BESIDE_FCRN,
        **{"rms": 7.19, "rel": 0.278, "log10": 0.092},
    ),
    *_values(
        "liu_2015",
        "make3d",
        f"quoted in the {_FCRN_README}",
        f"{_BESIDE_FCRN}; of the conference version (CVPR 2015)",
        **{"rms": 8.60, "rel": 0.314, "log10": 0.119},
    ),
    *_values(
        "xu_2017",
        "nyu_depth_v2",
        _ARXIV_INDEX,
        "depths of 0.7 to 10 m (issue 9 of danxuhk/ContinuousCRF-CNN); the page has "
        "0.817 for the first delta, too",
        ("mscrf",),
        **{"rms": 0.586, "rel": 0.121, "delta1": 0.811},
    ),
    *_values(
        "xu_2017",
        "make3d",
        _ARXIV_INDEX,
        "depths under 70 m (C1)",
        ("c1",),
        **{"rms": 4.38, "rel": 0.184, "log10": 0.065},
    ),
    *_values(
        "xu_2017",
        "make3d",
        f"{_ARXIV_INDEX}, C2",
        "all depths (C2)",
        ("c2",),
        **{"rel": 0.198},
    ),
    *_values(
        "alhashim_2018",
        "nyu_depth_v2",
        _ALHASHIM,
        "Eigen's crop, 0.1 to 10 m, mean over the image and its mirror image; issue 98 "
        "of ialhashim/DenseDepth finds an RMS of 0.549 with the released program",
        ("eigen",),
        **{"rms": 0.465, "rel": 0.123, "log10": 0.053},
        **{"delta1": 0.846, "delta2": 0.974, "delta3": 0.994},
    ),
)

Sources = dict[str, dict[str, PublishedValue]]
"""Source to column to value."""


def published_values(dataset: str, method: str, protocol: str | None = None) -> Sources:
    """Returns the published numbers of a method on a data set.

    Args:
        dataset: As in `paper_values.SPLIT_SIZES`.
        method: A name of `METHODS`.
        protocol: Only those that come nearest to this one of `protocols.PROTOCOLS`;
            None for all.

    Returns:
        Source to column to value; empty if there is nothing.
    """
    found: Sources = {}
    for value in PUBLISHED_VALUES:
        if (value.dataset, value.method) != (dataset, method):
            continue
        if protocol is None or protocol in value.comparable:
            found.setdefault(value.source, {})[value.column] = value
    return found


def compared_methods(table: int, dataset: str) -> tuple[Method, ...]:
    """Returns the methods of a table: those that the paper names, or with numbers.

    Args:
        table: 1, 2 or 3.
        dataset: The data set of that table.

    Returns:
        Methods by their reference number; FCRN, the baseline, is among them.
    """
    return tuple(
        method
        for method in METHODS
        if table in method.tables or published_values(dataset, method.name)
    )
