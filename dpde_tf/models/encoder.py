"""The ResNet-50 encoder (He et al. 2016) with ImageNet weights."""

import pathlib

import keras

from dpde_tf.models.batch_normalization import FusedBatchNormalization

# Name of the last layer of each stage; the map has 1/2, 1/4, ... of the image's size.
STAGE_OUTPUTS = (
    "conv1_relu",  # 64 channels
    "conv2_block3_out",  # 256
    "conv3_block4_out",  # 512
    "conv4_block6_out",  # 1024
    "conv5_block3_out",  # 2048
)


@keras.saving.register_keras_serializable(package="dpde_tf")
class ImageNetPreprocessing(keras.layers.Layer):
    """Turns RGB in [0, 1] into what Keras's ResNet-50 was trained on.

    That is BGR in [0, 255] with ImageNet's mean colour subtracted.
    """

    def call(self, image: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the encoder's input for RGB images `[B, H, W, 3]` in [0, 1]."""
        return keras.applications.resnet.preprocess_input(image * 255.0)


def build_encoder(
    *, weights: str, batch_norm: str, batch_norm_momentum: float
) -> keras.Model:
    """Returns ResNet-50 from the image to its five stages.

    Args:
        weights: `imagenet` (downloaded by Keras), `none` (random), or a file that
            `keras.applications.ResNet50(include_top=False)` saved, `*.weights.h5`.
        batch_norm: `trainable`, or `frozen` to keep the loaded statistics, scales
            and shifts.
        batch_norm_momentum: Of the moving averages.

    Returns:
        A functional model: RGB image `[B, H, W, 3]` in [0, 1] -> the features named
        in `STAGE_OUTPUTS`, of ceil(H / 2^k) x ceil(W / 2^k), k = 1 to 5.

    Raises:
        FileNotFoundError: If `weights` names a file that does not exist.
        ValueError: If `batch_norm` is none of the two words.

    Source: Xu & Liu (2021), Sect. 3.1; He et al. (2016).
    """
    if batch_norm not in ("trainable", "frozen"):
        raise ValueError(
            f"`batch_norm` must be 'trainable' or 'frozen'. Received: {batch_norm!r}."
        )
    if weights not in ("imagenet", "none") and not pathlib.Path(weights).is_file():
        raise FileNotFoundError(
            f"There is no file of encoder weights {weights!r}. Use 'imagenet', 'none' "
            "or a `.weights.h5` file (flag --encoder_weights)."
        )
    resnet = keras.applications.ResNet50(
        include_top=False, weights=None if weights == "none" else weights
    )

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if not isinstance(layer, keras.layers.BatchNormalization):
            return type(layer).from_config(config)
        config |= {
            "momentum": batch_norm_momentum,
            "trainable": batch_norm == "trainable",
        }
        return FusedBatchNormalization.from_config(config)

    image = keras.Input((None, None, 3), name="image")
    encoder = keras.models.clone_model(
        resnet,
        input_tensors=ImageNetPreprocessing(name="preprocessing")(image),
        clone_function=clone,
    )
    encoder.set_weights(resnet.get_weights())
    stages = [encoder.get_layer(name).output for name in STAGE_OUTPUTS]
    return keras.Model(image, stages, name="encoder")
