"""Stores weights in a quarter of their size: int8 kernels with a scale per channel.

Small kernels are int16, see `dpde_tf.models.compact_kernels.code_dtype`.

A folder of compact weights holds pieces `compact-1.npz`, `compact-2.npz`, ..., none
over 40 MB, and `SHA256SUMS` of all its files. They are plain arrays: reading them runs
no code.
"""

import pathlib
from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np

from dpde_tf.files.arrays import read_npz
from dpde_tf.files.checksums import check_checksums, write_checksums
from dpde_tf.models.compact_kernels import SCALE, code_dtype
from dpde_tf.models.folding import Fold, assign_folded, is_folded_bias, trained_shapes

_PIECE_NAME = "compact-{}.npz"

_PIECE_BYTES = 40_000_000
# Clipping the largest weights makes the steps of all others finer. With int16 that
# would pay for channels of more than 3e7 weights.
_CLIPPING = {"int8": np.linspace(1.0, 0.5, 11, dtype=np.float32), "int16": [1.0]}


def quantize(kernel: np.ndarray, dtype: str = "int8") -> tuple[np.ndarray, np.ndarray]:
    """Returns an array in whole numbers, and the scale of each channel.

    For int16, the scale maps the largest weight of a channel to the largest integer.
    For int8, it is the one with the smallest squared error among eleven scales, from
    that one down to half of it.

    Args:
        kernel: float32 `[..., C]`.
        dtype: `int8` or `int16`.

    Returns:
        `dtype` `[..., C]`, as far below 0 as above (-127 to 127), and float32 `[C]`;
        their product is the kernel, rounded.

    Raises:
        ValueError: If a number is not finite.
    """
    if not np.isfinite(kernel).all():
        raise ValueError(
            "The weights must be finite; some are NaN or infinite. Train again."
        )
    limit = np.iinfo(dtype).max
    flat = kernel.reshape(-1, kernel.shape[-1])
    largest = np.abs(flat).max(axis=0)
    # A channel of zeros has any scale.
    largest = np.where(largest > 0, largest, 1.0)
    best = np.full(kernel.shape[-1], np.inf, np.float32)
    scale = np.maximum(largest / limit, np.finfo(np.float32).tiny).astype(np.float32)
    for clipping in _CLIPPING[dtype]:
        candidate = (largest * clipping / limit).astype(np.float32)
        # A candidate for tiny or huge weights may be 0 or infinitely wrong.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            rounded = _rounded(flat, candidate, limit) * candidate
            error = np.square(rounded - flat).sum(axis=0)
        scale = np.where(error < best, candidate, scale)
        best = np.minimum(error, best)
    return _rounded(flat, scale, limit).astype(dtype).reshape(kernel.shape), scale


def write_compact_weights(network: keras.Model, folder: str | pathlib.Path) -> None:
    """Writes the weights of a network; the same weights give the same bytes.

    Args:
        network: Any Keras model whose weights have different paths.
        folder: A folder that exists; other files in it go into the checksums too.
    """
    folder = pathlib.Path(folder)
    arrays: dict[str, np.ndarray] = {}
    for variable in network.weights:
        value = np.asarray(variable.value, np.float32)
        if dtype := code_dtype(value.shape):
            codes, arrays[variable.path + SCALE] = quantize(value, dtype)
            arrays[variable.path] = codes
        else:
            arrays[variable.path] = value
    for number, piece in enumerate(_pieces(arrays), start=1):
        np.savez_compressed(folder / _PIECE_NAME.format(number), **piece)
    write_checksums(folder)


def read_compact_weights(folder: str | pathlib.Path) -> "CompactWeights":
    """Returns compact weights, read and checked.

    Args:
        folder: As `write_compact_weights` wrote it.

    Returns:
        Arrays by path.

    Raises:
        ValueError: If a file is missing or damaged.
    """
    folder = pathlib.Path(folder)
    arrays: dict[str, np.ndarray] = {}
    try:
        check_checksums(folder)
        for path in sorted(folder.glob(_PIECE_NAME.format("*"))):
            arrays |= read_npz(path)
    except ValueError as error:
        raise ValueError(
            f"The weights in {folder} are damaged: {error}. Install the package again, "
            "or export them again."
        ) from error
    return CompactWeights(folder, arrays)


class CompactWeights(Mapping):
    """Weights by path, in float32; each is restored when it is asked for.

    All of them in float32 would be several hundred megabytes.

    Attributes:
        stored: Arrays by path as they are stored, and scales by `path.scale`.
    """

    def __init__(self, folder: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
        """Takes the arrays of all pieces.

        Args:
            folder: Where they are from, for messages.
            arrays: Whole numbers with their scales, and float32.
        """
        self._folder = folder
        self.stored = arrays

    def assign_to(self, network: keras.Model, folds: Sequence[Fold] = ()) -> None:
        """Sets all weights of a network.

        Args:
            network: Of the same layers as the one that was written, with its batch
                normalisations or without them, of `compact_kernels` or not.
            folds: Of `without_batch_normalization`, if it was built there.

        Raises:
            ValueError: If the weights are of another network.
        """
        found = {
            path: self.stored[path].shape
            for path in self
            if not is_folded_bias(path, folds)
        }
        expected = trained_shapes(network, folds)
        if expected != found:
            example = sorted(set(expected.items()) ^ set(found.items()))[0]
            raise ValueError(
                f"{self._folder} holds the weights of another network: {example[0]} "
                f"{list(example[1])} is in one of them alone."
            )
        assign_folded(network, self, folds, codes=self.stored)

    def __getitem__(self, path: str) -> np.ndarray:
        array = self.stored[path]
        scale = self.stored.get(path + SCALE)
        return array if scale is None else array.astype(np.float32) * scale

    def __iter__(self) -> Iterator[str]:
        return (path for path in self.stored if not path.endswith(SCALE))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def has_compact_weights(folder: str | pathlib.Path) -> bool:
    """Returns whether a folder holds compact weights.

    Args:
        folder: Any folder; it need not exist.

    Returns:
        True if their first piece is there.
    """
    return (pathlib.Path(folder) / _PIECE_NAME.format(1)).is_file()


def _rounded(flat: np.ndarray, scale: np.ndarray, limit: int) -> np.ndarray:
    """The nearest whole multiples of the scales, -limit to limit, as float32."""
    return np.clip(np.rint(flat / scale), -limit, limit)


def _pieces(arrays: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """The arrays, in order, in groups that are small enough for one file."""
    pieces, size = [{}], 0
    for name, array in arrays.items():
        if size and size + array.nbytes > _PIECE_BYTES:
            pieces.append({})
            size = 0
        pieces[-1][name] = array
        size += array.nbytes
    return pieces
