"""Refinement of depth files of any network: depth and gradients in, depth out."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from dpde_tf.config import FusionConfig
from dpde_tf.files import depth_maps as depth_files
from dpde_tf.files.folders import stem_of
from dpde_tf.files.gradient_maps import read_gradients
from dpde_tf.files.images import read_image, resize_image
from dpde_tf.fusion.image_gradients import resize_gradients
from dpde_tf.inference.predictor import network_input, working_size
from dpde_tf.inference.refinement import refine_depth, refine_relative_depth
from dpde_tf.inference.refinement_pictures import refinement_picture
from dpde_tf.inference.units import REFERENCE_ALIGNMENTS, align_to_reference
from dpde_tf.visualization.colours import write_image

SCALE_GRADIENTS = "scale_gradients"
ALIGNMENTS = ("none", SCALE_GRADIENTS, *REFERENCE_ALIGNMENTS)
_MILLIMETRES = 0.001

Files = Mapping[str, pathlib.Path]  # By stem, as `stem_of` gives it.
# Of a stem and a (height, width): gradient_x and gradient_y, [H, W].
Gradients = Callable[[str, tuple[int, int]], tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class DepthFormat:
    """What the numbers in depth files mean.

    Attributes:
        key: Array of NPZ files; None for `depth`, or the only one.
        depth_scale: Metres per unit of integers, in PNG that are written too; None
            where there are none, or they are relative.
        invalid_values: Stored numbers that are no depth.
        max_depth: Metres; what is farther is no depth.
        alignment: One of `ALIGNMENTS`; `none` = they are metres after the scale.
        references: Files of depth, for an alignment that needs them.
        read_reference: Reads one of those in metres, as `depth_files.read_depth`.
    """

    key: str | None = None
    depth_scale: float | None = None
    invalid_values: Sequence[float] = ()
    max_depth: float | None = None
    alignment: str = "none"
    references: Files = dataclasses.field(default_factory=dict)
    read_reference: Callable[[pathlib.Path], np.ndarray] = depth_files.read_depth

    def read(self, path: pathlib.Path) -> np.ndarray:
        """Returns depth in metres, or with `scale_gradients` in its own unit.

        Args:
            path: The depth file.

        Returns:
            Float32 `[H, W]`, NaN in holes.

        Raises:
            FileNotFoundError: If the file or its reference is missing.
            ValueError: If one of them is broken, or the alignment fails.
        """
        options = {"key": self.key, "invalid_values": self.invalid_values}
        if self.alignment == "none":
            depth = depth_files.read_depth(
                path,
                depth_scale=self.depth_scale,
                max_depth=self.max_depth,
                **options,
            )
            return _with_nan(depth)
        relative = depth_files.read_relative_depth(path, **options)
        if self.alignment == SCALE_GRADIENTS:
            return relative
        reference = self.read_reference(
            _partner(self.references, stem_of(path), "reference")
        )
        return _with_nan(
            align_to_reference(reference, relative, alignment=self.alignment)
        )

    def write(self, path: pathlib.Path, depth: np.ndarray) -> None:
        """Writes depth as `read` gives it; PNG in `depth_scale`, or in mm.

        Args:
            path: File to write.
            depth: `[H, W]`, NaN in holes, which become 0 unless it is relative.
        """
        if self.alignment == SCALE_GRADIENTS:
            depth_files.write_depth(path, depth, depth_scale=1.0)
            return
        unit = self.depth_scale or _MILLIMETRES
        measured = depth_files.measured_depth(depth)
        depth_files.write_depth(path, measured, depth_scale=unit)


def gradients_of_files(files: Files) -> Gradients:
    """Returns a reader of gradients, of stem and size.

    Args:
        files: NPZ or NPY files, see `read_gradients`.

    Returns:
        The function; it raises a FileNotFoundError for an unknown stem.
    """
    return lambda stem, size: read_gradients(_partner(files, stem, "file of gradients"))


def gradients_of_images(
    files: Files,
    network: keras.Model,
    training_size: tuple[int, int],
    *,
    bits: int | None = None,
) -> Gradients:
    """Returns a predictor of gradients, of stem and size.

    The network sees an image as large as those that it was trained on; its gradients
    are enlarged to the size that is asked for, and their unit with them.

    Args:
        files: Images of any size.
        network: As `build_gradient_network` returns it.
        training_size: (height, width) of the images that it was trained on.
        bits: See `read_image`.

    Returns:
        The function; it raises a FileNotFoundError for an unknown stem.
    """

    @tf.function(reduce_retracing=True)
    def predict(image: tf.Tensor) -> tf.Tensor:
        return network(image, training=False)

    def gradients(stem: str, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        seen = working_size(size, training_size)
        image = read_image(_partner(files, stem, "image"), bits=bits)
        image = resize_image(image, seen)
        maps = tf.split(predict(network_input(image[np.newaxis])), 2, axis=-1)
        return tuple(m.numpy()[0, ..., 0] for m in resize_gradients(*maps, size))

    return gradients


def refine_file(
    path: pathlib.Path,
    target: pathlib.Path,
    *,
    depth_format: DepthFormat,
    gradients: Gradients,
    fusion: FusionConfig,
    picture: pathlib.Path | None = None,
) -> bool:
    """Writes the refined depth of a file, and returns whether the fusion converged.

    Args:
        path: The depth file.
        target: File to write, in the format that its suffix says.
        depth_format: What the numbers mean.
        gradients: As `gradients_of_files` or `gradients_of_images` returns it.
        fusion: Parameters of the fusion.
        picture: PNG of before and after to write, too.

    Returns:
        See `Refinement.converged`.

    Raises:
        FileNotFoundError: If a file or its partner is missing.
        ValueError: If one of them is broken, or they do not fit together.
    """
    depth = depth_format.read(path)
    relative = depth_format.alignment == SCALE_GRADIENTS
    refine = refine_relative_depth if relative else refine_depth
    refined = refine(depth, *gradients(stem_of(path), depth.shape), fusion=fusion)
    if picture is not None:
        write_image(picture, refinement_picture(depth, refined.depth))
    depth_format.write(target, refined.depth)
    return refined.converged


def _partner(files: Files, stem: str, kind: str) -> pathlib.Path:
    """The file of that stem."""
    if stem not in files:
        raise FileNotFoundError(f"There is no {kind} of the same stem, {stem!r}.")
    return files[stem]


def _with_nan(metres: np.ndarray) -> np.ndarray:
    """Depth in metres with NaN where there is none."""
    measured = depth_files.measured_depth(metres)
    return np.where(measured > 0, measured, np.float32(np.nan))
