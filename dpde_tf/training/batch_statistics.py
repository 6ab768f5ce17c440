"""The statistics of batch normalisation, from images without augmentation."""

from collections.abc import Iterable

import keras
import tensorflow as tf


def recompute_batch_statistics(
    network: keras.Model, batches: Iterable[tf.Tensor]
) -> None:
    """Sets the moving averages of batch normalisation to the means over batches.

    In training, they are averages over the last few batches, of augmented images and
    perhaps in bfloat16. A network that is used in float32 on images as they are has
    other statistics, which can shift all of its depth.

    Args:
        network: Network with one input; only its moving averages change.
        batches: Batches of RGB, `[B, H, W, 3]` in [0, 1], in a random order.

    Raises:
        ValueError: If there is no batch.

    Source: Wu & Johnson (2021), Rethinking "Batch" in BatchNorm, Sect. 3.
    """
    layers = [
        layer
        for layer in network._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in layers]
    count = 0
    try:
        for batch in batches:
            for layer in layers:
                layer.momentum = count / (count + 1)  # The mean of all batches so far.
            network(batch, training=True)
            count += 1
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
    if not count:
        raise ValueError("`batches` must hold at least one batch.")
