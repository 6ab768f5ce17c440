"""The ResNet-50 encoder (He et al. 2016) with ImageNet weights."""

import contextlib
import pathlib

import keras

from dpde_tf.models.initial_values import without_drawing
from dpde_tf.models.resnet import resnet50

# Name of the last layer of each stage, whose maps have 1/2, 1/4, ... resolution.
STAGE_OUTPUTS = (
    "conv1_relu",  # 64 channels
    "conv2_block3_out",  # 256
    "conv3_block4_out",  # 512
    "conv4_block6_out",  # 1024
    "conv5_block3_out",  # 2048
)
# Mean and standard deviation of RGB in [0, 1] on ImageNet, as used in PyTorch.
_MEAN = (0.485, 0.456, 0.406)
_STDDEV = (0.229, 0.224, 0.225)
ARCHITECTURES = ("paper", "laina", "harsanyi")


@keras.saving.register_keras_serializable(package="dpde_tf")
class ImageNetPreprocessing(keras.layers.Layer):
    """Converts RGB in [0, 1] to the input of the ResNet-50 of Keras.

    This input is BGR in [0, 255], minus the mean colour of ImageNet.
    """

    def call(self, image: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the input of the encoder for RGB images `[B, H, W, 3]` in [0, 1]."""
        return keras.applications.resnet.preprocess_input(image * 255.0)


def build_encoder(
    *,
    weights: str,
    batch_norm: str,
    batch_norm_momentum: float,
    architecture: str = "paper",
    field: str = "encoder_weights",
    num_stages: int = 5,
) -> keras.Model:
    """Returns ResNet-50 with its stages as outputs.

    Args:
        weights: `imagenet` (downloaded by Keras), `none` (random), or a
            `*.weights.h5` file of `keras.applications.ResNet50(include_top=False)`.
        batch_norm: `trainable`, or `frozen` to keep the loaded statistics, scales
            and shifts.
        batch_norm_momentum: Momentum of the moving averages of batch normalisation.
        architecture: `paper` for the graph of Keras; `laina` or `harsanyi` for the
            graph of a released network, which scales the image differently, and pads
            the pooling differently or has its strides in other layers.
        field: Name of the option for `weights`, for messages.
        num_stages: Stages to build, 2 to 5.

    Returns:
        Functional model from an RGB image `[B, H, W, 3]` in [0, 1] to the features
        named in `STAGE_OUTPUTS`, of ceil(H / 2^k) x ceil(W / 2^k) pixels, k = 1 to
        num_stages.

    Raises:
        ConnectionError: If `weights` is `imagenet`, and Keras neither has the weights
            nor can download them.
        FileNotFoundError: If `weights` names a file that does not exist.
        ValueError: If `weights` names a file with other content, or `batch_norm` or
            `architecture` is not one of the values above.

    Source: Xu & Liu (2021), Sect. 3.1; He et al. (2016).
    """
    if batch_norm not in ("trainable", "frozen"):
        raise ValueError(
            f"`batch_norm` must be 'trainable' or 'frozen'. Received: {batch_norm!r}."
        )
    if architecture not in ARCHITECTURES:
        raise ValueError(
            f"`architecture` must be one of {ARCHITECTURES}. Received: "
            f"{architecture!r}."
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
            num_stages=num_stages,
        )
    encoder = keras.Model(image, stages, name="encoder")
    if source is not None:
        for layer in encoder.layers:
            if layer.weights:
                layer.set_weights(source.get_layer(layer.name).get_weights())
    return encoder


def _load_resnet(weights: str, field: str) -> keras.Model:
    """The ResNet-50 of Keras; raises an error that names a remedy."""
    if weights != "imagenet" and not pathlib.Path(weights).is_file():
        raise FileNotFoundError(
            f"The file of encoder weights {weights!r} does not exist. Use 'imagenet', "
            f"'none' or a `.h5` file (`{field}`)."
        )
    try:
        return keras.applications.ResNet50(include_top=False, weights=weights)
    except Exception as error:  # Keras raises no specific class for a failed download.
        if weights == "imagenet":
            raise ConnectionError(
                f"The ImageNet weights could not be downloaded ({error}). Run the same "
                "command again with a network connection, or fetch the file by other "
                f"means and name it with `{field}=FILE`, or start from random weights "
                f"with `{field}=none`."
            ) from error
        raise ValueError(
            f"{weights} of `{field}` must be a file of weights of "
            "keras.applications.ResNet50(include_top=False) that no other program "
            f"is writing; Keras cannot read it ({error})."
        ) from error


def _preprocessing(architecture: str) -> keras.layers.Layer:
    """The layer that converts RGB in [0, 1] to the input of the encoder."""
    if architecture == "paper":
        return ImageNetPreprocessing(name="preprocessing")
    scale, offset = 255.0, 0.0
    if architecture == "harsanyi":
        scale = [1.0 / stddev for stddev in _STDDEV]
        offset = [-m / stddev for m, stddev in zip(_MEAN, _STDDEV, strict=True)]
    return keras.layers.Rescaling(scale, offset, name="preprocessing")
