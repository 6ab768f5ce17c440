"""Divides each batch among several processes."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class BatchShare:
    """The part of each batch that this process prepares.

    Attributes:
        worker: Index of the process.
        num_workers: Number of processes, each with an equal part of every batch.
        pieces: Number of replicas in this process, each with an equal piece of its
            part.
    """

    worker: int = 0
    num_workers: int = 1
    pieces: int = 1

    def of(self, examples: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
        """Returns the part of each batch that belongs to this process.

        Args:
            examples: Examples of all batches in order.
            batch_size: Examples per batch, a multiple of the number of processes.

        Returns:
            The examples of this process.
        """
        if self.num_workers == 1:
            return examples
        part = batch_size // self.num_workers

        def is_mine(place: tf.Tensor, _: tuple) -> tf.Tensor:
            return place % batch_size // part == self.worker

        return examples.enumerate().filter(is_mine).map(lambda _, example: example)
