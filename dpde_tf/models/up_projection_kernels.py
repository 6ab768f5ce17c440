"""Conversions between three forms of the kernel of unpooling and convolution.

With `x` of `[B, H, W, in]`, these give the same `[B, 2 H, 2 W, out]`:

literal      Unpooling, which puts each value at the top left of a 2x2 block of zeros,
             then a 5x5 convolution, zero-padded by 2. Kernel `[5, 5, in, out]`.
transposed   A transposed convolution of stride 2 with the result
             `[2 H + 3, 2 W + 3]`, without its first two and its last row and column.
             Kernel `[5, 5, out, in]`.
interleaved  Four convolutions of `x` itself, whose results are the four pixels of each
             2x2 block. A: top left, kernel `[3, 3, in, out]`; B: bottom left,
             `[2, 3, in, out]`; C: top right, `[3, 2, in, out]`; D: bottom right,
             `[2, 2, in, out]`. Zero-padded by 1, but not at the top of a kernel with
             two rows, nor at the left of a kernel with two columns.

The conversions only reorder numbers, so they are exact.
"""

from collections.abc import Sequence

import numpy as np

# Row and column within a block of 2x2 pixels, for A, B, C and D.
_PHASES = ((0, 0), (1, 0), (0, 1), (1, 1))


def literal_to_transposed(kernel: np.ndarray) -> np.ndarray:
    """Converts a literal kernel to the kernel of the transposed convolution, or back.

    Args:
        kernel: `[5, 5, in, out]`.

    Returns:
        `[5, 5, out, in]`, rotated by 180 degrees: its own inverse.

    Source: Laina et al. (2016), Sect. 3.2.
    """
    _check_literal(kernel)
    return np.ascontiguousarray(kernel[::-1, ::-1].swapaxes(2, 3))


def literal_to_interleaved(kernel: np.ndarray) -> list[np.ndarray]:
    """Converts a literal kernel to the four interleaved kernels.

    Args:
        kernel: `[5, 5, in, out]`.

    Returns:
        A, B, C and D: the even or odd rows and columns of the kernel.

    Source: Laina et al. (2016), Fig. 3.
    """
    _check_literal(kernel)
    return [kernel[row::2, column::2].copy() for row, column in _PHASES]


def interleaved_to_literal(kernels: Sequence[np.ndarray]) -> np.ndarray:
    """Converts the four interleaved kernels to the literal one.

    Args:
        kernels: A, B, C and D.

    Returns:
        `[5, 5, in, out]`.

    Raises:
        ValueError: If their shapes are not those in the description of this module.

    Source: Laina et al. (2016), Fig. 3.
    """
    channels = kernels[0].shape[2:]
    shapes = [kernel.shape for kernel in kernels]
    if shapes != [(3 - row, 3 - column, *channels) for row, column in _PHASES]:
        raise ValueError(
            "The interleaved kernels A, B, C and D must be 3x3, 2x3, 3x2 and 2x2 with "
            f"the same channels. Received: {shapes}."
        )
    literal = np.empty((5, 5, *channels), kernels[0].dtype)
    for kernel, (row, column) in zip(kernels, _PHASES, strict=True):
        literal[row::2, column::2] = kernel
    return literal


def _check_literal(kernel: np.ndarray) -> None:
    """Raises an error unless the kernel is 5x5."""
    if kernel.ndim != 4 or kernel.shape[:2] != (5, 5):
        raise ValueError(
            f"`kernel` must be [5, 5, channels, channels]. Received: {kernel.shape}."
        )
