"""`DepthEstimator`: from photographs to depth, in three lines of Python."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from dpde_tf.config import FusionConfig, PredictionConfig
from dpde_tf.files.exif import read_exif_camera
from dpde_tf.files.images import read_image
from dpde_tf.inference.photograph_cameras import (
    CameraOptions,
    PhotographCamera,
    find_photograph_camera,
)
from dpde_tf.inference.predictor import (
    DepthPredictor,
    network_input,
    predict_at_size,
    working_size,
)
from dpde_tf.runs.run_folder import training_dataset, training_image_size
from dpde_tf.runs.trained_networks import (
    PRESETS,
    load_networks,
)

Image = np.ndarray | str | os.PathLike


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What was predicted for one image, at the size of the image.

    Attributes:
        depth: Of the depth network alone, metres, float32 `[H, W]`.
        fused: The result: depth fused with the gradients, metres, float32 `[H, W]`.
            That of a depth network without a gradient network is its depth.
        gradient_x: Depth gradient along the width, metres per pixel, float32 `[H, W]`;
            None without a gradient network.
        gradient_y: Along the height, the same.
        uncertainty: Mean error of `fused` to be expected, metres, float32 `[H, W]`;
            None without a context network.
        taken_by: The camera that these are for: from which source, at the size of the
            image, and by which factor the networks' depth was multiplied for it.
    """

    depth: np.ndarray
    fused: np.ndarray
    gradient_x: np.ndarray | None = None
    gradient_y: np.ndarray | None = None
    uncertainty: np.ndarray | None = None
    taken_by: PhotographCamera | None = None


class DepthEstimator:
    """Predicts depth with trained networks, and fuses it with predicted gradients.

    Example:
        estimator = dpde_tf.DepthEstimator.from_preset("nyu")
        prediction = estimator.predict("photo.jpg")
        prediction.fused  # metres, [H, W], of the photograph's size

    Source: Xu & Liu (2021), Fig. 1.
    """

    def __init__(
        self,
        predictor: DepthPredictor,
        training_size: tuple[int, int],
        dataset: str = "",
    ) -> None:
        """Takes networks; see `from_preset` for those that come with the library.

        Args:
            predictor: The networks and the options of the fusion.
            training_size: (height, width) of the images that they were trained on.
                They see every image with as many pixels, since the apparent size of
                things tells a network their distance.
            dataset: Data set of those images, such as `nyu_depth_v2`. If its camera is
                not known, depth is not scaled to that of an image.
        """
        self._predictor = predictor
        self._training_size = training_size
        self._dataset = dataset

    @classmethod
    def from_preset(
        cls,
        preset: str | os.PathLike = "nyu",
        *,
        gradient_run: str | os.PathLike | None = None,
        guided_run: str | os.PathLike | None = None,
        fusion: FusionConfig | None = None,
        options: PredictionConfig | None = None,
    ) -> "DepthEstimator":
        """Returns an estimator with trained networks.

        Args:
            preset: `nyu` for the networks in the package, which were trained on NYU
                Depth v2; or the folder of a run of `experiments.train_depth`.
            gradient_run: With a folder: that of a run of `experiments.train_gradient`,
                of the paper's gradient network or the context network.
            guided_run: With a folder: that of a run of a guided network. Without either
                there is no fusion.
            fusion: Parameters of the fusion; None for the defaults.
            options: How the networks are applied, such as `test_time_flip`.

        Returns:
            The estimator.

        Raises:
            FileNotFoundError: If there is no such run.
            ValueError: If it is the run of another network, or damaged.
        """
        runs = dict(PRESETS.get(os.fspath(preset), {"depth_run": preset}))
        if gradient_run is not None:  # It takes the place of all shipped gradients.
            runs |= {"gradient_run": gradient_run, "guided_run": None}
        if guided_run is not None:
            runs["guided_run"] = guided_run
        predictor = DepthPredictor(
            **load_networks(**runs),
            fusion=fusion or FusionConfig(),
            options=options or PredictionConfig(),
        )
        depth_run = runs["depth_run"]
        return cls(
            predictor, training_image_size(depth_run), training_dataset(depth_run)
        )

    def predict(
        self,
        images: Image | Sequence[Image],
        *,
        fov_x: float | None = None,
        focal: float | None = None,
    ) -> Prediction | list[Prediction]:
        """Returns the depth of an image, or of each of several images.

        Args:
            images: An RGB image `[H, W, 3]`, uint8 or floating-point in [0, 1], or the
                path of an image file; or a list of these, of any sizes.
            fov_x: Angle of view across the width of the images, degrees.
            focal: Focal length in pixels of the images. Without either, the EXIF of a
                file is used; without any, the camera of the training images is assumed.

        Returns:
            A `Prediction`; of a list, a list.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If an image is something else, or the camera is not plausible.
        """
        options = CameraOptions(fov_x, focal)
        if isinstance(images, list | tuple):
            return [self._predict_one(image, options) for image in images]
        return self._predict_one(images, options)

    def _predict_one(self, image: Image, options: CameraOptions) -> Prediction:
        """The depth of one image."""
        exif = None
        if isinstance(image, str | os.PathLike):
            path, image = image, read_image(image)
            exif = read_exif_camera(path)
        image = np.asarray(image)
        if image.ndim != 3:
            raise ValueError(
                "An image must be RGB, [H, W, 3], or the path of a file; several are "
                f"a list. Received: {image.dtype} {image.shape}."
            )
        batch = network_input(image[np.newaxis])
        taken_by = find_photograph_camera(
            image.shape[:2],
            training_size=self._training_size,
            dataset=self._dataset,
            options=options,
            exif=exif,
        )
        size = working_size(image.shape[:2], self._training_size)
        maps = predict_at_size(self._predictor, batch, size)
        maps = taken_by.scale({name: values[0] for name, values in maps.items()})
        names = [field.name for field in dataclasses.fields(Prediction)]
        maps.setdefault("fused", maps["depth"])
        found = {name: maps[name] for name in names if name in maps}
        return Prediction(**found, taken_by=taken_by)
