"""Comparison of exported files with the functions that they were made of."""

import dataclasses
import pathlib
from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from dpde_tf.data.input_pipeline import RecordSet, make_evaluation_dataset
from dpde_tf.data.records import readable_record_errors
from dpde_tf.files.images import resize_image
from dpde_tf.inference.export.formats import Run, find_format
from dpde_tf.inference.export.graphs import Arrays, ExportGraph
from dpde_tf.inference.records import first_records

FLOAT_TOLERANCE = 1e-4
"""Largest difference of a float export, in metres or metres per pixel."""
# Range of synthetic coarse depth, metres.
_DEPTH_RANGE = (1.0, 6.0)
# A size with odd sides, about 1.5 times those of the training images.
_FREE_SIZE = (361, 481)


@dataclasses.dataclass
class Difference:
    """How an output of an exported file differs from that of its function.

    Attributes:
        largest: Largest absolute difference.
        sum_of_squares: Of all differences.
        count: Number of values.
    """

    largest: float = 0.0
    sum_of_squares: float = 0.0
    count: int = 0

    @property
    def rms(self) -> float:
        """Root mean square of the differences."""
        return (self.sum_of_squares / max(self.count, 1)) ** 0.5


def export_differences(
    graph: ExportGraph,
    path: str | pathlib.Path,
    images: Iterable[np.ndarray],
    *,
    kind: str,
) -> dict[str, Difference]:
    """Returns how an exported file, run by its own runtime, differs from its function.

    Args:
        graph: The function.
        path: The file or folder.
        images: RGB in [0, 1], float32 `[H, W, 3]`.
        kind: Name in `FORMATS`.

    Returns:
        The differences of each output over all images.

    Raises:
        ValueError: If the runtime is not installed, or an output is missing or of
            another shape.
    """
    run = find_format(kind).load(pathlib.Path(path))
    differences = {}
    for image in images:
        inputs = {"image": image[np.newaxis]}
        if any(spec.name == "coarse_depth" for spec in graph.signature):
            inputs["coarse_depth"] = _coarse_depth(inputs["image"])
        _add(differences, graph.reference(inputs), _outputs(run, inputs, path))
    return differences


def check_images(
    records: RecordSet | None, count: int, size: tuple[int, int] | None
) -> Iterator[np.ndarray]:
    """Yields images for the comparison: those of records, or synthetic ones.

    Args:
        records: A split; None for blurred noise.
        count: Number of images.
        size: (height, width) of the images; None for the size of the records, or for
            two fixed sizes of noise.

    Yields:
        RGB in [0, 1], float32 `[H, W, 3]`.
    """
    if records is None:
        generator = np.random.default_rng(0)
        for number in range(count):
            one = size or (_FREE_SIZE if number % 2 else _FREE_SIZE[::-1])
            yield _blurred_noise(generator, one)
        return
    dataset = make_evaluation_dataset(first_records(records, count), batch_size=1)
    with readable_record_errors(records.directory, records.split):
        for batch in dataset:
            image = batch["image"].numpy()[0]
            yield resize_image(image, size or image.shape[:2])


def _outputs(run: Run, inputs: Arrays, path: str | pathlib.Path) -> Arrays:
    """The outputs of a file; a ValueError if the runtime refuses it."""
    try:
        return run(inputs)
    except Exception as error:  # Each runtime has its own classes.
        raise ValueError(f"{path} cannot be run by its runtime: {error}") from error


def _add(differences: dict[str, Difference], expected: Arrays, found: Arrays) -> None:
    """Adds the differences of one image."""
    for name, values in expected.items():
        if name not in found or found[name].shape != values.shape:
            shapes = {key: value.shape for key, value in found.items()}
            raise ValueError(
                f"The exported file must have an output {name!r} of the shape "
                f"{values.shape}. It has: {shapes}."
            )
        apart = np.abs(found[name].astype(np.float64) - values)
        one = differences.setdefault(name, Difference())
        one.largest = float(np.maximum(one.largest, apart.max()))  # NaN stays.
        one.sum_of_squares += float(np.square(apart).sum())
        one.count += apart.size


def _blurred_noise(generator: np.random.Generator, size: tuple) -> np.ndarray:
    """Noise of several scales, in [0, 1]."""
    image = np.zeros((*size, 3), np.float32)
    for scale in (2, 8, 32):
        coarse = tuple(max(1, side // scale) for side in size)
        noise = generator.uniform(0, 1, (*coarse, 3)).astype(np.float32)
        image += cv2.resize(noise, size[::-1], interpolation=cv2.INTER_LINEAR) / 3
    return np.clip(image, 0, 1)


def _coarse_depth(image: np.ndarray) -> np.ndarray:
    """Some depth for the guided network: the blurred brightness in metres."""
    low, high = _DEPTH_RANGE
    level = cv2.blur(image[0].mean(axis=-1), (31, 31))
    return (low + (high - low) * level)[np.newaxis, ..., np.newaxis]
