"""Validation scores and pictures on held-out records."""

from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from dpde_tf.data.coarse_depth import CoarseDepths
from dpde_tf.data.input_pipeline import RecordSet, make_evaluation_dataset
from dpde_tf.data.records import readable_record_errors
from dpde_tf.training.distribution import Distribution, gather_rows
from dpde_tf.training.objectives import Batch, Objective, network_inputs


class Validation:
    """Applies a network in training to the held-out records."""

    def __init__(
        self,
        network: keras.Model,
        objective: Objective,
        records: RecordSet,
        distribution: Distribution,
        *,
        batch_size: int,
        coarse: CoarseDepths | None = None,
    ) -> None:
        """Takes the network, its objective, and the records, which may be empty."""
        self._coarse = coarse
        self._distribution = distribution
        self._network = network
        self._objective = objective
        self._records = records
        self._batch_size = batch_size

    def scores(self, between_batches: Callable[[], None]) -> dict[str, float]:
        """Returns the metrics on all records.

        Args:
            between_batches: Function called before each batch; it may raise an error to
                stop.

        Returns:
            Metrics by name; empty if there are no records.
        """
        if not self._records.num_records:
            return {}
        return self._objective.scores(self._predictions(between_batches))

    def pictures(self) -> list[np.ndarray]:
        """Returns pictures of the first record, RGB uint8; an empty list if none."""
        if not self._records.num_records:
            return []
        return self._objective.pictures(*next(self._predictions(lambda: None)))

    def _predictions(
        self, between_batches: Callable[[], None]
    ) -> Iterator[tuple[Batch, np.ndarray]]:
        """Batches of the records with the output of the network."""
        batches = make_evaluation_dataset(
            self._records, batch_size=self._batch_size, coarse=self._coarse
        )
        with readable_record_errors(self._records.directory, self._records.split):
            for batch in batches:
                between_batches()
                parts = self._distribution.parts(network_inputs(self._objective, batch))
                predicted = self._predict_step(parts)
                yield batch, predicted.numpy()[: len(batch["image"])]

    @tf.function(autograph=False, reduce_retracing=True)
    def _predict_step(self, parts: tf.Tensor | Batch) -> tf.Tensor:
        """The output of the network for all parts, in inference mode."""
        distribution = self._distribution
        outputs = distribution.strategy.run(self._predict_part, args=(parts,))
        return distribution.first(outputs)

    def _predict_part(self, inputs: tf.Tensor | Batch) -> tf.Tensor:
        """The output for the parts of all replicas; this one computes its own part."""
        return gather_rows(self._network(inputs, training=False))
