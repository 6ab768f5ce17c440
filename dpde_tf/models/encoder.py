"""The ResNet-50 encoder (He et al. 2016) with ImageNet weights."""

import contextlib
import pathlib

import keras

from dpde_tf.models.initial_values import without_drawing
from dpde_tf.models.resnet import resnet50

# Name of the last layer of each stage; the map has 1/2, 1/4, ... of the image's size.
STAGE_OUTPUTS = (
    "conv1_relu",  # 64 channels
    "conv2_block3_out",  # 256
    "conv3_block4_out",  # 512
    "conv4_block6_out",  # 1024
    "conv5_block3_out",  # 2048
)
# ImageNet's mean and standard deviation of RGB in [0, 1], as PyTorch's models take it.
_MEAN = (0.485, 0.456, 0.406)
_STDDEV = (0.229, 0.224, 0.225)
ARCHITECTURES = ("paper", "laina", "harsanyi")


@keras.saving.register_keras_serializable(package="dpde_tf")
class ImageNetPreprocessing(keras.layers.Layer):
    """Turns RGB in [0, 1] into what Keras's ResNet-50 was trained on.

    That is BGR in [0, 255] with ImageNet's mean colour subtracted.
    """

    def call(self, image: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the encoder's input for RGB images `[B, H, W, 3]` in [0, 1]."""
        return keras.applications.resnet.preprocess_input(image * 255.0)


def build_encoder(
    *,
    weights: str,
    batch_norm: str,
    batch_norm_momentum: float,
    architecture: str = "paper",
    field: str = "encoder_weights",
) -> keras.Model:
    """Returns ResNet-50 from the image to its five stages.

    Args:
        weights: `imagenet` (downloaded by Keras), `none` (random), or a file that
            `keras.applications.ResNet50(include_top=False)` saved, `*.weights.h5`.
        batch_norm: `trainable`, or `frozen` to keep the loaded statistics, scales
            and shifts.
        batch_norm_momentum: Of the moving averages.
        architecture: `paper` is Keras's graph; `laina` and `harsanyi` are those of
            the released networks, which differ in what the image is scaled to, in the
            padding of the pooling, and in the place of the strides.
        field: Name of the option that gives `weights`, for messages.

    Returns:
        A functional model: RGB image `[B, H, W, 3]` in [0, 1] -> the features named
        in `STAGE_OUTPUTS`, of ceil(H / 2^k) x ceil(W / 2^k), k = 1 to 5.

    Raises:
        ConnectionError: If `weights` is `imagenet`, and Keras has not got them and
            cannot download them.
        FileNotFoundError: If `weights` names a file that does not exist.
        ValueError: If `weights` names a file of something else, or `batch_norm` or
            `architecture` is none of the words.

    Source: Xu & Liu (2021), Sect. 3.1; He et al. (2016).
    """
    if batch_norm not in ("trainable", "frozen"):
        raise ValueError(
            f"`batch_norm` must be 'trainable' or 'frozen'. Received: {batch_norm!r}."
        )
    if architecture not in ARCHITECTURES:
        raise ValueError(
            f"`architecture` must be of {ARCHITECTURES}. Received: {architecture!r}."
        )
    source = None if weights == "none" else _load_resnet(weights, field)
    image = keras.Input((None, None, 3), name="image")
    with contextlib.nullcontext() if source is None else without_drawing():
        stages = resnet50(
            _preprocessing(architecture)(image),
            architecture=architecture,
            batch_norm_options={
                "momentum": batch_norm_momentum,
                "trainable": batch_norm == "trainable",
            },
        )
    encoder = keras.Model(image, stages, name="encoder")
    if source is not None:
        for layer in source.layers:
            if layer.weights:
                encoder.get_layer(layer.name).set_weights(layer.get_weights())
    return encoder


def _load_resnet(weights: str, field: str) -> keras.Model:
    """Keras's ResNet-50, or an error that names the remedy."""
    if weights != "imagenet" and not pathlib.Path(weights).is_file():
        raise FileNotFoundError(
            f"There is no file of encoder weights {weights!r}. Use 'imagenet', 'none' "
            f"or a `.h5` file (flag --{field})."
        )
    try:
        return keras.applications.ResNet50(include_top=False, weights=weights)
    except Exception as error:  # Keras has no class for a network that is not there.
        if weights == "imagenet":
            raise ConnectionError(
                f"The ImageNet weights could not be downloaded ({error}). Give the "
                "same command again when there is a network; or fetch that file by "
                f"other means and name it with --{field}=FILE; or start from random "
                f"weights with --{field}=none."
            ) from error
        raise ValueError(
            f"{weights} of --{field} must be a file of weights of "
            "keras.applications.ResNet50(include_top=False) that no other program "
            f"has open to write; Keras cannot read it ({error})."
        ) from error


def _preprocessing(architecture: str) -> keras.layers.Layer:
    """The layer from RGB in [0, 1] to what the encoder was trained on."""
    if architecture == "paper":
        return ImageNetPreprocessing(name="preprocessing")
    scale, offset = 255.0, 0.0
    if architecture == "harsanyi":
        scale = [1.0 / stddev for stddev in _STDDEV]
        offset = [-m / stddev for m, stddev in zip(_MEAN, _STDDEV, strict=True)]
    return keras.layers.Rescaling(scale, offset, name="preprocessing")
