"""Record sets as `tf.data` data sets of (image, depth), for `keras.Model.fit`."""

import pathlib

import tensorflow as tf

from dpde_tf.config import AugmentationConfig
from dpde_tf.data.augmentation import augment
from dpde_tf.data.input_pipeline import (
    SHUFFLE_BUFFER,
    RecordSet,
    check_crop,
    decode_pair,
)


def load_dataset(
    directory: str | pathlib.Path,
    split: str = "train",
    *,
    batch_size: int = 8,
    shuffle: bool | None = None,
    augmentation: AugmentationConfig | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Returns a split of a record set as batches of images and depth maps.

    Args:
        directory: Folder of a record set, written by `make data-nyu` or a program of
            `data_prep`.
        split: `train`, `test`, or another split of the set.
        batch_size: Images per batch; the last batch may be smaller.
        shuffle: Whether to shuffle before each epoch; None shuffles only `train`.
        augmentation: Random changes of the pairs; None for no changes.
        seed: Seed of the order and of the random changes.

    Returns:
        Batches of (`image`, `depth`): RGB in [0, 1], float32 `[B, H, W, 3]`, and
        metres, float32 `[B, H, W, 1]`, 0 = no measurement.

    Raises:
        FileNotFoundError: If the folder has no manifest, or a shard is missing.
        ValueError: If the set has no such split, a shard is truncated, or the crop is
            larger than the images.
    """
    records = RecordSet.open(directory, split)
    config = augmentation or AugmentationConfig()
    check_crop(records, config)
    size = records.manifest.image_size
    examples = records.serialized()
    if shuffle or (shuffle is None and split == "train"):
        examples = examples.shuffle(SHUFFLE_BUFFER, seed=seed)
    draws = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)

    @tf.autograph.experimental.do_not_convert
    def prepare(
        example: tuple[tf.Tensor, tf.Tensor], draw: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        pair = decode_pair(example[1], size)
        pair_seed = tf.stack([seed, tf.cast(draw % 2**31, tf.int32)])
        return augment(pair["image"], pair["depth"], pair_seed, config)

    num_batches = -(-records.num_records // batch_size)
    return (
        tf.data.Dataset.zip(examples, draws)
        .map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(batch_size)
        .apply(tf.data.experimental.assert_cardinality(num_batches))
        .prefetch(2)
    )
