"""The camera of a photograph, and how it scales the depth.

A network knows one camera. An object of size s at depth z covers f s / z pixels, where
f is the focal length in pixels of the image that the network sees. With another f, the
object covers as many pixels at another depth, so that

    depth = depth for the known camera * f / (f of the known camera).

Photographs are resized to as many pixels as the training images, and so is f.

Source: Yin et al. (2023), Metric3D, Sect. 3.2, the canonical camera.
"""

import dataclasses
import math
import numbers
from collections.abc import Mapping

import numpy as np
from absl import logging

from dpde_tf.files.exif import ExifCamera
from dpde_tf.visualization.reconstruction.cameras import (
    CAMERAS,
    Camera,
    photograph_camera,
    plausible_focal,
)


@dataclasses.dataclass(frozen=True)
class CameraOptions:
    """What is known of the camera of photographs.

    Attributes:
        fov_x: Angle of view across the width of the photograph, degrees.
        focal: Focal length in pixels of the photograph; at most one of the two.
        read_exif: Whether the focal length that EXIF gives is used without either.
    """

    fov_x: float | None = None
    focal: float | None = None
    read_exif: bool = True

    def __post_init__(self) -> None:
        """Refuses both options together, and angles that no camera has."""
        for name, value in (("fov_x", self.fov_x), ("focal", self.focal)):
            if not isinstance(value, numbers.Real | None):
                raise ValueError(f"`{name}` must be a number. Received: {value!r}.")
        if self.fov_x is not None and self.focal is not None:
            raise ValueError(
                "Give either `fov_x` or `focal`, not both. "
                f"Received: {self.fov_x:g} degrees and {self.focal:g} pixels."
            )
        if self.fov_x is not None and not 0.0 < self.fov_x < 180.0:
            raise ValueError(
                "`fov_x` must be the angle of view across the width, more "
                f"than 0 and less than 180 degrees. Received: {self.fov_x:g}."
            )
        if self.fov_x is not None and self.fov_x <= math.pi:
            logging.warning(
                "`fov_x` is in degrees: %g is the view of a telescope.", self.fov_x
            )


@dataclasses.dataclass(frozen=True)
class PhotographCamera:
    """The camera that is assumed for a photograph.

    Attributes:
        camera: The camera, at the size of the photograph.
        origin: Where it comes from: `fov_x`, `focal`, `EXIF`, or `assumed`.
        depth_factor: What depth for the known camera is multiplied by; None if the
            camera of the training images is not known.
    """

    camera: Camera
    origin: str
    depth_factor: float | None

    def scale(self, maps: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns maps of depth and its gradients for this camera.

        Args:
            maps: For the camera of the training images, metres or metres per pixel.

        Returns:
            The same for this camera, float32; as they are without a `depth_factor`.
        """
        factor = np.float32(self.depth_factor or 1.0)
        return {name: values * factor for name, values in maps.items()}

    def __str__(self) -> str:
        """Returns a description for the user, such as for a line of output."""
        width = self.camera.size[1]
        angle = 2 * math.degrees(math.atan(width / 2 / self.camera.focal_x))
        text = f"camera of {angle:.1f} degrees across the width ({self.origin})"
        if self.depth_factor is None:
            return f"{text}; depth not scaled, as the training camera is not known"
        return f"{text}, depth x {self.depth_factor:.3f}"


def find_photograph_camera(
    size: tuple[int, int],
    *,
    training_size: tuple[int, int],
    dataset: str,
    options: CameraOptions,
    exif: ExifCamera | None = None,
) -> PhotographCamera:
    """Returns the camera of a photograph: as given, by EXIF, or that of the networks.

    Args:
        size: (height, width) of the photograph.
        training_size: (height, width) of the images that the networks know.
        dataset: Data set of those images, a key of `CAMERAS` if its camera is known.
        options: What is known of the camera.
        exif: What the file of the photograph says.

    Returns:
        The camera. If no focal length is given and EXIF has no plausible one, it is the
        camera of the training images, or a typical one if that is not known; depth is
        then not scaled.

    Raises:
        ValueError: If the focal length that is given is not plausible.
    """
    known = _known_focal(dataset, training_size)
    scale = math.sqrt(math.prod(training_size) / math.prod(size))
    if options.focal is not None:
        focal, origin = options.focal, "focal"
    elif options.fov_x is not None:
        focal = _focal_of_angle(options.fov_x, size)
        origin = "fov_x"
    else:
        low, high = plausible_focal(size)
        focal = exif.focal(size) if exif and options.read_exif else None
        origin = "EXIF" if focal and low <= focal <= high else "assumed"
        if origin == "assumed":
            focal = min(max(known / scale, low), high) if known else None
    camera = photograph_camera(size, focal=focal)
    factor = known and (1.0 if origin == "assumed" else camera.focal_x * scale / known)
    return PhotographCamera(camera, origin, factor)


def _focal_of_angle(fov_x: float, size: tuple[int, int]) -> float:
    """Focal length of a photograph whose width has an angle of view, in pixels."""
    focal = size[1] / 2 / math.tan(math.radians(fov_x) / 2)
    low, high = plausible_focal(size)
    if not low <= focal <= high:
        least, most = (
            2 * math.degrees(math.atan(size[1] / 2 / limit)) for limit in (high, low)
        )
        raise ValueError(
            f"`fov_x` must be between {least:.3g} and {most:.4g} degrees for an image "
            f"of {size[0]}x{size[1]}. Received: {fov_x:g}. Give the angle across "
            "the width, in degrees."
        )
    return focal


def _known_focal(dataset: str, size: tuple[int, int]) -> float | None:
    """Focal length of the training images in their pixels; None if not known."""
    if dataset not in CAMERAS:
        return None
    camera = CAMERAS[dataset].resized(size)
    return math.sqrt(camera.focal_x * camera.focal_y)
