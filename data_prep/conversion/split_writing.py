"""The shards of a split: written one after another, each from its pairs in order.

Pairs are loaded and encoded by a few threads, of which only a few results are in
memory at a time, and written in order by the caller's thread.
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
    """A shard that is to be written.

    Attributes:
        path: The TFRecord file.
        pairs: Its pairs, in order.
        image_size: (height, width) of the records; None keeps the pairs' own.
    """

    path: pathlib.Path
    pairs: tuple[Pair, ...]
    image_size: tuple[int, int] | None


@dataclasses.dataclass(frozen=True)
class WrittenShard:
    """What the manifest needs to know of a shard.

    Attributes:
        shard: Its entry.
        records: Its records, without their bytes.
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
    """Returns the shards of a split, of as equal numbers of pairs as can be.

    Args:
        directory: Folder of the record set.
        split: Its name.
        pairs: Its pairs, at least one.
        image_size: See `ShardTask`.
        num_shards: Number of shards, at most.

    Returns:
        The shards, in order.
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
    """Writes a shard, and returns what the manifest needs to know of it.

    Args:
        path: File to write.
        records: What to write, in order.
        name: The file's name in the manifest.

    Returns:
        Its description.
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
        tasks: The shards.
        workers: Threads that load and encode.

    Returns:
        The split's entry in the manifest, and the size of its images.

    Raises:
        ValueError: If a pair breaks a rule, or has not the size of the first one.
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
        tasks: Its shards.
        written: What was written, in the same order.

    Returns:
        The entry, and (height, width).

    Raises:
        ValueError: If a record has not the size of the first one.
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
    """Raises a ValueError if a record has not the size of the first one."""
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
