"""Configurations of networks, losses and training; every default names its reason.

"Paper" is Xu & Liu (2021), "Laina" is Laina et al. (2016), whose network and schedule
the paper takes over. "Ours" marks a value that neither gives.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class DepthNetworkConfig:
    """The modified FCRN (Fig. 2 of the paper), or FCRN.

    Attributes:
        lateral_connections: True is the modified FCRN, False the FCRN baseline.
        architecture: `paper`; or the exact graph of a released network, for its
            weights: `laina` (FCRN, TensorFlow) or `harsanyi` (the hybrid, PyTorch).
        encoder_weights: `imagenet` (paper), `none`, or a `.weights.h5` file of
            `keras.applications.ResNet50(include_top=False)`.
        encoder_batch_norm: `trainable` (paper: "all layers"), or `frozen` to keep
            ImageNet's statistics.
        batch_norm_momentum: Of the moving averages. Ours: 0.9, since 30 epochs of
            795 images are few steps.
        kernel_stddev: Gaussian initialisation of the new layers. Laina: 0.01.
        output_scale: depth = offset + scale * last convolution. Ours: 0.1. The same
            class of functions, but SGD at the paper's 1e-2 is stable.
        output_offset: The offset, metres; None takes the mean training depth. Ours.
        output_relu: ReLU on the depth. Paper: none; Laina's released graph has one.
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
    """Where the training of a network starts.

    Attributes:
        init_from: Instead of ImageNet or random weights: the folder of a run or of
            compact weights, a `.weights.h5` file of the same network, or, of a depth
            network, a released file of FCRN (`.npy`) or of the hybrid (`.model`,
            `.pth`). Paper: none.
    """

    init_from: str | None = None


@dataclasses.dataclass(frozen=True)
class GradientNetworkConfig:
    """The gradient network: ten 3x3 convolutions (paper, Sect. 3.1).

    Attributes:
        width: Channels of the hidden layers. Ours: 108, which makes it 1/75 of FCRN's
            parameters; the paper's Table 5 says 1/76.
        kernel_stddev: Gaussian initialisation ("with Gaussian distributions", paper);
            None is He et al. (2015), sqrt(2 / fan-in). Ours.
        output_kernel_stddev: The same for the last layer. Ours: 0.01.
    """

    width: int = 108
    kernel_stddev: float | None = None
    output_kernel_stddev: float = 0.01


@dataclasses.dataclass(frozen=True)
class ContextNetworkConfig:
    """The context network, ours, in the place of the gradient network.

    Attributes:
        context_encoder_weights: As --encoder_weights of the depth network.
        context_batch_norm_momentum: Of the moving averages.
        context_offset: Added to the last convolution, metres; None takes the mean
            training depth.
    """

    context_encoder_weights: str = "imagenet"
    context_batch_norm_momentum: float = 0.9
    context_offset: float | None = None


@dataclasses.dataclass(frozen=True)
class GuidedNetworkConfig:
    """The guided network, ours, which sees a coarse depth map beside the image.

    Attributes:
        guided_width: Channels of the first of its five levels; the last has four times
            as many.
    """

    guided_width: int = 32


@dataclasses.dataclass(frozen=True)
class DepthLossConfig:
    """Eqs. 1 to 3 of the paper.

    Attributes:
        lambda_berhu: Weight of the BerHu term. Paper: 1.
        lambda_fsim: Weight of 1 - FSIM. Paper: 1.
        berhu_c: `image` (paper: "each pixel in each depth image") or `batch` (Laina).
        max_depth: Depth that FSIM sees as 255, metres; None takes the largest
            training depth. Ours.
    """

    lambda_berhu: float = 1.0
    lambda_fsim: float = 1.0
    berhu_c: str = "image"
    max_depth: float | None = None


@dataclasses.dataclass(frozen=True)
class GradientLossConfig:
    """Eq. 4 of the paper.

    Attributes:
        alpha: The constant in the logarithm, metres per pixel. Hu et al. (2019): 0.5.
    """

    alpha: float = 0.5


@dataclasses.dataclass(frozen=True)
class ContextLossConfig:
    """The loss of the context network, ours.

    Attributes:
        lambda_depth: Weight of the mean absolute error of its depth.
        lambda_differences: Weight of that of the differences between pixels 1, 2, 4, 8
            and 16 apart.
    """

    lambda_depth: float = 1.0
    lambda_differences: float = 0.4


@dataclasses.dataclass(frozen=True)
class GuidedLossConfig:
    """The loss of the guided network, ours; depth is divided by the coarse map's mean.

    Attributes:
        lambda_level: Weight of the mean absolute error of its depth.
        lambda_steps: Weight of that of the differences between pixels 1, 2, 4, 8 and
            16 apart.
    """

    lambda_level: float = 1.0
    lambda_steps: float = 0.5


@dataclasses.dataclass(frozen=True)
class CoarseDepthConfig:
    """Coarse depth that the guided network is trained on, made from the truth. Ours.

    Attributes:
        max_shrink: Shrink by 1 to this factor, then enlarge bilinearly.
        max_blur: Largest standard deviation of a Gaussian blur, pixels.
        max_displacement: Typical size of the largest smooth displacement, pixels.
        max_level_error: Typical size of the largest smooth error of the level, as a
            part of the depth.
        max_noise: Largest standard deviation of noise, as a part of the depth.
        max_quantisation: Largest step of rounding, as a part of the mean depth.
        hole_share: Share of the images in whose depth there are holes, filled.
        predicted_share: Share of the images that get a predicted map, if they have one.
        coarse_predictions: Folders, separated by commas, of `experiments.predict` with
            depth of networks that had not seen the images; empty is none.
    """

    max_shrink: float = 16.0
    max_blur: float = 6.0
    max_displacement: float = 2.5
    max_level_error: float = 0.12
    max_noise: float = 0.02
    max_quantisation: float = 0.02
    hole_share: float = 0.2
    predicted_share: float = 0.5
    coarse_predictions: str = ""


@dataclasses.dataclass(frozen=True)
class AugmentationConfig:
    """Random changes of training images. Paper: none mentioned, so all are off.

    Attributes:
        flip: Mirror left and right, every other image.
        max_zoom: Zoom by 1 to this factor, with depth divided by it.
        max_rotation: Rotate by up to this angle either way, degrees.
        colour: Multiply brightness and each channel by 1 - colour to 1 + colour.
        crop_size: (height, width) of random crops, or None for whole images.
    """

    flip: bool = False
    max_zoom: float = 1.0
    max_rotation: float = 0.0
    colour: float = 0.0
    crop_size: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Optimisation and data order (paper, Sect. 4.2).

    Attributes:
        epochs: Passes over the training images. Paper: 30.
        batch_size: Ours: 8. The paper gives none; Laina took 16 on more images.
        optimizer: `sgd` (paper) or `adamw`.
        learning_rate: The first one. Paper: 1e-2.
        schedule: `paper` (a third of the epochs each at 1, 1/2 and 1/10 of the rate)
            or `cosine`.
        momentum: Of SGD. Paper: 0.9.
        weight_decay: Decoupled. Paper: none.
        warmup_steps: Steps of linear warm-up. Paper: none.
        clip_norm: Largest global norm of the gradient; 0 is no clipping (paper).
        num_validation: Training images held out for validation. Paper: none.
        swap_held_out: Train on those that num_validation holds out, and hold out the
            others: the second of two folds.
        checkpoint_steps: Steps between two checkpoints within an epoch.
        seed: Of the initialisation, the order of the data and the augmentation.
        precision: `auto`, `float32`, `mixed_bfloat16` or `mixed_float16`.
        deterministic: Use TensorFlow's deterministic kernels.
        on_bad_step: What to do about a loss or gradient that is not finite, or a loss
            that explodes: `stop`, or `skip` to go on without that batch.
        max_loss_growth: A loss that is more than so many times the moving average of
            those before explodes; 0 is no limit. Ours.
        distribution: `none`, `mirrored` for all GPUs of this machine, or
            `multi_worker` for those of the machines that TF_CONFIG lists.
        sync_batch_norm: Take the statistics of batch normalisation over all devices,
            as one device does; otherwise each takes those of its own images.
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
class PredictionConfig:
    """How trained networks are applied.

    Attributes:
        test_time_flip: Average each network's output with that of the mirrored image,
            mirrored back, at twice the time. Paper: none.
        context_share: What part of the depth that the fusion starts from is the context
            network's, if there is one; the rest is the depth network's. Ours: 0.5.
        at_training_size: Let the networks see records, like photographs, with as many
            pixels as the images that they were trained on; their maps are brought to
            the size of the records. False is the size of the records. Ours.
    """

    test_time_flip: bool = False
    context_share: float = 0.5
    at_training_size: bool = True


@dataclasses.dataclass(frozen=True)
class FusionConfig:
    """Eqs. 5 and 6 of the paper.

    Attributes:
        omega: Weight of the gradient terms. Paper: 10.
        epsilon: In phi(x) = sqrt(x^2 + epsilon). Karsch et al. (2014): 1e-4.
        num_irls_iterations: Karsch et al. (2014): 10.
    """

    omega: float = 10.0
    epsilon: float = 1e-4
    num_irls_iterations: int = 10
