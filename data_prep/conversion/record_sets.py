"""Writes pairs of image and depth map as a record set, for all converters.

The same input always gives the same bytes. The record set is written to a hidden folder
and renamed when it is complete, so a killed conversion leaves nothing under the final
name.
"""

import contextlib
import dataclasses
import pathlib
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence

import cv2
import h5py
import numpy as np
import scipy
import tensorflow as tf

from data_prep.conversion.pair_encoding import Pair
from data_prep.conversion.raw_files import describe_files
from data_prep.conversion.split_writing import (
    SplitWriter,
    list_shards,
    write_with_threads,
)
from dpde_tf.data import manifest
from dpde_tf.files.atomic import PARTIAL, check_holds_only, partial_folder
from dpde_tf.files.folders import repeated
from dpde_tf.files.locks import LOCK_FILE, lock_file


@dataclasses.dataclass(frozen=True)
class Options:
    """Options that all converters share.

    Attributes:
        workers: Number of threads that load and encode, at least 1.
        num_shards: Files per split, at least 1 and at most one per record.
        overwrite: Whether an existing record set may be replaced.
        allow_partial: Whether a part of an official data set is accepted.
        name: Name of the data set in the manifest, for other data in the layout of an
            official set; None for the default of the converter.
        shrinking: How images are shrunk: `area` or `bilinear`, see `resize_image`.
    """

    workers: int = 2
    num_shards: int = 8
    overwrite: bool = False
    allow_partial: bool = False
    name: str | None = None
    shrinking: str = "area"


DEFAULT_OPTIONS = Options()


def _check_output(output: pathlib.Path, *, overwrite: bool) -> None:
    """Raises an error unless the output is new or may be replaced."""
    if not output.exists():
        return
    if not (output / manifest.FILE_NAME).is_file():
        if output.is_dir() and not any(output.iterdir()):
            return
        raise FileExistsError(
            f"{output} exists and is not a record set, so it is left alone. Give "
            "--output another name."
        )
    if not overwrite:
        raise FileExistsError(
            f"{output} is a record set already. Replace it with --overwrite, check it "
            "with --verify, or give --output another name."
        )
    check_holds_only(output, manifest.FILES)


@contextlib.contextmanager
def _new_folder(output: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields an empty folder and renames it to the output at the end."""
    replaced = output.with_name(f"{PARTIAL}former-{output.name}")
    lock = output.with_name(f".{output.name}{LOCK_FILE}")
    with lock_file(lock, guarded=output):
        _take_back(output, replaced)
        with partial_folder(output) as temporary:
            try:
                yield temporary
                if output.exists():
                    output.rename(replaced)
                temporary.rename(output)
            finally:
                _take_back(output, replaced)


def _take_back(output: pathlib.Path, replaced: pathlib.Path) -> None:
    """Restores the former record set unless the output exists."""
    if replaced.exists() and not output.exists():
        replaced.rename(output)
    shutil.rmtree(replaced, ignore_errors=True)


def _check_names(split: str, pairs: Sequence[Pair]) -> None:
    """Raises a ValueError if a split is empty or repeats a name."""
    if not pairs:
        raise ValueError(f"The split {split!r} must have a pair at least; it has none.")
    if twice := repeated(pair.name for pair in pairs):
        raise ValueError(
            f"Names must be unique in the split {split!r}; these come more than once: "
            f"{', '.join(twice[:5])}. Rename the files, or list each one once."
        )


def _versions() -> dict[str, str]:
    """Returns the versions of the libraries that affect the bytes of a record."""
    modules = {"tensorflow": tf, "opencv": cv2, "numpy": np, "scipy": scipy}
    versions = {name: module.__version__ for name, module in modules.items()}
    return {"python": platform.python_version(), **versions, "h5py": h5py.__version__}


def write_record_set(
    output: str | pathlib.Path,
    *,
    dataset: str,
    splits: Mapping[str, Sequence[Pair]],
    image_size: tuple[int, int] | None = None,
    raw_files: Mapping[str, Sequence[pathlib.Path]],
    settings: Mapping[str, object] | None = None,
    options: Options = DEFAULT_OPTIONS,
    write_split: SplitWriter = write_with_threads,
) -> manifest.Manifest:
    """Converts pairs to a record set and returns its manifest.

    Args:
        output: Folder to create.
        dataset: Name of the data set.
        splits: Pairs by name of the split, in order.
        image_size: (height, width) of all records; None keeps the sizes of the pairs,
            which must then be equal.
        raw_files: Files by label; the manifest gives their number, size and checksum.
        settings: Options of the converter for the manifest, as JSON types.
        options: Options that all converters share.
        write_split: Function that writes the shards of a split, locally or on other
            machines.

    Returns:
        Manifest of the new folder.

    Raises:
        FileExistsError: If the output exists and may not be replaced.
        ValueError: If an option, a name, a size or a depth is not allowed.
    """
    output = pathlib.Path(output).resolve()  # A link stays a link.
    if options.workers < 1 or options.num_shards < 1:
        raise ValueError(
            "--workers and --num_shards must be at least 1. Received: "
            f"{options.workers} and {options.num_shards}."
        )
    _check_output(output, overwrite=options.overwrite)
    name = options.name or dataset
    if not splits:
        raise ValueError(f"{dataset}: there is no pair to convert. Check the raw data.")
    for split, pairs in splits.items():
        _check_names(split, pairs)
    splits = {
        split: [dataclasses.replace(p, shrinking=options.shrinking) for p in pairs]
        for split, pairs in splits.items()
    }
    source = {
        "raw_files": {key: describe_files(files) for key, files in raw_files.items()},
        "settings": dict(settings or {}),
        "allow_partial": options.allow_partial,
        "shrinking": options.shrinking,
        "versions": _versions(),
    }
    written, sizes = {}, {}
    with _new_folder(output) as folder:
        # Another conversion may have finished since.
        _check_output(output, overwrite=options.overwrite)
        for split, pairs in splits.items():
            shards = list_shards(folder, split, pairs, image_size, options.num_shards)
            written[split], sizes[split] = write_split(shards, options.workers)
        if len(set(sizes.values())) > 1:
            raise ValueError(
                f"All splits must have one size; they have {sizes}. Give --image_size."
            )
        result = manifest.Manifest(name, sizes[split], written, source)
        manifest.write_manifest(result, folder)
    return result
