"""Writes the shards of a split one after another, with the pairs in order.

A few threads load and encode pairs, and the caller's thread writes them in order. Only
a few results are in memory at a time.
"""

import collections
import concurrent.futures
import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence

import keras
import numpy as np

from data_prep.conversion.pair_encoding import EncodedPair, Pair, encode_pair
from dpde_tf.data import manifest
from dpde_tf.data.records import open_record_writer
from dpde_tf.files.checksums import file_sha256


@dataclasses.dataclass(frozen=True)
class ShardTask:
    """A shard to write.

    Attributes:
        path: TFRecord file.
        pairs: Pairs in order.
        image_size: (height, width) of the records; None keeps the sizes of the pairs.
    """

    path: pathlib.Path
    pairs: tuple[Pair, ...]
    image_size: tuple[int, int] | None


@dataclasses.dataclass(frozen=True)
class WrittenShard:
    """Description of a written shard for the manifest.

    Attributes:
        shard: Entry of the manifest.
        records: Records without their bytes.
    """

    shard: manifest.Shard
    records: tuple[EncodedPair, ...]


# From the shards of a split and the number of threads: its entry in the manifest, and
# the size of its images.
SplitWriter = Callable[
    [Sequence[ShardTask], int], tuple[manifest.Split, tuple[int, int]]
]


def list_shards(
    directory: pathlib.Path,
    split: str,
    pairs: Sequence[Pair],
    image_size: tuple[int, int] | None,
    num_shards: int,
) -> list[ShardTask]:
    """Returns the shards of a split with about equal numbers of pairs.

    Args:
        directory: Folder of the record set.
        split: Name of the split.
        pairs: Pairs, at least one.
        image_size: See `ShardTask`.
        num_shards: Largest number of shards.

    Returns:
        Shards in order.
    """
    num_shards = min(num_shards, len(pairs))
    tasks = []
    for index, part in enumerate(np.array_split(np.arange(len(pairs)), num_shards)):
        path = directory / f"{split}-{index:05d}-of-{num_shards:05d}.tfrecord"
        tasks.append(ShardTask(path, tuple(pairs[i] for i in part), image_size))
    return tasks


def write_shard(
    path: pathlib.Path, records: Iterable[EncodedPair], *, name: str
) -> WrittenShard:
    """Writes a shard and returns its description.

    Args:
        path: File to write.
        records: Records in order.
        name: Name of the file in the manifest.

    Returns:
        Description of the shard.
    """
    written = []
    with open_record_writer(path) as writer:
        for record in records:
            writer.write(record.serialized)
            written.append(dataclasses.replace(record, serialized=b""))
    size = path.stat().st_size
    return WrittenShard(
        manifest.Shard(name, len(written), size, file_sha256(path)), tuple(written)
    )


def write_with_threads(
    tasks: Sequence[ShardTask], workers: int
) -> tuple[manifest.Split, tuple[int, int]]:
    """Writes the shards of a split on this machine.

    Args:
        tasks: Shards to write.
        workers: Number of threads that load and encode.

    Returns:
        The split's entry in the manifest, and the size of its images.

    Raises:
        ValueError: If a pair is invalid, or its size differs from the first one.
    """
    pairs = [pair for task in tasks for pair in task.pairs]
    encoded = _encode_in_order(pairs, tasks[0].image_size, workers)
    progress = keras.utils.Progbar(len(pairs), unit_name="pair")
    size = None

    def records(task: ShardTask) -> Iterator[EncodedPair]:
        nonlocal size
        for pair in task.pairs:
            record = next(encoded)
            size = size or record.image_size
            _check_same_size(record, size, pair)
            yield record
            progress.add(1)

    written = [write_shard(t.path, records(t), name=t.path.name) for t in tasks]
    return describe_split(tasks, written)


def describe_split(
    tasks: Sequence[ShardTask], written: Sequence[WrittenShard]
) -> tuple[manifest.Split, tuple[int, int]]:
    """Returns a split's entry in the manifest, and the size of its images.

    Args:
        tasks: Shards of the split.
        written: Descriptions in the same order.

    Returns:
        The entry, and (height, width).

    Raises:
        ValueError: If the size of a record differs from the first one.
    """
    pairs = [pair for task in tasks for pair in task.pairs]
    records = [record for shard in written for record in shard.records]
    size = records[0].image_size
    for record, pair in zip(records, pairs, strict=True):
        _check_same_size(record, size, pair)
    num_measured = sum(record.num_measured for record in records)
    split = manifest.Split(
        names=tuple(pair.name for pair in pairs),
        shards=tuple(shard.shard for shard in written),
        depth_min=min(record.depth_min for record in records),
        depth_max=max(record.depth_max for record in records),
        depth_mean=sum(record.depth_sum for record in records) / num_measured,
        valid_fraction=num_measured / (len(records) * size[0] * size[1]),
    )
    return split, size


def _check_same_size(record: EncodedPair, size: tuple[int, int], pair: Pair) -> None:
    """Raises a ValueError if the size of a record differs from the first one."""
    if record.image_size != size:
        raise ValueError(
            f"All records of a set must have one size: {pair.origin} has "
            f"{record.image_size}, the first one {size}. Give --image_size."
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
