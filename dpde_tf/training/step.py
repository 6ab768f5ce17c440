"""One training step on one replica."""

import keras
import tensorflow as tf

from dpde_tf.training.objectives import Batch, Objective


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
        network: What is trained.
        objective: Its losses.
        optimizer: Built for the network's trainable variables.
        batch: `image` `[B, H, W, 3]` and `depth` `[B, H, W, 1]`.
        num_replicas: Replicas that take this step together; the optimiser adds their
            gradients.

    Returns:
        The losses before the update, each `[B]`, and the global norm of the gradient,
        without the optimiser's scale of the loss.
    """
    variables = network.trainable_variables
    with tf.GradientTape() as tape:
        predicted = network(batch["image"], training=True)
        terms = objective.losses(batch, predicted)
        loss = tf.reduce_mean(terms["loss"]) / num_replicas
        scaled = optimizer.scale_loss(loss)
    gradients = tape.gradient(scaled, variables)
    optimizer.apply(gradients, variables)
    scale = tf.math.divide_no_nan(scaled, loss)
    return terms, tf.math.divide_no_nan(tf.linalg.global_norm(gradients), scale)
