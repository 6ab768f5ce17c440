"""The hybrid of Harsanyi et al. (2018) as its authors released it, for PyTorch."""

from dpde_tf.config import DepthNetworkConfig
from dpde_tf.runs.released.release import Release, UpProjectionNames, bottlenecks
from dpde_tf.runs.released.torch_file import read_state_dict


def _encoder() -> dict[str, tuple[str, str]]:
    """Layers of ResNet-50 by the names of torchvision."""
    names = {"conv1": ("conv1", "bn1")}
    for stage, block, number in bottlenecks():
        place = f"layer{stage - 1}.{block - 1}"
        pair = (f"{place}.conv{number}", f"{place}.bn{number}")
        if number == 0:
            pair = (f"{place}.downsample.0", f"{place}.downsample.1")
        names[f"conv{stage}_block{block}_{number}"] = pair
    return names


def _up_projection(number: int) -> UpProjectionNames:
    """The layers of an up-projection; branch 2 is the residual one."""
    branches = tuple(f"up_proj{number}.{name}_branch" for name in ("main", "residual"))
    return UpProjectionNames(
        interleaved=tuple(
            tuple(f"{branch}.0.conv_{letter}" for letter in "ABCD")
            for branch in branches
        ),
        interleaved_norms=tuple(f"{branch}.1" for branch in branches),
        convolution=f"{branches[0]}.3",
        norm=f"{branches[0]}.4",
    )


def _is_ignored(name: str) -> bool:
    """Whether an array counts batches, or is there again as `main_branch.0`, ..."""
    return name.endswith(".num_batches_tracked") or ".unpool_" in name


HYBRID = Release(
    title="the released hybrid of Harsanyi et al. (2018)",
    config=DepthNetworkConfig(
        lateral_connections=True,
        architecture="harsanyi",
        encoder_weights="none",
        output_scale=1.0,
        output_offset=0.0,
        output_relu=True,
    ),
    image_size=(264, 352),  # Crops of 256x320.
    read=read_state_dict,
    epsilon=1e-5,
    kernel="{}.weight",
    kernel_axes=(2, 3, 1, 0),
    bias="{}.bias",
    norm=("{}.weight", "{}.bias", "{}.running_mean", "{}.running_var"),
    encoder=_encoder(),
    encoder_biases=frozenset(),
    reduce=("conv2", "bn2"),
    up_projections=tuple(_up_projection(number) for number in (1, 2, 3, 4)),
    laterals=tuple(f"con_conv{number}.conv" for number in (1, 2, 3, 4)),
    head="conv3",
    ignored=_is_ignored,
)
