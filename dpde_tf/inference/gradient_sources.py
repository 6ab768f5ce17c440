"""Sources of the gradients that refine the depth of another network."""

import dataclasses
import functools
import math
import pathlib
from collections.abc import Mapping
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from dpde_tf.files.folders import partner
from dpde_tf.files.gradient_maps import read_gradients
from dpde_tf.files.images import read_image, resize_image
from dpde_tf.files.orientation import Size, check_orientation
from dpde_tf.fusion.image_gradients import image_gradients, resize_gradients
from dpde_tf.inference.predictor import network_input, working_size
from dpde_tf.inference.refinement import filled_from_nearest
from dpde_tf.inference.sharpening import check_sharpening, sharpened

Files = Mapping[str, pathlib.Path]  # By stem, as `stem_of` gives it.
OUTPUT_SIZES = ("image", "depth")
# Relative depth is shifted so that its nearest point has this part of its range.
_NEAREST = 0.25
# Types of images that OpenCV resizes.
_RESIZABLE = (np.uint8, np.float32, np.float64)


class GradientSource(Protocol):
    """Gives the depth gradients that belong to a depth map."""

    def sizes(self, stem: str, depth_size: Size) -> tuple[Size, Size]:
        """Returns the sizes, (height, width), of the fusion and of its result.

        Args:
            stem: Stem of the depth file.
            depth_size: (height, width) of the depth map.
        """

    def gradients(self, stem: str, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns gradient_x and gradient_y for a depth map, `[H, W]` each.

        Args:
            stem: Stem of the depth file.
            depth: The depth map at the size of the fusion, `[H, W]`, NaN in holes.

        Returns:
            Metres per pixel of `depth`, or the unit of `depth` per pixel if
            `in_unit_of_depth`.
        """

    files: Files
    """What the gradients are made from."""
    in_unit_of_depth: bool
    """Whether gradients are in the unit of the depth map, not in metres."""


@dataclasses.dataclass(frozen=True)
class GradientFiles:
    """Gradients in files, in metres per pixel, of the size of the depth map.

    Attributes:
        files: NPZ or NPY files, see `read_gradients`.
    """

    files: Files
    in_unit_of_depth = False

    def sizes(self, stem: str, depth_size: Size) -> tuple[Size, Size]:
        """Returns the size of the depth map, twice."""
        del stem
        return depth_size, depth_size

    def gradients(self, stem: str, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns what the file of the stem holds."""
        del depth
        return read_gradients(partner(self.files, stem, "file of gradients"))


@dataclasses.dataclass(frozen=True)
class NetworkGradients:
    """Gradients that a network predicts from an image, or from an image and depth.

    Attributes:
        network: Result of `build_gradient_network` or `build_guided_network`.
        training_size: (height, width) of the images that it was trained on.
        sharpening: See `sharpened`.
    """

    network: keras.Model
    training_size: Size
    sharpening: float = 1.0

    def __post_init__(self) -> None:
        """Checks the options."""
        check_sharpening(self.sharpening)
        if self.sharpening != 1.0 and not self.in_unit_of_depth:
            raise ValueError(
                "`sharpening` is for guided networks; this one predicts gradients from "
                f"the image alone. Received: {self.sharpening}."
            )

    @property
    def in_unit_of_depth(self) -> bool:
        """Whether the network is a guided one, which works in the unit of the depth."""
        return len(self.network.inputs) == 2

    def __call__(
        self, image: np.ndarray, depth: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns gradient_x and gradient_y, `[H, W]` each.

        Args:
            image: RGB of any size, uint8 or in [0, 1], `[h, w, 3]`.
            depth: Depth map of the same scene, `[H, W]`, NaN in holes.

        Returns:
            Per pixel of `depth`, see `in_unit_of_depth`.
        """
        if self.in_unit_of_depth:
            seen = depth.shape
        else:
            seen = working_size(depth.shape, self.training_size)
        if image.dtype not in _RESIZABLE:
            image = network_input(image[np.newaxis])[0].numpy()
        batch = network_input(resize_image(image, seen)[np.newaxis])
        if self.in_unit_of_depth:
            maps = image_gradients(self._sharp(batch, depth))
        else:
            maps = tf.split(self._predict(batch), 2, axis=-1)
        return tuple(m.numpy()[0, ..., 0] for m in resize_gradients(*maps, depth.shape))

    def _sharp(self, image: tf.Tensor, depth: np.ndarray) -> tf.Tensor:
        """The sharp depth of a guided network, `[1, H, W, 1]`."""
        coarse = filled_from_nearest(depth)
        shift = _shift_to_positive(coarse)
        coarse = (coarse + shift)[np.newaxis, ..., np.newaxis]
        sharp = self._predict({"image": image, "coarse_depth": coarse})
        return sharpened(coarse, sharp, self.sharpening) - shift

    @tf.function(autograph=False, reduce_retracing=True)
    def _predict(self, inputs: tf.Tensor | dict[str, tf.Tensor]) -> tf.Tensor:
        """The output of the network."""
        return self.network(inputs, training=False)


@dataclasses.dataclass(frozen=True)
class ImageGradients:
    """Gradients for depth files, from images of the same stems.

    Attributes:
        files: Images of any size.
        predict: Gives the gradients.
        bits: See `read_image`.
        output_size: `image` fuses at the size at which the network sees the image, and
            returns depth at the size of the image; `depth` fuses and returns depth at
            the size of the depth map.
    """

    files: Files
    predict: NetworkGradients
    bits: int | None = None
    output_size: str = "image"

    @property
    def in_unit_of_depth(self) -> bool:
        """Whether gradients are in the unit of the depth map."""
        return self.predict.in_unit_of_depth

    def sizes(self, stem: str, depth_size: Size) -> tuple[Size, Size]:
        """Returns the size at which the image is seen, and that of the image."""
        size = self._image(stem).shape[:2]
        if self.output_size == "depth":
            check_orientation(size, depth_size)
            return depth_size, depth_size
        return seen_size(size, depth_size, self.predict.training_size), size

    def gradients(self, stem: str, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the gradients that the network predicts."""
        return self.predict(self._image(stem), depth)

    def _image(self, stem: str) -> np.ndarray:
        """The image of a stem, uint8 `[H, W, 3]`."""
        return _read_last(partner(self.files, stem, "image"), self.bits)


@functools.lru_cache(maxsize=1)
def _read_last(path: pathlib.Path, bits: int | None) -> np.ndarray:
    """An image, read once for its size and its gradients."""
    return read_image(path, bits=bits)


def seen_size(image_size: Size, depth_size: Size, training_size: Size) -> Size:
    """Returns the size at which a network sees an image and a depth map.

    The aspect is that of the image. The number of pixels is that of the training
    images, or of the depth map if that has more, but at most that of the image.

    Args:
        image_size: (height, width) of the image.
        depth_size: (height, width) of the depth map.
        training_size: (height, width) of the images that the network was trained on.

    Returns:
        (height, width).

    Raises:
        ValueError: If one of them must be turned, see `check_orientation`.
    """
    check_orientation(image_size, depth_size)
    pixels = max(math.prod(training_size), math.prod(depth_size))
    if pixels >= math.prod(image_size):
        return tuple(image_size)
    return working_size(image_size, (pixels, 1))


def _shift_to_positive(depth: np.ndarray) -> np.float32:
    """Returns a shift that makes relative depth positive; 0 if it already is."""
    low, high = depth.min(), depth.max()
    return np.float32(0.0 if low > 0 else _NEAREST * (high - low or 1.0) - low)
