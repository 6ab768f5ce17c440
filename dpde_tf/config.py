"""Configurations of networks, losses and training, with the reason for each default.

"Paper" is Xu & Liu (2021). "Laina" is Laina et al. (2016), whose network and schedule
the paper adopts. "Ours" marks a value that neither of them gives.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

_FINITE = "finite"
_NOT_NEGATIVE = "finite and >= 0"
_POSITIVE = "finite and > 0"
_FACTOR = "finite and >= 1"
_SHARE = "from 0 to 1"
_MOMENTUM = ">= 0 and < 1"
_ANGLE = "from 0 to 180"
_SEED = f"from 0 to {2**31 - 1}"
_LIMIT = "more than 1, or 0 for no limit"

_HOLDS: dict[str, Callable[[float], bool]] = {
    _FINITE: math.isfinite,
    _NOT_NEGATIVE: lambda number: 0.0 <= number < math.inf,
    _POSITIVE: lambda number: 0.0 < number < math.inf,
    _FACTOR: lambda number: 1.0 <= number < math.inf,
    _SHARE: lambda number: 0.0 <= number <= 1.0,
    _MOMENTUM: lambda number: 0.0 <= number < 1.0,
    _ANGLE: lambda number: 0.0 <= number <= 180.0,
    _SEED: lambda number: 0 <= number < 2**31,
    _LIMIT: lambda number: number == 0 or number > 1.0,
}

_RANGES = {
    "kernel_stddev": _POSITIVE,
    "output_kernel_stddev": _NOT_NEGATIVE,
    "output_scale": _FINITE,
    "output_offset": _FINITE,
    "context_offset": _FINITE,
    "batch_norm_momentum": _MOMENTUM,
    "context_batch_norm_momentum": _MOMENTUM,
    "lambda_berhu": _NOT_NEGATIVE,
    "lambda_fsim": _NOT_NEGATIVE,
    "lambda_log": _NOT_NEGATIVE,
    "lambda_depth": _NOT_NEGATIVE,
    "lambda_differences": _NOT_NEGATIVE,
    "lambda_level": _NOT_NEGATIVE,
    "lambda_steps": _NOT_NEGATIVE,
    "max_depth": _POSITIVE,
    "alpha": _POSITIVE,
    "max_shrink": _FACTOR,
    "predicted_max_shrink": _FACTOR,
    "hole_share": _SHARE,
    "predicted_share": _SHARE,
    "max_blur": _NOT_NEGATIVE,
    "max_displacement": _NOT_NEGATIVE,
    "max_level_error": _NOT_NEGATIVE,
    "max_noise": _NOT_NEGATIVE,
    "max_quantisation": _NOT_NEGATIVE,
    "context_share": _SHARE,
    "uncertainty_constant": _NOT_NEGATIVE,
    "uncertainty_per_difference": _NOT_NEGATIVE,
    "uncertainty_per_depth": _NOT_NEGATIVE,
    "omega": _POSITIVE,
    "epsilon": _POSITIVE,
    "num_irls_iterations": _FACTOR,
    "tolerance": _NOT_NEGATIVE,
    "max_zoom": _FACTOR,
    "max_rotation": _ANGLE,
    "colour": _SHARE,
    "epochs": _POSITIVE,
    "batch_size": _POSITIVE,
    "learning_rate": _POSITIVE,
    "momentum": _MOMENTUM,
    "weight_decay": _NOT_NEGATIVE,
    "warmup_steps": _NOT_NEGATIVE,
    "clip_norm": _NOT_NEGATIVE,
    "num_validation": _NOT_NEGATIVE,
    "checkpoint_steps": _POSITIVE,
    "seed": _SEED,
    "max_loss_growth": _LIMIT,
}


class _Checked:
    """A configuration whose numbers must be in their ranges; None is a default."""

    def __post_init__(self) -> None:
        """Raises a ValueError that names the number and its range."""
        given: dict[str, Any] = vars(self)
        for name, value in given.items():
            rule = _RANGES.get(name)
            if rule and value is not None and not _HOLDS[rule](value):
                raise ValueError(f"`{name}` must be {rule}. Received: {value}.")
        weights = [name for name in given if name.startswith("lambda_")]
        if weights and not any(given[name] for name in weights):
            names = ", ".join(f"`{name}`" for name in weights)
            raise ValueError(f"One of {names} must be > 0. Received: 0 for all.")


@dataclasses.dataclass(frozen=True)
class DepthNetworkConfig(_Checked):
    """The modified FCRN (Fig. 2 of the paper), or FCRN.

    Attributes:
        lateral_connections: True for the modified FCRN, False for the FCRN baseline.
        architecture: `paper`, or the exact graph of a network whose weights were
            released: `laina` (FCRN, TensorFlow) or `harsanyi` (the hybrid, PyTorch).
        encoder_weights: `imagenet` (paper), `none`, or a `.weights.h5` file of
            `keras.applications.ResNet50(include_top=False)`.
        encoder_batch_norm: `trainable` (paper: "all layers"), or `frozen` to keep
            the statistics of ImageNet.
        batch_norm_momentum: Momentum of the moving averages of batch normalisation.
            Ours: 0.9, since 30 epochs of 795 images are few steps.
        kernel_stddev: Standard deviation of the Gaussian initialisation of the new
            layers. Laina: 0.01.
        output_scale: Scale in depth = offset + scale * last convolution. Ours: 0.1. The
            network can represent the same functions, and SGD at the paper's 1e-2 is
            stable.
        output_offset: Offset in the same formula, metres; None for the mean training
            depth. Ours.
        output_relu: Whether a ReLU follows the depth. Paper: none; Laina's released
            graph has one.
    """

    lateral_connections: bool = True
    architecture: str = "paper"
    encoder_weights: str = "imagenet"
    encoder_batch_norm: str = "trainable"
    batch_norm_momentum: float = 0.9
    kernel_stddev: float = 0.01
    output_scale: float = 0.1
    output_offset: float | None = None
    output_relu: bool = False


@dataclasses.dataclass(frozen=True)
class InitialisationConfig:
    """Initial weights of a network.

    Attributes:
        init_from: Weights to start from instead of ImageNet or random weights: the
            folder of a run or of compact weights, or a `.weights.h5` file of the same
            network. A depth network also takes a released file of FCRN (`.npy`) or of
            the hybrid (`.model`, `.pth`). Paper: none.
    """

    init_from: str | None = None


@dataclasses.dataclass(frozen=True)
class GradientNetworkConfig(_Checked):
    """The gradient network: ten 3x3 convolutions (paper, Sect. 3.1).

    Attributes:
        width: Channels of the hidden layers. Ours: 108, which gives 1/75 of the
            parameters of FCRN; Table 5 of the paper gives 1/76.
        kernel_stddev: Standard deviation of the Gaussian initialisation (paper: "with
            Gaussian distributions"); None for sqrt(2 / fan-in), He et al. (2015). Ours.
        output_kernel_stddev: Standard deviation for the last layer. Ours: 0.01.
    """

    width: int = 108
    kernel_stddev: float | None = None
    output_kernel_stddev: float = 0.01


@dataclasses.dataclass(frozen=True)
class ContextNetworkConfig(_Checked):
    """The context network, ours, which replaces the gradient network.

    Attributes:
        context_encoder_weights: Weights of the encoder, as --encoder_weights of the
            depth network.
        context_batch_norm_momentum: Momentum of the moving averages of batch
            normalisation.
        context_offset: Offset added to the last convolution, metres; None for the mean
            training depth.
    """

    context_encoder_weights: str = "imagenet"
    context_batch_norm_momentum: float = 0.9
    context_offset: float | None = None


@dataclasses.dataclass(frozen=True)
class GuidedNetworkConfig:
    """The guided network, ours, whose input is the image and a coarse depth map.

    Attributes:
        guided_width: Channels of the first of the five levels; the last level has four
            times as many.
        guided_inputs: What the network is shown: `both`, or for an ablation only the
            `image` or only the `depth`. In all cases it changes the coarse depth.
    """

    guided_width: int = 32
    guided_inputs: str = "both"


@dataclasses.dataclass(frozen=True)
class DepthLossConfig(_Checked):
    """Eqs. 1 to 3 of the paper, and one more term.

    Attributes:
        lambda_berhu: Weight of the BerHu term. Paper: 1.
        lambda_fsim: Weight of 1 - FSIM. Paper: 1.
        berhu_c: Whether the threshold c is set per `image` (paper: "each pixel in each
            depth image") or per `batch` (Laina).
        max_depth: Depth that FSIM maps to 255, metres; None for the largest training
            depth. Ours.
        lambda_log: Weight of a term of the logarithm of depth. Paper: no such term.
    """

    lambda_berhu: float = 1.0
    lambda_fsim: float = 1.0
    berhu_c: str = "image"
    max_depth: float | None = None
    lambda_log: float = 0.0


@dataclasses.dataclass(frozen=True)
class GradientLossConfig(_Checked):
    """Eq. 4 of the paper.

    Attributes:
        alpha: Constant in the logarithm, metres per pixel. Hu et al. (2019): 0.5.
    """

    alpha: float = 0.5


@dataclasses.dataclass(frozen=True)
class ContextLossConfig(_Checked):
    """The loss of the context network, ours.

    Attributes:
        lambda_depth: Weight of the mean absolute error of the depth.
        lambda_differences: Weight of the sum of ten mean absolute errors: of the
            differences between pixels that are 1, 2, 4, 8 and 16 apart, along width and
            along height.
    """

    lambda_depth: float = 1.0
    lambda_differences: float = 0.4


@dataclasses.dataclass(frozen=True)
class GuidedLossConfig(_Checked):
    """The loss of the guided network, ours, for depth divided by the mean coarse depth.

    Attributes:
        lambda_level: Weight of the mean absolute error of the depth.
        lambda_steps: Weight of the sum of ten mean absolute errors: of the
            differences between pixels that are 1, 2, 4, 8 and 16 apart, along width and
            along height.
    """

    lambda_level: float = 1.0
    lambda_steps: float = 0.5


@dataclasses.dataclass(frozen=True)
class CoarseDepthConfig(_Checked):
    """Coarse depth for training the guided network, made from the ground truth. Ours.

    Attributes:
        max_shrink: Largest factor by which depth is shrunk and enlarged again; the
            smallest is 1.
        max_blur: Largest standard deviation of the Gaussian blur, pixels.
        max_displacement: Typical size of the largest smooth displacement, pixels.
        max_level_error: Typical size of the largest smooth error of the level, as a
            fraction of the depth.
        max_noise: Largest standard deviation of the noise, as a fraction of the depth.
        max_quantisation: Largest rounding step, as a fraction of the mean depth.
        hole_share: Share of the images in whose depth holes are cut and filled.
        predicted_share: Share of the images that get a predicted map, if they have one.
        predicted_max_shrink: Largest factor by which half of the predicted maps are
            shrunk and enlarged again, since other networks predict at lower resolution.
        coarse_predictions: Folders, separated by commas, that `experiments.predict`
            wrote with networks that were not trained on the images; empty for none.
    """

    max_shrink: float = 16.0
    max_blur: float = 6.0
    max_displacement: float = 2.5
    max_level_error: float = 0.12
    max_noise: float = 0.02
    max_quantisation: float = 0.02
    hole_share: float = 0.2
    predicted_share: float = 0.5
    predicted_max_shrink: float = 8.0
    coarse_predictions: str = ""


@dataclasses.dataclass(frozen=True)
class AugmentationConfig(_Checked):
    """Random changes of training images. The paper mentions none, so all are off.

    Attributes:
        flip: Whether to mirror images left to right with probability 1/2.
        max_zoom: Largest zoom factor, at least 1; depth is divided by the factor.
        max_rotation: Largest angle of rotation in either direction, degrees.
        colour: Largest relative change of the brightness and of each colour channel.
        crop_size: (height, width) of random crops, or None for whole images.
    """

    flip: bool = False
    max_zoom: float = 1.0
    max_rotation: float = 0.0
    colour: float = 0.0
    crop_size: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class TrainingConfig(_Checked):
    """Optimisation and data order (paper, Sect. 4.2).

    Attributes:
        epochs: Passes over the training images. Paper: 30.
        batch_size: Images per step. Ours: 8. The paper gives none; Laina used 16 with
            more images.
        optimizer: `sgd` (paper) or `adamw`.
        learning_rate: Initial learning rate. Paper: 1e-2.
        schedule: `paper` (a third of the epochs each at 1, 1/2 and 1/10 of the initial
            rate) or `cosine`.
        momentum: Momentum of SGD. Paper: 0.9.
        weight_decay: Decoupled weight decay. Paper: none.
        warmup_steps: Steps of linear warm-up. Paper: none.
        clip_norm: Largest global norm of the gradient; 0 for no clipping (paper).
        num_validation: Training images held out for validation. Paper: none.
        swap_held_out: Whether to train on the images that num_validation holds out, and
            to hold out the others: the second of two folds.
        checkpoint_steps: Steps between two checkpoints within an epoch.
        seed: Seed of the initialisation, the order of the data and the augmentation.
        precision: `auto`, `float32`, `mixed_bfloat16` or `mixed_float16`.
        deterministic: Whether to use the deterministic kernels of TensorFlow.
        on_bad_step: Reaction to a loss or gradient that is not finite, or to a loss
            that explodes: `stop`, or `skip` to continue without that batch.
        max_loss_growth: Ratio to the moving average of the preceding losses above which
            a loss counts as exploding; 0 for no limit. Ours.
        distribution: `none`, `mirrored` for all GPUs of this machine, or
            `multi_worker` for the GPUs of all machines that TF_CONFIG lists.
        sync_batch_norm: Whether to compute the statistics of batch normalisation over
            the images of all devices, as on one device; otherwise each device uses its
            own images.
    """

    epochs: int = 30
    batch_size: int = 8
    optimizer: str = "sgd"
    learning_rate: float = 1e-2
    schedule: str = "paper"
    momentum: float = 0.9
    weight_decay: float = 0.0
    warmup_steps: int = 0
    clip_norm: float = 0.0
    num_validation: int = 0
    swap_held_out: bool = False
    checkpoint_steps: int = 50
    seed: int = 0
    precision: str = "auto"
    deterministic: bool = False
    on_bad_step: str = "stop"
    max_loss_growth: float = 100.0
    distribution: str = "none"
    sync_batch_norm: bool = False


@dataclasses.dataclass(frozen=True)
class PredictionConfig(_Checked):
    """How trained networks are applied.

    Attributes:
        test_time_flip: Whether to average the output of each network for the image and
            for its mirror image, in twice the time. Paper: none.
        context_share: Weight of the context network's depth, if there is one, in the
            initial depth of the fusion; the depth network has the rest. Ours: 0.5.
        at_training_size: Whether to resize records, like photographs, to as many pixels
            as the training images before prediction, and the predicted maps back to the
            size of the records. Ours.
        sharpening: Exponent of the factor by which a guided network changes the depth
            of the other networks; 1 takes its output as it is. Where the network is not
            sure of an edge, its changes are too small, which an exponent above 1
            compensates. 1.5 was chosen on images that no network had seen. Ours.
    """

    test_time_flip: bool = False
    context_share: float = 0.5
    at_training_size: bool = True
    sharpening: float = 1.5


@dataclasses.dataclass(frozen=True)
class UncertaintyConfig(_Checked):
    """Expected error of fused depth, from the difference between two networks. Ours.

    The defaults were fitted on 95 images of NYU Depth v2, with networks of the same
    kind that were trained for 12 epochs on the other images; see "Doubtful depth" in
    `experiments/README.md`.

    Attributes:
        uncertainty_constant: Error that is always expected, metres.
        uncertainty_per_difference: Metres of error per metre of difference between the
            depths of the depth network and the context network.
        uncertainty_per_depth: Metres of error per metre of the mean of these depths.
    """

    uncertainty_constant: float = 0.0
    uncertainty_per_difference: float = 0.237
    uncertainty_per_depth: float = 0.1778


@dataclasses.dataclass(frozen=True)
class FusionConfig(_Checked):
    """Eqs. 5 and 6 of the paper.

    Attributes:
        omega: Weight of the gradient terms. Paper: 10.
        epsilon: Constant in phi(x) = sqrt(x^2 + epsilon). Karsch et al. (2014): 1e-4.
        num_irls_iterations: Iterations of IRLS. Karsch et al. (2014): 10.
        tolerance: Relative decrease of the energy at or below which the iterations end;
            0 ends them only if the energy does not decrease. Paper: "repeated until
            convergence", which 1e-6 with 200 iterations approximates.
    """

    omega: float = 10.0
    epsilon: float = 1e-4
    num_irls_iterations: int = 10
    tolerance: float = 0.0
