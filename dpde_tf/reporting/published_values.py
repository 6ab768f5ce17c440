"""Methods that the paper compares with, and their published numbers.

Every number was read in its source, in most cases the work itself. Where another work
quotes it, the source says so. Pure Python, like `paper_values`.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Method:
    """A method that the paper compares with.

    Attributes:
        name: Name in `PublishedValue.method` and in the rows of `paper_values`.
        title: Authors and year.
        reference: Number in the paper's list of references.
        tables: Tables (1, 2, 3) in whose text or figure (3, 4, 5) the paper names it.
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
    # Only the list of references has 40 and 44. It is in the order of the first
    # mention: 40 is between the works of Tables 2 and 3, 44 follows 43.
    Method("lo_2020", "Lo et al. (2020)", 40, (2,)),
    Method("alhashim_2018", "Alhashim & Wonka (2018), DenseDepth", 43, (3,)),
    Method("hu_2019", "Hu et al. (2019)", 44, (3,)),
)


@dataclasses.dataclass(frozen=True)
class Source:
    """A source that was read.

    Attributes:
        title: Authors, and the place of the numbers in the source.
        address: Its URL.
    """

    title: str
    address: str


@dataclasses.dataclass(frozen=True)
class PublishedValue:
    """One number that another work publishes.

    Attributes:
        method: Name in `METHODS`.
        dataset: Key of `paper_values.SPLIT_SIZES`.
        column: Name in `metrics.METRIC_NAMES`.
        value: The number; depths in metres.
        source: Source of the number.
        protocol: Description of how it was measured.
        comparable: Names in `protocols.PROTOCOLS` that come close; possibly none.
        status: Always `printed`.
    """

    method: str
    dataset: str
    column: str
    value: float
    source: Source
    protocol: str
    comparable: tuple[str, ...] = ()
    status: str = "printed"

    @property
    def details(self) -> str:
        """Protocol and address of the source."""
        return f"{self.protocol}. {self.source.address}"


def _values(
    method: str,
    dataset: str,
    source: Source,
    protocol: str,
    comparable: tuple[str, ...] = (),
    **columns: float,
) -> tuple[PublishedValue, ...]:
    """Values of one method that share data set, source and protocol."""
    return tuple(
        PublishedValue(method, dataset, column, value, source, protocol, comparable)
        for column, value in columns.items()
    )


_FCRN_ADDRESS = "https://github.com/irolaina/FCRN-DepthPrediction"
_LAINA = Source("Laina et al. (2016)", _FCRN_ADDRESS)
_LAINA_RECOMPUTED = Source("Laina et al., recomputed", f"{_FCRN_ADDRESS}/issues/42")
_LAINA_QUOTES = Source(
    "quoted in the README of irolaina/FCRN-DepthPrediction", _FCRN_ADDRESS
)
_EIGEN = Source("Eigen et al. (2014), Table 1", "https://arxiv.org/abs/1406.2283")
_EIGEN_QUOTES = Source(f"quoted by {_EIGEN.title}", _EIGEN.address)
_KARSCH = Source(
    "Karsch et al., evaluateMake3dDataset.m",
    "https://github.com/kevinkarsch/depth-transfer",
)
_GODARD_QUOTES = Source(
    "quoted by Godard et al. (2019, Monodepth2), Table 3",
    "https://arxiv.org/abs/1806.01260",
)
_JI_QUOTES = Source(
    "quoted by Ji et al. (2021, MonoIndoor), Table 4",
    "https://arxiv.org/abs/2107.12429",
)
_FU_QUOTES = Source(
    "quoted by Fu et al. (2023, MIDNet), Table 2",
    "https://doi.org/10.1016/j.patcog.2023.109660",
)
_BHAT_QUOTES = Source(
    "quoted by Bhat et al. (2021, AdaBins), Table 2",
    "https://arxiv.org/abs/2011.14141",
)
_TURKMEN_QUOTES = Source(
    "quoted by Turkmen & Akgun (2025), Table 2", "https://doi.org/10.3390/math13162567"
)
_XU_C1 = Source(
    "wizwand.com, page of arXiv 1704.02157", "https://arxiv.org/abs/1704.02157"
)
_XU_C2 = Source(f"{_XU_C1.title}, C2", _XU_C1.address)
_TU = Source(
    "Tu et al., name of the released model",
    "https://github.com/mfrdut/"
    "Efficient-Monocular-Depth-Estimation-for-Edge-Devices-in-Internet-of-Things",
)

_EIGEN_PROTOCOL = (
    "test images with filled depth (694, says the text) in the network's centre crop, "
    "predictions enlarged to the full size; trained on 120 000 raw frames"
)
_BESIDE_FCRN = "not stated there; beside FCRN's, which are of depths under 70 m"
_GODARD_PROTOCOL = (
    "centre crop of twice the width, true depths under 70 m, mean over images; the "
    "column that is headed log10 there is left out, as their program (issue 189 of "
    "mrharicot/monodepth) computes a root mean square in it"
)
_TEST_IMAGES = "654 test images; crop and cap are not stated there"
_ON_795 = f"{_TEST_IMAGES}; trained on 795 images"
_BOTH_QUOTE = "Ji et al. (2021), Table 4, have the same"

PUBLISHED_VALUES: tuple[PublishedValue, ...] = (
    *_values(
        "fcrn",
        "nyu_depth_v2",
        _LAINA,
        "654 test images at 480x640, filled depth, no crop, no cap, pooled over "
        "pixels; the README has the errors, Bhat et al. (2021), Table 2, all six",
        ("fcrn", "paper"),
        **{"rms": 0.573, "rel": 0.127, "log10": 0.055},
        **{"delta1": 0.811, "delta2": 0.953, "delta3": 0.988},
    ),
    *_values(
        "fcrn",
        "nyu_depth_v2",
        _LAINA_RECOMPUTED,
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
        "the README",
        ("c1",),
        **{"rms": 4.45, "rel": 0.175, "log10": 0.072},
    ),
    *_values("fcrn", "make3d", _GODARD_QUOTES, _GODARD_PROTOCOL, rms=5.683, rel=0.204),
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
        _EIGEN_QUOTES,
        "not stated there; RMS is given as 1.2",
        **{"rms": 1.2, "rel": 0.350},
    ),
    *_values(
        "karsch_2014", "nyu_depth_v2", _JI_QUOTES, _TEST_IMAGES, rms=1.210, rel=0.349
    ),
    *_values(
        "karsch_2014",
        "make3d",
        _KARSCH,
        "the authors' program, which ends with what it should print: 134 test images "
        "at 460x345, all depths, mean over images",
        ("c2",),
        **{"rms": 15.1446, "rel": 0.3608, "log10": 0.1480},
    ),
    *_values(
        "karsch_2014", "make3d", _GODARD_QUOTES, _GODARD_PROTOCOL, rms=8.389, rel=0.428
    ),
    *_values(
        "li_2015",
        "nyu_depth_v2",
        _FU_QUOTES,
        f"{_ON_795}. {_BOTH_QUOTE}",
        **{"rms": 0.821, "rel": 0.232},
        **{"delta1": 0.621, "delta2": 0.886, "delta3": 0.968},
    ),
    *_values(
        "li_2015",
        "make3d",
        _LAINA_QUOTES,
        _BESIDE_FCRN,
        **{"rms": 7.19, "rel": 0.278, "log10": 0.092},
    ),
    *_values(
        "liu_2015",
        "nyu_depth_v2",
        _FU_QUOTES,
        f"{_ON_795}; cited there as the journal version, which the paper cites, too",
        **{"rms": 0.824, "rel": 0.230},
        **{"delta1": 0.614, "delta2": 0.883, "delta3": 0.971},
    ),
    *_values(
        "liu_2015",
        "nyu_depth_v2",
        _JI_QUOTES,
        f"{_TEST_IMAGES}; cited there as the conference version (CVPR 2015)",
        **{"rms": 0.759, "rel": 0.213},
        **{"delta1": 0.650, "delta2": 0.906, "delta3": 0.976},
    ),
    *_values(
        "liu_2015",
        "make3d",
        _LAINA_QUOTES,
        f"{_BESIDE_FCRN}; of the conference version (CVPR 2015)",
        **{"rms": 8.60, "rel": 0.314, "log10": 0.119},
    ),
    *_values(
        "tu_2021",
        "nyu_depth_v2",
        _TU,
        "the README calls this model the pruned one, its commands take it for the "
        "whole one (the other has 0.597); their program compares the centre of 224x224 "
        "of 240x320, depths over 0, mean over images",
        rms=0.579,
    ),
    *_values(
        "xu_2017",
        "nyu_depth_v2",
        _FU_QUOTES,
        "depths of 0.7 to 10 m (issue 9 of danxuhk/ContinuousCRF-CNN), trained on "
        "95 000 images; the page of arXiv 1704.02157 on wizwand.com has the same "
        "errors, and 0.811 and 0.817 for the first delta",
        ("mscrf",),
        **{"rms": 0.586, "rel": 0.121},
        **{"delta1": 0.811, "delta2": 0.954, "delta3": 0.987},
    ),
    *_values(
        "xu_2017",
        "make3d",
        _XU_C1,
        "depths under 70 m (C1)",
        ("c1",),
        **{"rms": 4.38, "rel": 0.184, "log10": 0.065},
    ),
    *_values("xu_2017", "make3d", _XU_C2, "all depths (C2)", ("c2",), rel=0.198),
    *_values(
        "wang_2015",
        "nyu_depth_v2",
        _FU_QUOTES,
        f"{_ON_795}. {_BOTH_QUOTE}, without the RMS of logarithms",
        **{"rms": 0.745, "rms_log": 0.262, "rel": 0.220},
        **{"delta1": 0.605, "delta2": 0.890, "delta3": 0.970},
    ),
    *_values(
        "alhashim_2018",
        "nyu_depth_v2",
        _TURKMEN_QUOTES,
        "Eigen's crop, 0.1 to 10 m, mean over the image and its mirror image; issue 98 "
        "of ialhashim/DenseDepth finds an RMS of 0.549 with the released program",
        ("eigen",),
        **{"rms": 0.465, "rel": 0.123, "log10": 0.053},
        **{"delta1": 0.846, "delta2": 0.974, "delta3": 0.994},
    ),
    *_values(
        "hu_2019",
        "nyu_depth_v2",
        _BHAT_QUOTES,
        "as their work gives it, says the source; the authors' program "
        "(JunjH/Revisiting_Single_Depth_Estimation) compares the centre of 228x304 of "
        "240x320, pooled, with its SENet-154",
        ("hu",),
        **{"rms": 0.530, "rel": 0.115, "log10": 0.050},
        **{"delta1": 0.866, "delta2": 0.975, "delta3": 0.993},
    ),
)

Sources = dict[str, dict[str, PublishedValue]]
"""Values by title of the source and by column."""


def published_values(dataset: str, method: str, protocol: str | None = None) -> Sources:
    """Returns the published numbers of a method on a data set.

    Args:
        dataset: Key of `paper_values.SPLIT_SIZES`.
        method: Name in `METHODS`.
        protocol: Name in `protocols.PROTOCOLS`; only the numbers measured most closely
            to it are returned. None for all.

    Returns:
        Values by title of the source and by column; empty if none are published.
    """
    found: Sources = {}
    for value in PUBLISHED_VALUES:
        if (value.dataset, value.method) != (dataset, method):
            continue
        if protocol is None or protocol in value.comparable:
            found.setdefault(value.source.title, {})[value.column] = value
    return found


def compared_methods(table: int, dataset: str) -> tuple[Method, ...]:
    """Returns the methods of a table: those that the paper names or that have numbers.

    Args:
        table: 1, 2 or 3.
        dataset: The data set of that table.

    Returns:
        Methods in the order of their reference numbers, including the baseline FCRN.
    """
    return tuple(
        method
        for method in METHODS
        if table in method.tables or published_values(dataset, method.name)
    )
