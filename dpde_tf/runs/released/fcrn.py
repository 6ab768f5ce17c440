"""FCRN as its authors released it for TensorFlow (`NYU_FCRN` as one `.npy` file)."""

from dpde_tf.config import DepthNetworkConfig
from dpde_tf.runs.released.layer_file import read_layers
from dpde_tf.runs.released.release import Release, UpProjectionNames, bottlenecks


def _encoder() -> dict[str, tuple[str, str]]:
    """Layers of ResNet-50 by the names of its Caffe model."""
    names = {"conv1": ("conv1", "bn_conv1")}
    for stage, block, number in bottlenecks():
        letter = "abcdef"[block - 1]
        branch = ("branch1", "branch2a", "branch2b", "branch2c")[number]
        layer = f"{stage}{letter}_{branch}"
        names[f"conv{stage}_block{block}_{number}"] = (f"res{layer}", f"bn{layer}")
    return names


def _up_projection(size: str) -> UpProjectionNames:
    """The layers of the up-projection to `2x`, `4x`, ..."""
    branches = (f"layer{size}_br1", f"layer{size}_br2")
    return UpProjectionNames(
        interleaved=tuple(
            tuple(f"{branch}_Conv{letter}" for letter in "ABCD") for branch in branches
        ),
        interleaved_norms=tuple(f"{branch}_BN" for branch in branches),
        convolution=f"layer{size}_Conv",
        norm=f"layer{size}_BN",
    )


FCRN = Release(
    title="the released FCRN of Laina et al. (2016)",
    config=DepthNetworkConfig(
        lateral_connections=False,
        architecture="laina",
        encoder_weights="none",
        output_scale=1.0,
        output_offset=0.0,
        output_relu=True,
    ),
    image_size=(240, 320),  # Crops of 228x304.
    read=read_layers,
    epsilon=1e-4,
    kernel="{}/weights",
    kernel_axes=(0, 1, 2, 3),
    bias="{}/biases",
    norm=("{}/scale", "{}/offset", "{}/mean", "{}/variance"),
    encoder=_encoder(),
    encoder_biases=frozenset({"conv1"}),
    reduce=("layer1", "layer1_BN"),
    up_projections=tuple(_up_projection(size) for size in ("2x", "4x", "8x", "16x")),
    laterals=(),
    head="ConvPred",
)
