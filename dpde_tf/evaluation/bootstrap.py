"""Scores of a test set and how far they would vary with another draw of images.

Images come one by one and are not kept: each replicate of the bootstrap is a running
total, to which an image is added as often as the replicate draws it. The numbers of
draws are Poisson variables with mean 1, which is what drawing N of N images with
replacement comes to for many images, without knowing N.
"""

import numpy as np

from dpde_tf import metrics

NUM_REPLICATES = 1000
CONFIDENCE = 0.95

_BATCH = 64
_MEANS = ("pooled", "per_image_mean")


def image_draws(
    index: int, *, seed: int = 0, num_replicates: int = NUM_REPLICATES
) -> np.ndarray:
    """Returns how often each replicate draws an image.

    Args:
        index: Of the image in the test set; it gives the same draws whatever is scored,
            so that differences are paired.
        seed: Of the bootstrap.
        num_replicates: R.

    Returns:
        float64 `[1 + R]`; the first is 1, for the test set itself.

    Source: Chamandy et al. (2012), Poisson bootstrap.
    """
    draws = np.random.default_rng([seed, index]).poisson(1.0, num_replicates)
    return np.concatenate([[1.0], draws])


class ScoreTotals:
    """Running totals over images: pooled measures and means over images.

    Attributes:
        num_images: Images with a compared pixel.
        num_pixels: Compared pixels.
    """

    def __init__(self) -> None:
        """Starts without any image."""
        self.num_images = 0
        self.num_pixels = 0
        self._pooled = self._values = self._defined = 0.0
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, sums: np.ndarray, draws: np.ndarray) -> None:
        """Adds one image; one without compared pixels counts for nothing.

        Args:
            sums: Of the measures, `[metrics.NUM_SUMS]`.
            draws: As `image_draws` gives them, `[1 + R]`.
        """
        if sums[0] == 0:
            return
        self.num_images += 1
        self.num_pixels += int(sums[0])
        self._waiting.append((sums, draws))
        if len(self._waiting) == _BATCH:
            self._add_waiting()

    def _add_waiting(self) -> None:
        """Adds the images that wait to the totals; many at once are faster."""
        if not self._waiting:
            return
        sums, draws = (np.stack(part) for part in zip(*self._waiting, strict=True))
        values = metrics.measure_values(sums)
        self._pooled += draws.T @ sums
        self._values += draws.T @ np.nan_to_num(values)
        self._defined += draws.T @ np.isfinite(values).astype(np.float64)
        self._waiting.clear()

    def replicates(self, mean: str) -> np.ndarray:
        """Returns the measures of the test set and of each replicate.

        Args:
            mean: `pooled` or `per_image_mean`, which leaves out images where a measure
                is not defined.

        Returns:
            `[1 + R, M]`, in the order of `metrics.MEASURE_NAMES`; NaN = not defined.

        Raises:
            ValueError: If no pixel of any image was compared.
        """
        if self.num_images == 0:
            raise ValueError(
                "No pixel was compared, so there is no error to report: no pixel of "
                "the ground truth is measured, or none lies within the depth range."
            )
        self._add_waiting()
        if mean == "pooled":
            return metrics.measure_values(self._pooled)
        with np.errstate(invalid="ignore"):
            return self._values / self._defined

    def results(self) -> dict:
        """Returns both means with their intervals, and what they are made of.

        Returns:
            `pooled` and `per_image_mean`, measure to value; `intervals`, mean to
            measure to (low, high); `num_pixels` and `num_images`. None = not defined;
            a single image has no interval.

        Raises:
            ValueError: If no pixel of any image was compared.
        """
        found: dict = {"intervals": {}}
        for mean in _MEANS:
            replicates = self.replicates(mean)
            found[mean] = named(replicates[0])
            found["intervals"][mean] = named_intervals(replicates, self.num_images)
        counts = {"num_pixels": self.num_pixels, "num_images": self.num_images}
        return {mean: found[mean] for mean in _MEANS} | counts | found


def difference(minuend: ScoreTotals, subtrahend: ScoreTotals) -> dict:
    """Returns how the scores of two sets of predictions of the same images differ.

    The intervals are those of the paired bootstrap: both sets are drawn alike, so that
    what makes an image hard for both does not hide the difference.

    Args:
        minuend: Totals of one set.
        subtrahend: Totals of the other, of the same images.

    Returns:
        `pooled` and `per_image_mean`: measure to `difference` and `interval`; None =
        not defined.

    Raises:
        ValueError: If no pixel of any image was compared.

    Source: Efron & Tibshirani (1993), percentile intervals.
    """
    found = {}
    for mean in _MEANS:
        replicates = minuend.replicates(mean) - subtrahend.replicates(mean)
        intervals = named_intervals(replicates, minuend.num_images)
        found[mean] = {
            name: {"difference": value, "interval": intervals[name]}
            for name, value in named(replicates[0]).items()
        }
    return found


def named(values: np.ndarray) -> dict[str, float | None]:
    """Returns measure to value, None for NaN.

    Args:
        values: `[M]`, in the order of `metrics.MEASURE_NAMES`.
    """
    numbers = [value if np.isfinite(value) else None for value in values.tolist()]
    return dict(zip(metrics.MEASURE_NAMES, numbers, strict=True))


def named_intervals(
    replicates: np.ndarray, num_images: int
) -> dict[str, list[float] | None]:
    """Returns measure to its percentile interval, None if there is none.

    Args:
        replicates: `[1 + R, M]`, the first row without resampling.
        num_images: How many images were drawn from.

    Source: Efron & Tibshirani (1993), percentile intervals.
    """
    tail = 50.0 * (1.0 - CONFIDENCE)
    intervals = {}
    for name, column in zip(metrics.MEASURE_NAMES, replicates.T, strict=True):
        defined = column[1:][np.isfinite(column[1:])]
        # Replicates of a handful of images may have drawn none.
        few = num_images < 2 or defined.size == 0 or not np.isfinite(column[0])
        bounds = None if few else np.percentile(defined, [tail, 100.0 - tail])
        intervals[name] = None if bounds is None else bounds.tolist()
    return intervals
