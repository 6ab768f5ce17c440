"""Scores of a test set with bootstrap intervals.

Images are added one by one and are not stored. Each replicate of the bootstrap is a
running total, to which an image is added as many times as the replicate draws it. The
numbers of draws are Poisson variables with mean 1. For many images this is equivalent
to drawing N of N images with replacement, and N need not be known.
"""

import numpy as np

from dpde_tf import metrics

NUM_REPLICATES = 1000
CONFIDENCE = 0.95

_BATCH = 64
_SCENES = 1  # Keeps the draws of scene n apart from those of image n.
_MEANS = ("pooled", "per_image_mean")


def image_draws(
    index: int,
    *,
    scene: int | None = None,
    seed: int = 0,
    num_replicates: int = NUM_REPLICATES,
) -> np.ndarray:
    """Returns how many times each replicate draws an image.

    Args:
        index: Index of the image in the test set. The draws depend only on it and on
            the seed, so differences between predictions are paired.
        scene: Scene of the image; None if the scenes are not known.
        seed: Seed of the bootstrap.
        num_replicates: Number of replicates R.

    Returns:
        float64 `[1 + R]`; the first value is 1 and stands for the test set itself. With
        a scene `[1 + 2 R]`: R replicates more that draw whole scenes.

    Source: Chamandy et al. (2012), Poisson bootstrap.
    """
    draws = np.random.default_rng([seed, index]).poisson(1.0, num_replicates)
    if scene is None:
        return np.concatenate([[1.0], draws])
    generator = np.random.default_rng([seed, scene, _SCENES])
    return np.concatenate([[1.0], draws, generator.poisson(1.0, num_replicates)])


class ScoreTotals:
    """Running totals of pooled measures and of means over images.

    Attributes:
        num_images: Number of images with a compared pixel.
        num_pixels: Number of compared pixels.
        by_scene: Whether the draws include those of scenes.
    """

    def __init__(self, *, by_scene: bool = False) -> None:
        """Initialises the totals without any image."""
        self.by_scene = by_scene
        self.num_images = 0
        self.num_pixels = 0
        self._pooled = self._values = self._defined = 0.0
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, sums: np.ndarray, draws: np.ndarray) -> None:
        """Adds one image; an image without compared pixels is ignored.

        Args:
            sums: Sums of the measures, `[metrics.NUM_SUMS]`.
            draws: Result of `image_draws`, `[1 + R]`, or `[1 + 2 R]` by scene.
        """
        if sums[0] == 0:
            return
        self.num_images += 1
        self.num_pixels += int(sums[0])
        self._waiting.append((sums, draws))
        if len(self._waiting) == _BATCH:
            self._add_waiting()

    def _add_waiting(self) -> None:
        """Adds the pending images to the totals, in a batch for speed."""
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
            mean: `pooled` or `per_image_mean`; the latter leaves out images for which a
                measure is not defined.

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
        """Returns both means with their intervals and counts.

        Returns:
            `pooled` and `per_image_mean` map each measure to its value, `intervals`
            maps each mean and measure to (low, high); `num_pixels` and `num_images` are
            counts. None = not defined; a single image has no interval.

        Raises:
            ValueError: If no pixel of any image was compared.
        """
        found: dict = {"intervals": {}}
        for mean in _MEANS:
            replicates = self.replicates(mean)
            found[mean] = named(replicates[0])
            found["intervals"][mean] = named_intervals(
                replicates, self.num_images, by_scene=self.by_scene
            )
        counts = {"num_pixels": self.num_pixels, "num_images": self.num_images}
        return {mean: found[mean] for mean in _MEANS} | counts | found


def difference(minuend: ScoreTotals, subtrahend: ScoreTotals) -> dict:
    """Returns the differences between two sets of predictions of the same images.

    The intervals come from the paired bootstrap: both sets use the same draws, so that
    images which are hard for both do not hide the difference. A `per_image_mean` leaves
    out the images for which its own set has no such measure, such as the precision of
    edges where no edge is predicted; they need not be those of the other set.

    Args:
        minuend: Totals of the first set.
        subtrahend: Totals of the set that is subtracted, of the same images.

    Returns:
        `pooled` and `per_image_mean`, each mapping a measure to `difference` and
        `interval`; None = not defined.

    Raises:
        ValueError: If no pixel of any image was compared.

    Source: Efron & Tibshirani (1993), percentile intervals.
    """
    found = {}
    for mean in _MEANS:
        replicates = minuend.replicates(mean) - subtrahend.replicates(mean)
        intervals = named_intervals(
            replicates, minuend.num_images, by_scene=minuend.by_scene
        )
        found[mean] = {
            name: {"difference": value, "interval": intervals[name]}
            for name, value in named(replicates[0]).items()
        }
    return found


def named(values: np.ndarray) -> dict[str, float | None]:
    """Returns the values by the name of their measure, None for NaN.

    Args:
        values: `[M]`, in the order of `metrics.MEASURE_NAMES`.
    """
    numbers = [value if np.isfinite(value) else None for value in values.tolist()]
    return dict(zip(metrics.MEASURE_NAMES, numbers, strict=True))


def named_intervals(
    replicates: np.ndarray, num_images: int, *, by_scene: bool = False
) -> dict[str, list[float] | None]:
    """Returns the percentile intervals by measure, None where undefined.

    Args:
        replicates: Values `[1 + R, M]`; the first row is without resampling.
        num_images: Number of images in the test set.
        by_scene: Whether the second half of the replicates draws scenes. If so, the
            wider of the two intervals is returned, since images of a scene are not
            independent.

    Source: Efron & Tibshirani (1993), percentile intervals.
    """
    intervals = {}
    for name, column in zip(metrics.MEASURE_NAMES, replicates.T, strict=True):
        # With few images, a replicate may have drawn none.
        defined = num_images > 1 and np.isfinite(column[0])
        halves = np.split(column[1:], 2) if by_scene else [column[1:]]
        found = [_interval(half) for half in halves] if defined else [None]
        found = [bounds for bounds in found if bounds is not None]
        intervals[name] = max(
            found, key=lambda bounds: bounds[1] - bounds[0], default=None
        )
    return intervals


def _interval(values: np.ndarray) -> list[float] | None:
    """The percentile interval of the values that are defined."""
    defined = values[np.isfinite(values)]
    tail = 50.0 * (1.0 - CONFIDENCE)
    return (
        np.percentile(defined, [tail, 100.0 - tail]).tolist() if defined.size else None
    )
