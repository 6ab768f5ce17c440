"""Refinement of depth files of any network: depth and gradients in, depth out."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from dpde_tf.config import FusionConfig
from dpde_tf.files import depth_maps as depth_files
from dpde_tf.files.folders import partner, stem_of
from dpde_tf.files.resizing import resize_with_holes
from dpde_tf.inference.gradient_sources import Files, GradientSource
from dpde_tf.inference.refinement import fusion_for
from dpde_tf.inference.refinement_pictures import refinement_picture
from dpde_tf.inference.units import REFERENCE_ALIGNMENTS, align_to_reference
from dpde_tf.visualization.colours import write_image

SCALE_GRADIENTS = "scale_gradients"
ALIGNMENTS = ("none", SCALE_GRADIENTS, *REFERENCE_ALIGNMENTS)
_MILLIMETRES = 0.001


@dataclasses.dataclass(frozen=True)
class DepthFormat:
    """What the numbers in depth files mean.

    Attributes:
        key: Array of NPZ files; None for `depth`, or the only one.
        depth_scale: Metres per stored integer, also in PNG files that are written; None
            if no file holds integers, or if depth is relative.
        invalid_values: Stored numbers that mean no measurement.
        max_depth: Depth in metres beyond which there is no measurement.
        alignment: One of `ALIGNMENTS`; `none` if depth is in metres after scaling.
        references: Files of reference depth, for an alignment that needs them.
        read_reference: Reads a reference in metres, like `depth_files.read_depth`.
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
            options |= {"depth_scale": self.depth_scale, "max_depth": self.max_depth}
            metres = depth_files.read_depth(path, **options)
        else:
            relative = depth_files.read_relative_depth(path, **options)
            if self.alignment == SCALE_GRADIENTS:
                return relative
            reference = self.read_reference(
                partner(self.references, stem_of(path), "reference")
            )
            aligned = align_to_reference(reference, relative, alignment=self.alignment)
            metres = depth_files.measured_depth(aligned)
        return np.where(metres > 0, metres, np.float32(np.nan))

    def check_targets(self, paths: Iterable[pathlib.Path]) -> None:
        """Checks that files can hold the refined depth.

        Args:
            paths: Files to write.

        Raises:
            ValueError: If relative depth is to be written as PNG.
        """
        png = any(path.suffix.lower() == ".png" for path in paths)
        if png and self.alignment == SCALE_GRADIENTS:
            raise ValueError(
                "Relative depth has no unit, which PNG need. Write it with "
                "`format=npy`."
            )

    def write(self, path: pathlib.Path, depth: np.ndarray) -> None:
        """Writes depth as `read` gives it; PNG in `depth_scale`, or in mm.

        Args:
            path: File to write.
            depth: `[H, W]`, NaN in holes, which become 0 unless it is relative.
        """
        if self.alignment == SCALE_GRADIENTS:
            depth_files.write_depth(path, depth)
            return
        unit = self.depth_scale or _MILLIMETRES
        measured = depth_files.measured_depth(depth)
        depth_files.write_depth(path, measured, depth_scale=unit)


def refine_file(
    path: pathlib.Path,
    target: pathlib.Path,
    *,
    depth_format: DepthFormat,
    gradients: GradientSource,
    fusion: FusionConfig,
    picture: pathlib.Path | None = None,
) -> bool:
    """Writes the refined depth of a file, and returns whether the fusion converged.

    Args:
        path: The depth file.
        target: File to write, in the format that its suffix says.
        depth_format: What the numbers mean.
        gradients: Where the gradients come from.
        fusion: Parameters of the fusion.
        picture: PNG of before and after to write, too.

    Returns:
        See `Refinement.converged`.

    Raises:
        FileNotFoundError: If a file or its partner is missing.
        ValueError: If one of them is broken, or they do not fit together.
    """
    depth = depth_format.read(path)
    stem = stem_of(path)
    fusion_size, output_size = gradients.sizes(stem, depth.shape)
    depth = resize_with_holes(depth, fusion_size)
    relative = depth_format.alignment == SCALE_GRADIENTS
    refine = fusion_for(relative, gradients.in_unit_of_depth)
    refined = refine(depth, *gradients.gradients(stem, depth), fusion=fusion)
    if picture is not None:
        # Black is what is not above 0.
        shift = 1.0 - np.nanmin([depth, refined.depth]) if relative else 0.0
        shown = refinement_picture(depth + shift, refined.depth + shift)
        write_image(picture, shown)
    depth_format.write(target, resize_with_holes(refined.depth, output_size))
    return refined.converged
