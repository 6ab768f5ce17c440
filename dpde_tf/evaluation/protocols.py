"""Evaluation protocols: which pixels are compared, and after which alignment.

A protocol is plain data. The published scores of one network differ more between
protocols than the scores of different papers do, so each score is stored under its
protocol. Predictions cover the whole image; those of another size are resized
bilinearly.
"""

import dataclasses

from dpde_tf.metrics.alignment import ALIGNMENTS

_FULL, _HALF = (480, 640), (240, 320)


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Rules for comparing predicted with measured depth.

    Attributes:
        name: Name for `--protocol`.
        description: Sentence for the report.
        source: Publication or program that evaluates in this way.
        dataset: Data set that the protocol is for; None = any.
        split: Split that the protocol is for; None = any.
        size: (height, width) at which depths are compared. A ground truth that is
            smaller or has another aspect ratio is compared at its own size; None =
            always at its own size.
        interpolation: Method for downsampling a larger ground truth: `bilinear` or
            `nearest`.
        crop: First and last (exclusive) row and column at `size`; None = whole image.
        min_depth: Metres; pixels with a true depth up to this limit are left out.
        max_depth: Metres; pixels at or beyond this depth are left out; None = no limit.
        inclusive: Whether the two limits themselves are compared.
        clip: Range to which predictions are clipped, metres; None = only a lower limit,
            `metrics.MIN_DEPTH`.
        alignment: One of `ALIGNMENTS`; see `dpde_tf.metrics.alignment.align_depth`.
        mean: Mean that the source reports: `pooled` over all pixels, or
            `per_image_mean`. Both are always computed.
    """

    name: str
    description: str
    source: str
    dataset: str | None = None
    split: str | None = None
    size: tuple[int, int] | None = None
    interpolation: str = "bilinear"
    crop: tuple[int, int, int, int] | None = None
    min_depth: float = 0.0
    max_depth: float | None = None
    inclusive: bool = False
    clip: tuple[float, float] | None = None
    alignment: str = "none"
    mean: str = "pooled"

    def __post_init__(self) -> None:
        """Checks the names, and that a crop comes with its size."""
        for field, words in (
            ("interpolation", ("bilinear", "nearest")),
            ("alignment", ALIGNMENTS),
            ("mean", ("pooled", "per_image_mean")),
        ):
            if (word := getattr(self, field)) not in words:
                raise ValueError(
                    f"`{field}` must be one of {words}. Received: {word!r}."
                )
        if self.crop is not None and self.size is None:
            raise ValueError("A `crop` needs the `size` at which it is defined.")


PAPER = Protocol(
    name="paper",
    description="All measured pixels at 240x320, the size of the NYU records (sets "
    "that are smaller or of another shape: at theirs); no crop, no cap, pooled.",
    source="Xu & Liu (2021), Sect. 4; crop, cap and pooling are not mentioned there",
    size=_HALF,
)
FCRN = Protocol(
    name="fcrn",
    description="480x640, filled depth; no mask, no crop, no cap, pooled.",
    source="Laina et al. (2016), evaluation of irolaina/FCRN-DepthPrediction, in "
    "double precision (issue 42 there)",
    dataset="nyu_depth_v2",
    size=_FULL,
)
HARSANYI = Protocol(
    name="harsanyi",
    description="The centre of 466x582 of 480x640, filled depth; no cap, pooled.",
    source="Harsanyi et al. (2018), compute_errors.py of "
    "karoly-hars/DE_resnet_unet_hyb, whose predictions are of that centre alone",
    dataset="nyu_depth_v2",
    size=_FULL,
    crop=(7, 473, 29, 611),
)
EIGEN = Protocol(
    name="eigen",
    description="Rows 45 to 470 and columns 41 to 600 of 480x640, between 1 mm and "
    "10 m, predictions clipped to that; mean over images.",
    source="crop of Eigen et al. (2014); Lee et al. (2019, BTS) and Bhat et al. (2021, "
    "AdaBins), who take the raw depth, with its holes",
    dataset="nyu_depth_v2",
    size=_FULL,
    crop=(45, 471, 41, 601),
    min_depth=1e-3,
    max_depth=10.0,
    clip=(1e-3, 10.0),
    mean="per_image_mean",
)
HU = Protocol(
    name="hu",
    description="The centre of 228x304 of 240x320, shrunk to the nearest pixel; no "
    "mask, no cap, pooled.",
    source="Hu et al. (2019), test.py of JunjH/Revisiting_Single_Depth_Estimation, "
    "whose network sees that centre alone",
    dataset="nyu_depth_v2",
    size=_HALF,
    interpolation="nearest",
    crop=(6, 234, 8, 312),
)
MSCRF = Protocol(
    name="mscrf",
    description="480x640, from 0.7 to 10 m; no crop, pooled.",
    source="Xu et al. (2017), issue 9 of danxuhk/ContinuousCRF-CNN: the range alone",
    dataset="nyu_depth_v2",
    size=_FULL,
    min_depth=0.7,
    max_depth=10.0,
    inclusive=True,
)
C1 = Protocol(
    name="c1",
    description="Measured pixels nearer than 70 m (criterion C1), pooled.",
    source="Liu et al. (2014); as Laina et al. (2016) evaluate, at 460x345",
    dataset="make3d",
    max_depth=70.0,
)
C2 = Protocol(
    name="c2",
    description="All measured pixels, up to the scanner's 81 m (criterion C2), pooled.",
    source="Liu et al. (2014)",
    dataset="make3d",
)
CALIBRATED = Protocol(
    name="calibrated",
    description="All pixels with a disparity; depth by the calibration of the set "
    "(2005, 2006); predictions as they are, in metres.",
    source="Scharstein & Pal (2007): 3740 px x 160 mm / (disparity + dmin)",
    dataset="middlebury",
    split="calibrated",
)
SIMPLE = Protocol(
    name="simple",
    description="All pixels with a disparity; depth by simple division; predictions as "
    "they are, in metres.",
    source="Xu & Liu (2021), Table 3; constant and alignment are not given there",
    dataset="middlebury",
    split="simple",
)

_ALIGNED = (
    (
        "median",
        "scaled so that its median is that of the ground truth",
        "Zhou et al. (2017)",
    ),
    (
        "least_squares",
        "scaled and shifted to the least squared error in depth",
        "after Ranftl et al. (2020), there in disparity",
    ),
    (
        "least_squares_disparity",
        "scaled and shifted to the least squared error in 1 / depth",
        "Ranftl et al. (2020)",
    ),
)


def _aligned(base: Protocol) -> list[Protocol]:
    """One variant of the protocol for each alignment."""
    kept = base.description.split("; predictions")[0]
    return [
        dataclasses.replace(
            base,
            name=f"{base.name}_{alignment}",
            description=f"{kept}; each prediction {words}.",
            source=f"{base.source}; alignment: {source}",
            alignment=alignment,
        )
        for alignment, words, source in _ALIGNED
    ]


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        *(PAPER, FCRN, HARSANYI, EIGEN, HU, MSCRF, C1, C2),
        *(CALIBRATED, *_aligned(CALIBRATED)),
        *(SIMPLE, *_aligned(SIMPLE)),
    )
}


def find_protocol(name: str) -> Protocol:
    """Returns the protocol with a given name.

    Args:
        name: Key of `PROTOCOLS`.

    Returns:
        The protocol.

    Raises:
        ValueError: If the name is unknown.
    """
    if name not in PROTOCOLS:
        known = ", ".join(PROTOCOLS)
        raise ValueError(
            f"Unknown protocol {name!r}. Choose a `protocol` among: all, {known}."
        )
    return PROTOCOLS[name]


def choose_protocols(names: list[str], *, dataset: str, split: str) -> list[Protocol]:
    """Returns protocols by name; `all` stands for all that fit the data.

    Args:
        names: Keys of `PROTOCOLS`, or `all`.
        dataset: Data set of the records.
        split: Split of the records.

    Returns:
        The protocols without repetitions.

    Raises:
        ValueError: If a protocol is unknown or is for another split of this data set.
    """
    chosen = {}
    for name in names:
        for protocol in PROTOCOLS.values() if name == "all" else [find_protocol(name)]:
            other_split = protocol.split not in (None, split)
            other_data = protocol.dataset not in (None, dataset)
            if name == "all" and (other_data or other_split):
                continue
            if other_split and not other_data:
                raise ValueError(
                    f"Protocol {name!r} is for the split {protocol.split!r} of "
                    f"{dataset}, whose depth differs from that of {split!r}. Give "
                    f"`split={protocol.split}`, or another `protocol`."
                )
            chosen[protocol.name] = protocol
    return list(chosen.values())
