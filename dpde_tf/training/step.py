"""One training step, on one replica or several."""

import keras
import tensorflow as tf

from dpde_tf.training.distribution import Distribution, gather_rows
from dpde_tf.training.objectives import Batch, Objective, network_inputs


class TrainingStep:
    """A training step on all replicas."""

    def __init__(
        self,
        network: keras.Model,
        objective: Objective,
        optimizer: keras.Optimizer,
        distribution: Distribution,
    ) -> None:
        """Takes a network and an optimiser that were built under the strategy."""
        self._network = network
        self._objective = objective
        self._optimizer = optimizer
        self._distribution = distribution

    @tf.function(autograph=False)
    def __call__(
        self, batch: Batch, signal: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Updates the weights once.

        Args:
            batch: Batch of `Distribution.batches`.
            signal: Number that this process sends to all others, float32.

        Returns:
            The losses of the images of all replicas before the update, `[B]`, with the
            `signal` of the process and the `index` of each image; and the global norm
            of the gradient.
        """
        strategy, first = self._distribution.strategy, self._distribution.first
        terms, norm = strategy.run(self._replica_step, args=(batch, signal))
        return {name: first(values) for name, values in terms.items()}, first(norm)

    def _replica_step(
        self, batch: Batch, signal: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Trains on the part of one replica; returns the losses of all replicas."""
        terms, norm = train_on_batch(
            self._network,
            self._objective,
            self._optimizer,
            batch,
            num_replicas=self._distribution.num_replicas,
        )
        terms["signal"] = tf.fill(tf.shape(terms["loss"]), signal)
        terms["index"] = tf.cast(batch["index"], tf.float32)  # Exact below 2^24.
        rows = gather_rows(tf.stack([*terms.values()], axis=1))
        values = tf.unstack(rows, num=len(terms), axis=1)
        return dict(zip(terms, values, strict=True)), norm


def train_on_batch(
    network: keras.Model,
    objective: Objective,
    optimizer: keras.Optimizer,
    batch: Batch,
    *,
    num_replicas: int = 1,
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Updates the weights of a network once.

    Args:
        network: Network in training.
        objective: Losses of the network.
        optimizer: Optimiser, built for the trainable variables of the network.
        batch: `image` `[B, H, W, 3]`, `depth` `[B, H, W, 1]`, and any other inputs of
            the network.
        num_replicas: Number of replicas that take this step together.

    Returns:
        The losses before the update, each `[B]`, and the global norm of the gradient
        over all replicas, without loss scaling. The step minimises the mean loss over
        those images of all replicas that have a measured pixel.
    """
    variables = network.trainable_variables
    with tf.GradientTape() as tape:
        predicted = network(network_inputs(objective, batch), training=True)
        terms = objective.losses(batch, predicted)
        loss = _mean_of_measured(terms, num_replicas)
        scaled = optimizer.scale_loss(loss)
    gradients = tape.gradient(scaled, variables)
    if num_replicas > 1:
        # Before the optimiser, which would clip the gradient of each replica.
        context = tf.distribute.get_replica_context()
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        _average_moving_statistics(network)
    optimizer.apply(gradients, variables)
    scale = tf.math.divide_no_nan(scaled, loss)
    return terms, tf.math.divide_no_nan(tf.linalg.global_norm(gradients), scale)


def _mean_of_measured(terms: dict[str, tf.Tensor], num_replicas: int) -> tf.Tensor:
    """Part of this replica in the mean loss over images with a measured pixel."""
    measured = tf.cast(terms["measured"] > 0.0, terms["loss"].dtype)
    count = tf.reduce_sum(measured)
    if num_replicas > 1:
        context = tf.distribute.get_replica_context()
        count = context.all_reduce(tf.distribute.ReduceOp.SUM, count)
    return tf.math.divide_no_nan(tf.reduce_sum(terms["loss"] * measured), count)


def _average_moving_statistics(network: keras.Model) -> None:
    """Averages the moving statistics of batch normalisation over all replicas."""
    statistics = [
        variable
        for variable in network.non_trainable_variables
        if tf.as_dtype(variable.dtype).is_floating
    ]
    if not statistics:
        return
    context = tf.distribute.get_replica_context()
    means = context.all_reduce(
        tf.distribute.ReduceOp.MEAN, [tf.identity(v.value) for v in statistics]
    )
    for variable, mean in zip(statistics, means, strict=True):
        variable.value.assign(mean)
