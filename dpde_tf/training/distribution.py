"""Training on several devices or machines, with TensorFlow's `tf.distribute`.

A step is that of one device with the same batch: each replica takes an equal part of
it, and the gradients are added up.
"""

import contextlib
import zlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

from dpde_tf.data.batch_share import BatchShare
from dpde_tf.training.strategies import worker_place


class Distribution:
    """What a training needs of a strategy.

    Attributes:
        strategy: The strategy.
        worker: Index of this process; 0 is the chief, which alone writes.
        num_workers: Number of processes.
        num_replicas: Devices of all processes.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None) -> None:
        """Takes a strategy of `make_strategy`; None is the current one."""
        self.strategy = strategy or tf.distribute.get_strategy()
        kind = tf.distribute.MultiWorkerMirroredStrategy
        several = isinstance(self.strategy, kind)
        self.worker, self.num_workers = worker_place(
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
        """Returns batches that `strategy.run` deals to the replicas.

        Args:
            make_dataset: `make_dataset(share=...)` gives that share of all batches.

        Returns:
            The distributed dataset. Names of images are left out: they are text,
            which no GPU takes.
        """
        share = BatchShare(
            self.worker, self.num_workers, self.num_replicas // self.num_workers
        )

        def make(context: tf.distribute.InputContext) -> tf.data.Dataset:
            del context
            return make_dataset(share=share).map(_without_names)

        return self.strategy.distribute_datasets_from_function(make)

    def parts(self, images: object) -> object:
        """Returns equal parts of a batch, which `strategy.run` deals to the replicas.

        Args:
            images: `[B, ...]`, or a structure of such, the same on all workers.

        Returns:
            The parts; the last image fills up what is missing.
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
        """Returns `function(images)`, made in parts by the devices of this process.

        Args:
            function: A `tf.function` of `[B, ...]` whose output has as many rows.
            images: `[B, ...]`, or a structure of such.

        Returns:
            Its output.
        """
        if self.num_replicas == 1:
            return function(images)
        outputs = self.strategy.run(function, args=(self.parts(images),))
        rows = self.strategy.experimental_local_results(outputs)
        return tf.concat(rows, axis=0)[: len(tf.nest.flatten(images)[0])]

    def check_batch_size(self, batch_size: int) -> None:
        """Raises an error unless the replicas can have equal parts of a batch.

        Args:
            batch_size: Images of all replicas together.

        Raises:
            ValueError: If they cannot.
        """
        if batch_size % self.num_replicas:
            raise ValueError(
                "--batch_size is that of all devices together and must be a multiple "
                f"of their number, {self.num_replicas}. Received: {batch_size}."
            )

    def check_same(self, *values: object) -> None:
        """Raises an error unless all workers have the same values.

        Args:
            *values: What must agree; its `repr` is compared.

        Raises:
            ValueError: If another worker has other values.
        """
        if self.num_workers == 1:
            return
        number = zlib.crc32(repr(values).encode()) >> 1  # An int32.

        @tf.function
        def collect() -> tf.Tensor:
            rows = self.strategy.run(lambda: gather_rows(tf.constant([number])))
            return self.first(rows)

        if any(collect().numpy() != number):
            raise ValueError(
                "The workers have other flags, records, checkpoints or weights than "
                "each other. Give all the same command, and a --workdir and --records "
                "that are the same folders for all."
            )

    def check_same_arrays(self, read: Callable[[], list[np.ndarray]]) -> None:
        """Raises an error unless all workers have the same arrays.

        Args:
            read: Gives the arrays; not called by a worker that is alone.

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
        """Returns the first local replica's part of what `strategy.run` returned."""
        return self.strategy.experimental_local_results(value)[0]

    @contextlib.contextmanager
    def readable_errors(self) -> Iterator[None]:
        """Says that a worker is lost, if TensorFlow fails in the block.

        Yields:
            Nothing.

        Raises:
            ConnectionError: If there are several workers, instead of the error.
        """
        try:
            yield
        except tf.errors.OpError as error:
            local = tf.errors.ResourceExhaustedError
            if self.num_workers == 1 or isinstance(error, local):
                raise
            raise ConnectionError(
                f"Worker {self.worker} of {self.num_workers} has lost another one, or "
                "waited too long for it. Look at what the others say, end those that "
                "still run, and give all the same commands again: they go on from the "
                f"newest checkpoint. TensorFlow says: {_cause(error)}"
            ) from error


def gather_rows(value: tf.Tensor) -> tf.Tensor:
    """Returns the rows of all replicas; called in one replica's part of a step.

    Args:
        value: `[B, ...]`, of the same shape on each.

    Returns:
        `[replicas * B, ...]`.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return value
    return context.all_gather(value, axis=0)


def _without_names(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The batch without its text."""
    return {key: value for key, value in batch.items() if key != "name"}


def _cause(error: tf.errors.OpError) -> str:
    """The line of an error of TensorFlow that says most."""
    lines = error.message.strip().splitlines() or [type(error).__name__]
    causes = [line for line in lines if "aborted by" in line or "Deadline" in line]
    return (causes or lines)[0].strip()
