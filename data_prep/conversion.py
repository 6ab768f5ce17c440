"""Pairs of image and depth map -> a record set; every converter ends here.

Pairs are loaded and encoded by a few threads, of which only a few results are in
memory at a time, and written in order by the caller's thread: the same input
gives the same bytes. The record set is made in `<output>.tmp` and renamed when it
is whole, so that a killed conversion leaves nothing under the final name.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import pathlib
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence

import cv2
import h5py
import keras
import numpy as np
import scipy
import tensorflow as tf

from data_prep.pair_encoding import EncodedPair, Pair, encode_pair
from data_prep.raw_files import describe_files, sha256
from dpde_tf.data import manifest


@dataclasses.dataclass(frozen=True)
class Options:
    """How to convert, the same for all data sets.

    Attributes:
        workers: Threads that load and encode, at least 1.
        num_shards: Files a split, at least 1 and at most one for each record.
        overwrite: Whether a record set that is there may be replaced.
        allow_partial: Whether a part of an official data set will do.
        name: Name of the data set in the manifest; None for the converter's own. For
            other data in the layout of an official set.
    """

    workers: int = 2
    num_shards: int = 8
    overwrite: bool = False
    allow_partial: bool = False
    name: str | None = None


DEFAULT_OPTIONS = Options()


def _check_output(output: pathlib.Path, *, overwrite: bool) -> None:
    """Raises an error unless the output is free or may be replaced."""
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


@contextlib.contextmanager
def _new_folder(output: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives `<output>.tmp`, empty, and renames it to the output at the end."""
    temporary = output.with_name(output.name + ".tmp")
    replaced = output.with_name(output.name + ".old")
    for leftover in (temporary, replaced):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if output.exists():
            output.rename(replaced)
        temporary.rename(output)
    finally:
        for leftover in (temporary, replaced):
            shutil.rmtree(leftover, ignore_errors=True)


def _check_names(split: str, pairs: Sequence[Pair]) -> None:
    """Raises a ValueError if a split is empty or has a name twice."""
    if not pairs:
        raise ValueError(f"The split {split!r} must have a pair at least; it has none.")
    counts = collections.Counter(pair.name for pair in pairs)
    repeated = sorted(name for name, count in counts.items() if count > 1)
    if repeated:
        raise ValueError(
            f"Names must be unique in the split {split!r}; these come more than once: "
            f"{', '.join(repeated[:5])}. Rename the files, or list each one once."
        )


def _encode_in_order(
    pairs: Sequence[Pair], image_size: tuple[int, int] | None, workers: int
) -> Iterator[EncodedPair]:
    """Yields the encoded pairs in order, a few ahead of the reader."""
    window = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(workers) as executor:
        for pair in pairs:
            window.append(executor.submit(encode_pair, pair, image_size))
            if len(window) > 2 * workers:
                yield window.popleft().result()
        while window:
            yield window.popleft().result()


def _describe_split(
    pairs: Sequence[Pair],
    shards: Sequence[manifest.Shard],
    encoded: Sequence[EncodedPair],
) -> manifest.Split:
    """Returns the manifest's entry of a split."""
    num_measured = sum(record.num_measured for record in encoded)
    height, width = encoded[0].image_size
    return manifest.Split(
        names=tuple(pair.name for pair in pairs),
        shards=tuple(shards),
        depth_min=min(record.depth_min for record in encoded),
        depth_max=max(record.depth_max for record in encoded),
        depth_mean=sum(record.depth_sum for record in encoded) / num_measured,
        valid_fraction=num_measured / (len(encoded) * height * width),
    )


def _check_same_size(record: EncodedPair, first: EncodedPair, pair: Pair) -> None:
    """Raises a ValueError if a record has not the size of the first one."""
    if record.image_size != first.image_size:
        raise ValueError(
            f"All records of a set must have one size: {pair.origin} has "
            f"{record.image_size}, the first one {first.image_size}. Give --image_size."
        )


def _write_split(
    directory: pathlib.Path,
    split: str,
    pairs: Sequence[Pair],
    image_size: tuple[int, int] | None,
    options: Options,
) -> tuple[manifest.Split, tuple[int, int]]:
    """Writes the shards of a split; returns its description and its image size."""
    num_shards = min(options.num_shards, len(pairs))
    records = _encode_in_order(pairs, image_size, options.workers)
    progress = keras.utils.Progbar(len(pairs), unit_name=split)
    shards, written = [], []
    for index, part in enumerate(np.array_split(np.arange(len(pairs)), num_shards)):
        path = directory / f"{split}-{index:05d}-of-{num_shards:05d}.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for position in part:
                record = next(records)
                writer.write(record.serialized)
                written.append(dataclasses.replace(record, serialized=b""))
                _check_same_size(record, written[0], pairs[position])
                progress.add(1)
        size = path.stat().st_size
        shards.append(manifest.Shard(path.name, len(part), size, sha256(path)))
    return _describe_split(pairs, shards, written), written[0].image_size


def _versions() -> dict[str, str]:
    """Returns the versions of what could change the bytes of a record."""
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
) -> manifest.Manifest:
    """Converts pairs to a record set, and returns its manifest.

    Args:
        output: Folder to make.
        dataset: Name of the data set.
        splits: Split name to its pairs, in order.
        image_size: (height, width) of all records; None keeps the pairs' own, which
            must then be equal.
        raw_files: Label to files, of which the manifest gives number, size and
            checksum.
        settings: The converter's own options, for the manifest; JSON types.
        options: What all converters have in common.

    Returns:
        What `manifest.json` of the new folder says.

    Raises:
        FileExistsError: If the output is there and may not be replaced.
        ValueError: If an option, a name, a size or a depth is not allowed.
    """
    output = pathlib.Path(output)
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
    source = {
        "raw_files": {key: describe_files(files) for key, files in raw_files.items()},
        "settings": dict(settings or {}),
        "allow_partial": options.allow_partial,
        "versions": _versions(),
    }
    written, sizes = {}, {}
    with _new_folder(output) as folder:
        for split, pairs in splits.items():
            written[split], sizes[split] = _write_split(
                folder, split, pairs, image_size, options
            )
        if len(set(sizes.values())) > 1:
            raise ValueError(
                f"All splits must have one size; they have {sizes}. Give --image_size."
            )
        result = manifest.Manifest(name, sizes[split], written, source)
        manifest.write_manifest(result, folder)
    return result
