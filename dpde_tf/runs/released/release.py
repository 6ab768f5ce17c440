"""What a released network calls its arrays, and how they are laid out."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from dpde_tf.config import DepthNetworkConfig


@dataclasses.dataclass(frozen=True)
class UpProjectionNames:
    """Names of the layers of one up-projection.

    Attributes:
        interleaved: For each branch, the convolutions A, B, C and D.
        interleaved_norms: For each branch, the BN behind them.
        convolution: The 3x3 convolution of branch 1.
        norm: The BN behind it.
    """

    interleaved: tuple[tuple[str, ...], tuple[str, ...]]
    interleaved_norms: tuple[str, str]
    convolution: str
    norm: str


@dataclasses.dataclass(frozen=True)
class Release:
    """One released network.

    Attributes:
        title: Description for messages.
        config: The configuration that computes the same function.
        image_size: (height, width) of the training images, from which crops were taken.
        read: Returns the arrays of a file by name.
        epsilon: Constant that its BN adds to the variance.
        kernel: Name of a convolution's kernel, with the layer's name for `{}`.
        kernel_axes: The kernel's axes in the order rows, columns, in, out.
        bias: Name of a convolution's bias.
        norm: Names of a BN's scale, offset, mean and variance.
        encoder: Prefix of our layers to its convolution and BN.
        encoder_biases: Convolutions of the encoder that have a bias.
        reduce: Convolution to 1024 channels, and its BN.
        up_projections: The four up-projections.
        laterals: The 1x1 convolutions after the lateral concatenations, if any.
        head: The last convolution.
        ignored: Returns whether the array of a name is unused or repeats another one.
    """

    title: str
    config: DepthNetworkConfig
    image_size: tuple[int, int]
    read: Callable[[pathlib.Path], dict[str, np.ndarray]]
    epsilon: float
    kernel: str
    kernel_axes: tuple[int, int, int, int]
    bias: str
    norm: tuple[str, str, str, str]
    encoder: Mapping[str, tuple[str, str]]
    encoder_biases: frozenset[str]
    reduce: tuple[str, str]
    up_projections: tuple[UpProjectionNames, ...]
    laterals: tuple[str, ...]
    head: str
    ignored: Callable[[str], bool] = lambda name: False


def bottlenecks() -> Iterator[tuple[int, int, int]]:
    """Gives the convolutions of ResNet-50's blocks.

    Yields:
        Stage (2 to 5), block (from 1), and convolution: 1 to 3, and before them 0,
        the projection of the stage's first block.
    """
    for stage, num_blocks in ((2, 3), (3, 4), (4, 6), (5, 3)):
        for block in range(1, num_blocks + 1):
            for number in range(0 if block == 1 else 1, 4):
                yield stage, block, number


class NamedArrays:
    """The arrays of a file, of which each must be used."""

    def __init__(
        self, arrays: Mapping[str, np.ndarray], release: Release, path: pathlib.Path
    ) -> None:
        """Takes over the arrays."""
        self._arrays = {k: v for k, v in arrays.items() if not release.ignored(k)}
        self._release = release
        self._path = path
        self._unused = set(self._arrays)

    def kernel(self, layer: str) -> np.ndarray:
        """Returns a convolution's kernel, `[rows, columns, in, out]`."""
        kernel = self._take(self._release.kernel.format(layer), rank=4)
        return kernel.transpose(self._release.kernel_axes)

    def bias(self, layer: str) -> np.ndarray:
        """Returns a convolution's bias."""
        return self._take(self._release.bias.format(layer), rank=1)

    def norm(self, layer: str) -> list[np.ndarray]:
        """Returns a BN's scale, offset, mean and variance."""
        return [self._take(f.format(layer), rank=1) for f in self._release.norm]

    def check_all_used(self) -> None:
        """Raises a ValueError if an array has not been asked for."""
        if self._unused:
            raise ValueError(
                f"{self._path} has {len(self._unused)} arrays that are not in "
                f"{self._release.title}, such as {min(self._unused)!r}: it is of "
                "another network."
            )

    def _take(self, name: str, rank: int) -> np.ndarray:
        """The array of that name."""
        if name not in self._arrays:
            raise ValueError(
                f"{self._path} lacks {name!r}, which {self._release.title} has: it is "
                "of another network, or not whole."
            )
        self._unused.discard(name)
        array = self._arrays[name]
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            raise ValueError(f"{self._path}: {name!r} must be an array of floats.")
        if array.ndim != rank:
            raise ValueError(
                f"{self._path}: {name!r} must have {rank} axes. Received: "
                f"{array.shape}."
            )
        return array
