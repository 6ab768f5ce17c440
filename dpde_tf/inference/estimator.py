"""`DepthEstimator`: from photographs to depth, in three lines of Python."""

import dataclasses
import os
import pathlib
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
    check_images,
    predict_at_size,
    working_size,
)
from dpde_tf.runs.run_folder import training_dataset, training_image_size
from dpde_tf.runs.trained_networks import (
    PRESETS,
    load_networks,
)

Image = np.ndarray | str | os.PathLike


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """The predictions for one image, at the size of the image.

    Attributes:
        depth: Depth of the depth network alone, metres, float32 `[H, W]`.
        fused: The final result, depth fused with the gradients, metres, float32
            `[H, W]`. It equals `depth` if no network gives gradients.
        gradient_x: Depth gradient along the width, metres per pixel, float32 `[H, W]`;
            None if no network gives gradients.
        gradient_y: Depth gradient along the height, like `gradient_x`.
        uncertainty: Expected error of `fused`, metres, float32 `[H, W]`; None without a
            context network.
        taken_by: Camera for which the maps are scaled, at the size of the image, with
            its origin and the factor by which the depth of the networks was multiplied.
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
        """Creates an estimator; see `from_preset` for the networks of the library.

        Args:
            predictor: The networks and the options of the fusion.
            training_size: (height, width) of the images that they were trained on.
                Every image is resized to as many pixels, since networks infer distance
                from apparent size.
            dataset: Data set of those images, such as `nyu_depth_v2`. If its camera is
                not known, depth is not scaled for the camera of an image.
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
            preset: `nyu` for the default networks in the package, which were trained on
                NYU Depth v2; `nyu_paper` for the two of the paper among them, the
                modified FCRN and the gradient network; or the folder of a run of
                `experiments.train_depth`.
            gradient_run: Folder of a run of `experiments.train_gradient`, for the
                paper's gradient network or the context network. It replaces the
                context network and the guided network of `nyu`.
            guided_run: Folder of a run of a guided network. If `preset` is a folder and
                neither run is given, there is no fusion.
            fusion: Parameters of the fusion; None for the defaults.
            options: How the networks are applied, such as `test_time_flip`.

        Returns:
            The estimator.

        Raises:
            FileNotFoundError: If a run does not exist.
            ValueError: If a run is of another network, or is damaged.
        """
        name = os.fspath(preset)
        if name not in PRESETS and not pathlib.Path(name).is_dir():
            raise FileNotFoundError(
                f"`preset` must be {', '.join(PRESETS)}, or the folder of a run. "
                f"Received: {name!r}, which is no folder in "
                f"{pathlib.Path.cwd()}."
            )
        runs = dict(PRESETS.get(name, {"depth_run": preset}))
        if gradient_run is not None:  # It takes the place of all shipped gradients.
            runs |= {"gradient_run": gradient_run, "guided_run": None}
        if guided_run is not None:
            runs["guided_run"] = guided_run
        options = options or PredictionConfig()
        # Kernels are restored while graphs are made, and not while networks are loaded.
        predictor = DepthPredictor(
            **load_networks(**runs, compact=True),
            fusion=fusion or FusionConfig(),
            options=options,
            graphs_from=1,
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
                path of an image file; or a list of these, of any sizes. Floating-point
                images are rounded to 8 bits before they are resized, like files.
            fov_x: Angle of view across the width of the images, degrees.
            focal: Focal length of the images in pixels. If neither this nor `fov_x` is
                given, the EXIF of a file is used, or else the camera of the training
                images is assumed.

        Returns:
            A `Prediction`, or a list of them for a list of images.

        Raises:
            FileNotFoundError: If a file does not exist.
            ValueError: If an image has another form, or the camera is not plausible.
        """
        options = CameraOptions(fov_x, focal)
        if not isinstance(images, list | tuple):
            return self._predict_one(images, options)
        predictions = []
        for number, image in enumerate(images):
            try:
                predictions.append(self._predict_one(image, options))
            except ValueError as error:
                raise ValueError(f"images[{number}]: {error}") from error
        return predictions

    def _predict_one(self, image: Image, options: CameraOptions) -> Prediction:
        """The depth of one image."""
        exif = None
        if isinstance(image, str | os.PathLike):
            path, image = image, read_image(image)
            exif = read_exif_camera(path)
        image = _one_image(image)
        taken_by = find_photograph_camera(
            image.shape[:2],
            training_size=self._training_size,
            dataset=self._dataset,
            options=options,
            exif=exif,
        )
        size = working_size(image.shape[:2], self._training_size)
        if size != image.shape[:2] and image.dtype != np.uint8:
            # So that both types give the same depth: resizing rounds uint8.
            image = np.round(255.0 * np.clip(image, 0.0, 1.0)).astype(np.uint8)
        maps = predict_at_size(self._predictor, image[np.newaxis], size)
        maps = taken_by.scale({name: values[0] for name, values in maps.items()})
        names = [field.name for field in dataclasses.fields(Prediction)]
        maps.setdefault("fused", maps["depth"])
        found = {name: maps[name] for name in names if name in maps}
        return Prediction(**found, taken_by=taken_by)


def _one_image(image: object) -> np.ndarray:
    """An image, after a check that comes before that of its camera."""
    array = np.asarray(image)
    if array.dtype.kind not in "buif":
        raise ValueError(
            "An image must be an array [H, W, 3], or the path of a file; several are a "
            f"list. Received: {type(image).__name__}."
        )
    if array.ndim != 3 or array.shape[2] != 3:
        remedies = (
            (array.ndim == 2, " A grey one is np.stack([image] * 3, axis=-1)."),
            (array.ndim == 4, " Several images are a list: list(images)."),
            (array.shape[2:] == (4,), " RGBA must be composited over a colour."),
            (array.shape[:1] == (3,), " Channels come last: image.transpose(1, 2, 0)."),
        )
        raise ValueError(
            f"An image must be RGB, [H, W, 3]. Received: {array.dtype} {array.shape}."
            + next((remedy for applies, remedy in remedies if applies), "")
        )
    check_images(array[np.newaxis])
    return array
