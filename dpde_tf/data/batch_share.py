"""The part of each batch that one of several processes prepares."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class BatchShare:
    """Which part of each batch this process prepares, in how many pieces.

    Attributes:
        worker: Index of the process.
        num_workers: Number of processes, which take equal parts of each batch.
        pieces: Replicas in this process, which take equal pieces of its part.
    """

    worker: int = 0
    num_workers: int = 1
    pieces: int = 1

    def of(self, examples: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
        """Returns this process's part of each batch.

        Args:
            examples: Of all batches, one after another.
            batch_size: Examples a batch, a multiple of the number of processes.

        Returns:
            Its examples.
        """
        if self.num_workers == 1:
            return examples
        part = batch_size // self.num_workers

        def is_mine(place: tf.Tensor, _: tuple) -> tf.Tensor:
            return place % batch_size // part == self.worker

        return examples.enumerate().filter(is_mine).map(lambda _, example: example)
