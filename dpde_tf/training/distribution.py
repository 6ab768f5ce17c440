"""Training on several devices or machines, with `tf.distribute`.

A step gives the same result as on one device with the same batch: each replica
processes an equal part of the batch, and the gradients are added up.
"""

import contextlib
import zlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

from dpde_tf.data.batch_share import BatchShare
from dpde_tf.training.strategies import worker_rank


class Distribution:
    """A strategy, with the operations that training needs.

    Attributes:
        strategy: The strategy.
        worker: Index of this process; 0 for the chief, the only one that writes files.
        num_workers: Number of processes.
        num_replicas: Number of devices of all processes.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None) -> None:
        """Takes a strategy of `make_strategy`; None for the current strategy."""
        self.strategy = strategy or tf.distribute.get_strategy()
        kind = tf.distribute.MultiWorkerMirroredStrategy
        several = isinstance(self.strategy, kind)
        self.worker, self.num_workers = worker_rank(
            "multi_worker" if several else "none"
        )
        self.num_replicas = self.strategy.num_replicas_in_sync

    @property
    def is_chief(self) -> bool:
        """Whether this process writes files."""
        return self.worker == 0

    def batches(
        self, make_dataset: Callable[..., tf.data.Dataset]
    ) -> Iterable[dict[str, tf.Tensor]]:
        """Returns batches that `strategy.run` distributes to the replicas.

        Args:
            make_dataset: Function that returns the part `share` of all batches, called
                as `make_dataset(share=...)`.

        Returns:
            The distributed data set, without the names of images, since GPUs do not
            support text.
        """
        share = BatchShare(
            self.worker, self.num_workers, self.num_replicas // self.num_workers
        )

        def make(context: tf.distribute.InputContext) -> tf.data.Dataset:
            del context
            return make_dataset(share=share).map(_without_names)

        return self.strategy.distribute_datasets_from_function(make)

    def parts(self, images: object) -> object:
        """Returns equal parts of a batch, which `strategy.run` gives to the replicas.

        Args:
            images: Tensor `[B, ...]` or a structure of such tensors, equal on all
                workers.

        Returns:
            The parts; the last image is repeated to fill them up.
        """
        if self.num_replicas == 1:
            return images
        return tf.nest.map_structure(self._parts_of_tensor, images)

    def _parts_of_tensor(self, images: tf.Tensor) -> object:
        """The parts of one tensor."""
        rows = -(-len(images) // self.num_replicas)
        places = tf.minimum(tf.range(rows * self.num_replicas), len(images) - 1)
        padded = tf.gather(images, places)
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: padded[context.replica_id_in_sync_group * rows :][:rows]
        )

    def apply(self, function: Callable, images: object) -> tf.Tensor:
        """Returns `function(images)`, computed in parts by the devices of this process.

        Args:
            function: Maps `[B, ...]` to as many rows; with several devices, in a graph.
            images: Tensor `[B, ...]` or a structure of such tensors.

        Returns:
            The output for all images.
        """
        if self.num_replicas == 1:
            return function(images)
        outputs = self.strategy.run(function, args=(self.parts(images),))
        rows = self.strategy.experimental_local_results(outputs)
        return tf.concat(rows, axis=0)[: len(tf.nest.flatten(images)[0])]

    def check_batch_size(self, batch_size: int) -> None:
        """Checks that a batch can be divided equally among the replicas.

        Args:
            batch_size: Images per step on all replicas together.

        Raises:
            ValueError: If the size is not a multiple of the number of replicas.
        """
        if batch_size % self.num_replicas:
            raise ValueError(
                "`batch_size` counts the images of all devices together and must be a "
                f"multiple of their number, {self.num_replicas}. Received: "
                f"{batch_size}."
            )

    def check_same(self, *values: object) -> None:
        """Checks that all workers have the same values.

        Args:
            *values: Values to compare, by their `repr`.

        Raises:
            ValueError: If another worker has other values.
        """
        if self.num_workers == 1:
            return
        number = zlib.crc32(repr(values).encode()) >> 1  # An int32.
        if any(self._of_all(number) != number):
            raise ValueError(
                "The flags, records, checkpoints or weights of the workers differ. Run "
                "the same command on all workers, with a `workdir` and `records` that "
                "are the same folders for all."
            )

    def of_chief(self, number: int) -> int:
        """Returns the number that the chief has.

        Args:
            number: The number of this worker, an int32.

        Returns:
            The same number on all workers.
        """
        return number if self.num_workers == 1 else int(self._of_all(number)[0])

    def _of_all(self, number: int) -> np.ndarray:
        """The numbers of all replicas, the chief's first."""

        @tf.function(autograph=False)
        def collect() -> tf.Tensor:
            rows = self.strategy.run(lambda: gather_rows(tf.constant([number])))
            return self.first(rows)

        return collect().numpy()

    def check_same_arrays(self, read: Callable[[], list[np.ndarray]]) -> None:
        """Checks that all workers have the same arrays.

        Args:
            read: Function that returns the arrays; not called if there is one worker.

        Raises:
            ValueError: If another worker has other arrays.
        """
        if self.num_workers == 1:
            return
        checksum = 0
        for array in read():
            checksum = zlib.crc32(np.ascontiguousarray(array), checksum)
        self.check_same(checksum)

    def first(self, value: object) -> tf.Tensor:
        """Returns the part of the first local replica in a result of `strategy.run`."""
        return self.strategy.experimental_local_results(value)[0]

    @contextlib.contextmanager
    def report_lost_workers(self) -> Iterator[None]:
        """Reports a lost worker if TensorFlow fails in the block.

        Yields:
            Nothing.

        Raises:
            ConnectionError: In place of the error, if there are several workers.
        """
        try:
            yield
        except tf.errors.OpError as error:
            local = tf.errors.ResourceExhaustedError
            if self.num_workers == 1 or isinstance(error, local):
                raise
            raise ConnectionError(
                f"Worker {self.worker} of {self.num_workers} has lost another one, or "
                "waited too long for it. Look at the output of the others, stop those "
                "that still run, and run the same commands again: they continue from "
                f"the newest checkpoint. TensorFlow says: {_cause(error)}"
            ) from error


def gather_rows(value: tf.Tensor) -> tf.Tensor:
    """Returns the rows of all replicas; call it in the replica context.

    Args:
        value: Tensor `[B, ...]`, of the same shape on each replica.

    Returns:
        Tensor `[replicas * B, ...]`.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return value
    return context.all_gather(value, axis=0)


def _without_names(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The batch without the names of its images."""
    return {key: value for key, value in batch.items() if key != "name"}


def _cause(error: tf.errors.OpError) -> str:
    """The most informative line of an error of TensorFlow."""
    lines = error.message.strip().splitlines() or [type(error).__name__]
    causes = [line for line in lines if "aborted by" in line or "Deadline" in line]
    return (causes or lines)[0].strip()
