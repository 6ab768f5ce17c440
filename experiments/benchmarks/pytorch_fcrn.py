"""FCRN in PyTorch for the benchmark (optional: `pip install .[bench]`).

    python pytorch_fcrn.py BATCH_SIZE HEIGHT WIDTH REPETITIONS BFLOAT16

prints the time and memory of a training step, measured by `row_timing`. It is run by
its path so that TensorFlow is not loaded, as PyTorch may crash beside it.
"""

import sys
from collections.abc import Callable

import torch
from row_timing import print_measurement, seconds_of
from torch import nn


def _conv_bn(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    """A convolution with batch normalisation."""
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class _Bottleneck(nn.Module):
    """A residual block of ResNet-50; the stride is in the first convolution."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            _conv_bn(inputs, width, 1, stride),
            nn.ReLU(inplace=True),
            _conv_bn(width, width, 3),
            nn.ReLU(inplace=True),
            _conv_bn(width, 4 * width, 1),
        )
        self.shortcut = nn.Identity()
        if inputs != 4 * width:
            self.shortcut = _conv_bn(inputs, 4 * width, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.branch(x) + self.shortcut(x))


class _UpProjection(nn.Module):
    """The up-projection, by a transposed convolution of stride 2."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.unpool_conv = nn.ConvTranspose2d(
            inputs, 2 * outputs, 5, 2, padding=2, output_padding=1, bias=False
        )
        self.unpool_bn = nn.BatchNorm2d(2 * outputs)
        self.conv = _conv_bn(outputs, outputs, 3)

    def forward(self, x: torch.Tensor, size: torch.Size) -> torch.Tensor:
        both = self.unpool_conv(x)[:, :, : size[0], : size[1]]
        first, second = self.unpool_bn(both).chunk(2, dim=1)
        return torch.relu(self.conv(torch.relu(first)) + second)


class FCRN(nn.Module):
    """The layers and sizes of `build_depth_network` without lateral connections."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv_bn(3, 64, 7, 2), nn.ReLU(inplace=True))
        stages, inputs = [], 64
        for width, blocks, stride in (
            (64, 3, 1),
            (128, 4, 2),
            (256, 6, 2),
            (512, 3, 2),
        ):
            layers = [_Bottleneck(inputs, width, stride)]
            inputs = 4 * width
            layers += [_Bottleneck(inputs, width, 1) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(*layers))
        stages[0].insert(0, nn.MaxPool2d(3, 2, 1))
        self.stages = nn.ModuleList(stages)
        self.reduce = _conv_bn(2048, 1024, 1)
        self.up = nn.ModuleList(_UpProjection(c, c // 2) for c in (1024, 512, 256, 128))
        self.head = nn.Conv2d(64, 1, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Depth `[B, 1, ceil(H / 2), ceil(W / 2)]` for images `[B, 3, H, W]`."""
        x = self.stem(image)
        sizes = []
        for stage in self.stages:
            sizes.append(x.shape[2:])
            x = stage(x)
        x = self.reduce(x)
        for up, size in zip(self.up, reversed(sizes), strict=True):
            x = up(x, size)
        return 2.8 + 0.1 * self.head(x)


def _berhu(truth: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
    """BerHu with its threshold over each image."""
    error = (predicted - truth).abs()
    c = 0.2 * error.detach().amax(dim=(1, 2, 3), keepdim=True)
    return torch.where(error <= c, error, (error**2 + c**2) / (2 * c)).mean()


def pytorch_training_step(
    batch_size: int, size: tuple[int, int], *, bfloat16: bool
) -> Callable[[], object]:
    """Returns a training step of FCRN with BerHu and SGD, in channels-last layout.

    Args:
        batch_size: Images per step.
        size: (height, width) of the images.
        bfloat16: Whether to run under PyTorch's automatic mixed precision.

    Returns:
        Training step.
    """
    network = FCRN().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-2, momentum=0.9)
    image = torch.rand(batch_size, 3, *size).to(memory_format=torch.channels_last)
    truth = 1.0 + 8.0 * torch.rand(batch_size, 1, *((n + 1) // 2 for n in size))

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            predicted = network(image)
        loss = _berhu(truth, predicted.float())
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def main(arguments: list[str]) -> None:
    """Times a training step."""
    batch_size, height, width, repetitions, bfloat16 = map(int, arguments)
    step = pytorch_training_step(batch_size, (height, width), bfloat16=bool(bfloat16))
    print_measurement(seconds_of(step, repetitions))


if __name__ == "__main__":
    main(sys.argv[1:])
