"""Searches that found no published number.

Pure Python, like `published_values`, which lists the numbers that were found.
"""

PLACES = "public source code, documentation, threads of issues and web pages"
"""Places that were searched; of most web pages, only the first part could be read."""


_NOTHING = "neither its text nor a work that quotes it"

SEARCHES = {
    "qin_2016": (
        ("Qin depth estimation", "parameter transfer with a lightweight model"),
        _NOTHING,
    ),
    "choi_2015": (
        (
            "Depth Analogy",
            "Choi, Min, Ham: data-driven approach for single image depth estimation",
            "estimation using gradient samples",
        ),
        "an abstract of another work of its authors",
    ),
    "herrera_2018": (
        (
            "Herrera, del-Blanco, García: automatic depth extraction from 2D images",
            "cluster-based learning framework",
        ),
        _NOTHING,
    ),
    "mohaghegh_2018": (
        (
            "Mohaghegh, Karimi, Soroushmehr",
            "aggregation of rich depth-aware features",
            "modified stacked generalization",
        ),
        _NOTHING,
    ),
    "liu_2021": (
        (
            "Liu, Lei, Zhu: single-image depth estimation",
            "refined segmentation and consistency reconstruction",
        ),
        _NOTHING,
    ),
    "fang_2016": (("fast depth estimation", "using structured forest"), _NOTHING),
    "carvalho_2018": (
        (
            "Carvalho et al.",
            "D3-Net",
            "On regression losses for deep depth estimation",
        ),
        "its program (marcelampc/d3net_depth_estimation) and the first page of its "
        "text (hal-01925321), both without scores",
    ),
    "moukari_2018": (
        (
            "Moukari, Picard, Simon, Jurie",
            "deep multi-scale architectures for monocular depth estimation",
        ),
        _NOTHING,
    ),
    "ma_2020": (
        (
            "Ma, Niu, Hu: deep multi-scale convolutional neural network method",
            "neural network method for depth estimation from a single image",
        ),
        _NOTHING,
    ),
    "lo_2020": (
        (
            "Lo, Chiu, Luo: depth estimation from single image",
            "multi-path-multi-rate diverse feature extractor",
        ),
        _NOTHING,
    ),
    "middlebury": (
        (
            "single image depth estimation Middlebury SSIM GSM",
            "trained on NYU, tested on Middlebury: Depth Transfer, DCNF, FCRN, "
            "DenseDepth",
            "Middlebury stereo dataset (MID)",
        ),
        "no work besides the paper that scores it on these images",
    ),
}
"""Search terms, and what was found instead, by method, or by data set if none of its
methods has numbers."""


def search_text(dataset: str, method: str) -> str:
    """Returns a description of an unsuccessful search.

    Args:
        dataset: Key of `paper_values.SPLIT_SIZES`.
        method: Name in `published_values.METHODS` without numbers on the data set.

    Returns:
        Text without a full stop at its end.

    Raises:
        ValueError: If no search is recorded.
    """
    search = SEARCHES.get(method) or SEARCHES.get(dataset)
    if search is None:
        raise ValueError(
            f"{method!r} has no published number on {dataset!r}, and "
            "`published_searches.SEARCHES` does not say what was searched for. Add a "
            "number to `published_values.PUBLISHED_VALUES`, or the search."
        )
    terms, instead = search
    quoted = ", ".join(f'"{term}"' for term in terms)
    return f"searched for {quoted}; found {instead}"
