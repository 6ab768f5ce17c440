"""Named presets of training options, for each network."""

import dataclasses

from dpde_tf.config import AugmentationConfig, TrainingConfig

PRESETS = ("paper", "recommended")

# The receptive field of the gradient network is 21x21 pixels, so crops suffice.
_GRADIENT_CROP = (112, 144)
# Larger than needed for an edge, and faster than whole images.
_GUIDED_CROP = (144, 192)


@dataclasses.dataclass(frozen=True)
class Preset:
    """Options of training.

    Attributes:
        training: Optimisation and data order.
        augmentation: Random changes of the images.
    """

    training: TrainingConfig
    augmentation: AugmentationConfig


def depth_preset(name: str) -> Preset:
    """Returns a preset for the depth network.

    `paper` follows the paper: SGD with momentum 0.9, 30 epochs at 1e-2, 5e-3 and 1e-3,
    no augmentation. `recommended` has the same network, losses, images and epochs, but
    AdamW, a cosine schedule, and the augmentation of Eigen et al. (2014).

    Args:
        name: One of `PRESETS`.

    Returns:
        The preset.

    Raises:
        ValueError: If there is no such preset.

    Source: Xu & Liu (2021), Sect. 4.2.
    """
    _check_name(name)
    if name == "paper":
        return Preset(TrainingConfig(), AugmentationConfig())
    training = TrainingConfig(
        optimizer="adamw",
        learning_rate=2e-4,
        schedule="cosine",
        weight_decay=1e-4,
        warmup_steps=60,
        clip_norm=10.0,
    )
    augmentation = AugmentationConfig(
        flip=True, max_zoom=1.5, max_rotation=5.0, colour=0.2
    )
    return Preset(training, augmentation)


def gradient_preset(name: str) -> Preset:
    """Returns a preset for the gradient network: the depth preset, on random crops.

    The paper gives no separate schedule for this network.

    Args:
        name: One of `PRESETS`.

    Returns:
        The preset.

    Raises:
        ValueError: If there is no such preset.

    Source: Xu & Liu (2021), Sect. 4.2.
    """
    preset = depth_preset(name)
    augmentation = dataclasses.replace(preset.augmentation, crop_size=_GRADIENT_CROP)
    return dataclasses.replace(preset, augmentation=augmentation)


def guided_preset(name: str) -> Preset:
    """Returns a preset for the guided network, which is not part of the paper.

    Args:
        name: One of `PRESETS`; both give the same.

    Returns:
        The preset: random crops, AdamW, a cosine schedule, and the augmentation of the
        depth preset.

    Raises:
        ValueError: If there is no such preset.
    """
    _check_name(name)
    preset = depth_preset("recommended")
    training = dataclasses.replace(
        preset.training, learning_rate=2e-3, warmup_steps=200, clip_norm=1.0
    )
    augmentation = dataclasses.replace(preset.augmentation, crop_size=_GUIDED_CROP)
    return Preset(training, augmentation)


def _check_name(name: str) -> None:
    """Raises an error for an unknown preset."""
    if name not in PRESETS:
        raise ValueError(
            f"`preset` must be one of {', '.join(PRESETS)}. Received: {name!r}."
        )
