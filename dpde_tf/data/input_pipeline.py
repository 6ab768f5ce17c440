"""Input pipeline from a record set to batches: order, held-out images, augmentation."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from dpde_tf.config import AugmentationConfig
from dpde_tf.data.augmentation import augment
from dpde_tf.data.batch_share import BatchShare
from dpde_tf.data.coarse_depth import CoarseDepths
from dpde_tf.data.manifest import Manifest, Split, check_shards, read_manifest
from dpde_tf.data.records import decode_record, without_tuning

# Records that are shuffled together; a smaller set is shuffled completely.
SHUFFLE_BUFFER = 1024
_HELD_OUT_RUNS = 10
_WHOLE = BatchShare()


@dataclasses.dataclass(frozen=True)
class RecordSet:
    """A split of a record set on disk, or a part of it.

    Attributes:
        directory: Folder with the manifest and the shards.
        manifest: Manifest of the record set.
        split_name: Name of the split, such as `train`.
        selected: Boolean `[N]`, True for the records of the split that are in the set.
    """

    directory: pathlib.Path
    manifest: Manifest
    split_name: str
    selected: np.ndarray

    @classmethod
    def open(cls, directory: str | pathlib.Path, split_name: str) -> "RecordSet":
        """Returns all records of a split.

        Args:
            directory: Folder of a record set.
            split_name: Name of the split, such as `train` or `test`.

        Returns:
            The split.

        Raises:
            FileNotFoundError: If the folder has no manifest, or a shard is missing.
            ValueError: If there is no such split, or a shard is truncated.
        """
        directory = pathlib.Path(directory)
        manifest = read_manifest(directory)
        split = manifest.split(split_name)
        check_shards(directory, split, checksums=False)
        selected = np.ones(split.num_records, bool)
        return cls(directory, manifest, split_name, selected)

    @property
    def split(self) -> Split:
        """The entry of the whole split in the manifest."""
        return self.manifest.split(self.split_name)

    @property
    def num_records(self) -> int:
        """Number of the selected records."""
        return int(self.selected.sum())

    def hold_out(
        self, count: int, *, swap: bool = False
    ) -> tuple["RecordSet", "RecordSet"]:
        """Returns this set without `count` records, and those records.

        The held-out records are ten evenly spaced runs of neighbours. Neighbouring
        records of NYU show the same room, so that single records would have near
        copies in the training set.

        Args:
            count: Number of records to hold out, at most half of them; 0 gives an
                empty second set.
            swap: Whether to exchange the two sets.

        Returns:
            The remaining and the held-out records.

        Raises:
            ValueError: If `count` is more than half of the records, or if `swap` is
                True and `count` is 0.
        """
        total = len(self.selected)
        if not 0 <= count <= total // 2:
            raise ValueError(
                f"{self.directory} has {total} records in {self.split_name!r}, so 0 to "
                f"{total // 2} can be held out. Received: {count} (`num_validation`)."
            )
        if swap and not count:
            raise ValueError("`swap_held_out` needs a `num_validation`.")
        held_out = np.zeros(total, bool)
        runs = min(_HELD_OUT_RUNS, count)
        for run in range(runs):
            length = count // runs + (run < count % runs)
            start = run * total // runs
            held_out[start : start + length] = True
        parts = self.without(held_out), self.without(~held_out)
        return parts[::-1] if swap else parts

    def without(self, excluded: np.ndarray) -> "RecordSet":
        """Returns this set without some of its records.

        Args:
            excluded: Boolean `[N]`, by index in the split.

        Returns:
            The remaining records.
        """
        return dataclasses.replace(self, selected=self.selected & ~excluded)

    def describe(self, indices: np.ndarray) -> list[str]:
        """Returns descriptions of records for a message.

        Args:
            indices: Indices in the split.

        Returns:
            Name and file of each record.
        """
        names = [self.split.names[index] for index in indices]
        return [f"{name} of {self.split.file_of(name)}" for name in names]

    def serialized(self) -> tf.data.Dataset:
        """Returns the selected records, in order, as (index in the split, bytes).

        A truncated shard raises an error of TensorFlow, see `readable_record_errors`.
        """
        files = [str(self.directory / shard.file) for shard in self.split.shards]
        counts = np.array([s.num_records for s in self.split.shards], np.int64)
        shards = tf.data.Dataset.from_tensor_slices((files, counts))
        records = shards.flat_map(_whole_shard).enumerate()
        records = records.with_options(without_tuning())
        if self.selected.all():
            return records
        selected = tf.constant(self.selected)
        return records.filter(lambda index, _: selected[index])


def make_training_dataset(
    records: RecordSet,
    *,
    batch_size: int,
    augmentation: AugmentationConfig,
    seed: int,
    epoch: int,
    start_batch: int = 0,
    share: BatchShare = _WHOLE,
    coarse: CoarseDepths | None = None,
) -> tf.data.Dataset:
    """Returns the batches of one epoch, in an order that (seed, epoch) determines.

    The order and the random changes depend only on the arguments, so that a resumed
    epoch continues with exactly the batches that were left.

    Args:
        records: The training records.
        batch_size: Images per batch. Each record is used once; the last batch is filled
            up with other records without depth, which do not change the loss.
        augmentation: Random changes of the pairs.
        seed: Seed of the run.
        epoch: Number of the epoch, from 0; each epoch has another order.
        start_batch: Number of batches to skip.
        share: Part of each batch that this process prepares; by default the whole
            batch. The parts of all processes make up the batches of a single process.
        coarse: Source of the coarse depth map of each image; None for no such map.

    Returns:
        Batches of `image` (RGB in [0, 1], float32 `[B, H, W, 3]`), `depth` (metres,
        float32 `[B, H, W, 1]`), `name` (`[B]`) and `index` in the split (`[B]`;
        negative for a record that fills up the batch); with `coarse`, also of
        `coarse_depth`, like `depth`.

    Raises:
        ValueError: If there are fewer records than images per batch, or the crop is
            larger than the images.
    """
    check_batches(records, batch_size, augmentation)

    @tf.autograph.experimental.do_not_convert
    def prepare(index: tf.Tensor, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        pair = decode_pair(serialized, records.manifest.image_size)
        pair_seed = tf.random.experimental.stateless_fold_in(
            tf.constant([seed, epoch], tf.int32), tf.cast(index, tf.int32)
        )
        depth, more = pair["depth"], {}
        if coarse:
            predicted = coarse.predicted(index, records.manifest.image_size)
            depth = tf.concat([depth, predicted], axis=-1)
        image, depth = augment(pair["image"], depth, pair_seed, augmentation)
        if coarse:
            depth, predicted = tf.split(depth, 2, axis=-1)
            coarse_seed = tf.random.experimental.stateless_fold_in(pair_seed, 1)
            more["coarse_depth"] = coarse.make(depth, predicted, coarse_seed)
        depth = tf.where(index < 0, 0.0, depth)
        fields = {"image": image, "depth": depth, "name": pair["name"], "index": index}
        return fields | more

    examples = records.serialized().shuffle(SHUFFLE_BUFFER, seed=seed * 10_007 + epoch)
    missing = -records.num_records % batch_size
    if missing:
        examples = examples.concatenate(_fillers(records, missing, [seed, epoch]))
    examples = examples.skip(start_batch * batch_size)
    return (
        share.of(examples, batch_size)
        .map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(batch_size // (share.num_workers * share.pieces), drop_remainder=True)
        .prefetch(2 * share.pieces)
    )


def _fillers(records: RecordSet, count: int, seed: list[int]) -> tf.data.Dataset:
    """Random records to fill up a batch, with -1 - (index in the split) as index."""
    indices = np.flatnonzero(records.selected)
    chosen = np.random.default_rng(seed).choice(indices, count, replace=False)
    others = ~np.isin(np.arange(len(records.selected)), chosen)
    fillers = records.without(others).serialized().take(count)
    return fillers.map(lambda index, serialized: (-1 - index, serialized))


def make_evaluation_dataset(
    records: RecordSet, *, batch_size: int, coarse: CoarseDepths | None = None
) -> tf.data.Dataset:
    """Returns all records once, in order, without random changes.

    Args:
        records: The records.
        batch_size: Images per batch; the last batch may be smaller.
        coarse: Source of the coarse depth map of each image, which is the same at every
            call; None for no such map.

    Returns:
        Batches as `make_training_dataset` returns them, without `index`.
    """
    size = records.manifest.image_size

    @tf.autograph.experimental.do_not_convert
    def prepare(index: tf.Tensor, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        pair = decode_pair(serialized, size)
        if coarse:
            seed = tf.stack([0, tf.cast(index, tf.int32)])
            predicted = coarse.predicted(index, size)
            pair["coarse_depth"] = coarse.make(pair["depth"], predicted, seed)
        return pair

    return (
        records.serialized()
        .map(prepare, tf.data.AUTOTUNE)
        .batch(batch_size)
        .prefetch(2)
    )


def _whole_shard(file: tf.Tensor, num_records: tf.Tensor) -> tf.data.Dataset:
    """The records of a file, which must be `num_records`."""
    # No record is empty, so an empty one can mark the end.
    end = tf.data.Dataset.from_tensors(b"")

    def check(number: tf.Tensor, record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        ends = tf.equal(tf.strings.length(record), 0)
        whole = tf.equal(ends, tf.equal(number, num_records))
        what = ["A shard must have as many records as the manifest says:", file]
        with tf.control_dependencies([tf.debugging.Assert(whole, what)]):
            return number, tf.identity(record)

    return (
        tf.data.TFRecordDataset(file)
        .concatenate(end)
        .enumerate()
        .map(check)
        .filter(lambda number, _: number < num_records)
        .map(lambda _, record: record)
    )


def decode_pair(serialized: tf.Tensor, size: tuple[int, int]) -> dict[str, tf.Tensor]:
    """Returns a decoded record with static shapes, and its image in [0, 1].

    Args:
        serialized: The record.
        size: (height, width) of the record.

    Returns:
        `image`, float32 `[H, W, 3]`; `depth`, metres, float32 `[H, W, 1]`; `name`.
    """
    pair = decode_record(serialized)
    image = tf.image.convert_image_dtype(pair["image"], tf.float32)
    return {
        "image": tf.ensure_shape(image, [*size, 3]),
        "depth": tf.ensure_shape(pair["depth"], [*size, 1]),
        "name": pair["name"],
    }


def check_batches(
    records: RecordSet, batch_size: int, augmentation: AugmentationConfig
) -> None:
    """Raises a ValueError unless records give batches to train on.

    Args:
        records: The training records.
        batch_size: Images per batch.
        augmentation: Random changes, possibly with a crop.
    """
    if records.num_records < batch_size:
        raise ValueError(
            f"{records.directory} has {records.num_records} records in "
            f"{records.split_name!r}, fewer than one batch of {batch_size}. Use a "
            "smaller `batch_size`."
        )
    check_crop(records, augmentation)


def check_crop(records: RecordSet, augmentation: AugmentationConfig) -> None:
    """Raises a ValueError for a crop that does not fit into the images.

    Args:
        records: The records.
        augmentation: Random changes, possibly with a crop.
    """
    crop, size = augmentation.crop_size, records.manifest.image_size
    if crop is not None and not all(
        0 < part <= whole for part, whole in zip(crop, size, strict=True)
    ):
        raise ValueError(
            f"The crop {crop[0]}x{crop[1]} must fit into the images of "
            f"{records.directory}, {size[0]}x{size[1]}. Change `crop_size`."
        )
