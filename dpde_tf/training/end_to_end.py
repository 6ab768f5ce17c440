"""Training both networks through the fusion, by implicit differentiation."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from dpde_tf.data.input_pipeline import RecordSet, make_evaluation_dataset
from dpde_tf.fusion import fuse_depth_and_gradients
from dpde_tf.losses import masked_mean
from dpde_tf.training.objectives import Batch

NETWORKS = ("depth", "gradient")
OUTPUTS = ("depth", "fused")


class EndToEnd(keras.Model):
    """From the image to the fused depth."""

    def __init__(
        self, depth_network: keras.Model, gradient_network: keras.Model
    ) -> None:
        """Stores the two networks."""
        super().__init__()
        self.depth_network = depth_network
        self.gradient_network = gradient_network

    def call(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the depth and the fused depth, `[B, H, W, 1]` metres."""
        depth = self.depth_network(image, training=False)
        depth = tf.image.resize(tf.cast(depth, tf.float32), tf.shape(image)[1:3])
        gradients = tf.cast(self.gradient_network(image, training=False), tf.float32)
        result = fuse_depth_and_gradients(depth, gradients[..., :1], gradients[..., 1:])
        return depth, result.depth


def errors(model: EndToEnd, batch: Batch) -> dict[str, tf.Tensor]:
    """Returns the mean absolute errors of the depth and of the fused depth.

    Args:
        model: The networks and the fusion.
        batch: Batch with `image` and `depth`.

    Returns:
        Errors `depth` and `fused`, metres, `[B]`.
    """
    truth = batch["depth"]
    return {
        name: masked_mean(tf.abs(predicted - truth), truth > 0)
        for name, predicted in zip(OUTPUTS, model(batch["image"]), strict=True)
    }


def train(
    model: EndToEnd,
    batches: list[Batch],
    *,
    steps: int,
    learning_rate: float,
    loss_on: str = "fused",
) -> list[float]:
    """Trains the networks that are trainable and returns the loss of each step.

    Args:
        model: The networks and the fusion.
        batches: Batches, used in turn.
        steps: Number of steps.
        learning_rate: Learning rate of Adam.
        loss_on: Output whose error is the loss, `depth` or `fused`.

    Returns:
        Loss of each step, metres.

    Raises:
        ValueError: If a loss is not finite.
    """
    variables = model.trainable_variables
    optimizer = keras.optimizers.Adam(learning_rate)
    if keras.config.dtype_policy().name == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step(batch: Batch) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(errors(model, batch)[loss_on])
            scaled = optimizer.scale_loss(loss)  # As it is, except in float16.
        optimizer.apply(tape.gradient(scaled, variables), variables)
        return loss

    bar = keras.utils.Progbar(steps, stateful_metrics=["loss"], unit_name="step")
    losses = []
    for index in range(steps):
        losses.append(float(step(batches[index % len(batches)])))
        if not np.isfinite(losses[-1]):
            raise ValueError(
                f"The loss of step {index + 1} is {losses[-1]}; no file is written. "
                "Train again with a smaller `learning_rate`."
            )
        bar.update(index + 1, [("loss", losses[-1])])
    return losses


def load_batches(
    records: RecordSet, *, num_validation: int, num_images: int, batch_size: int
) -> dict[str, list[Batch]]:
    """Returns images to train on, and images that the runs held out.

    Args:
        records: The training split.
        num_validation: Number of images that the runs held out.
        num_images: Number of images of either kind, evenly spaced.
        batch_size: Images per batch.

    Returns:
        Batches `trained on` and `held out`.
    """
    parts = records.hold_out(num_validation)
    return {
        name: list(
            make_evaluation_dataset(
                _evenly_spaced(part, num_images), batch_size=batch_size
            )
        )
        for name, part in zip(("trained on", "held out"), parts, strict=True)
    }


def errors_by_name(
    model: EndToEnd, images: dict[str, list[Batch]]
) -> dict[str, np.ndarray]:
    """Returns the errors of all images.

    Args:
        model: The networks and the fusion.
        images: Batches by name.

    Returns:
        Errors in metres, `[N]`, with names such as `held out, fused`.
    """
    evaluate = tf.function(lambda batch: errors(model, batch), autograph=False)
    values = {name: [evaluate(b) for b in batches] for name, batches in images.items()}
    return {
        f"{name}, {output}": np.concatenate([v[output] for v in batches])
        for name, batches in values.items()
        for output in OUTPUTS
    }


def comparison_table(
    before: dict[str, np.ndarray], after: dict[str, np.ndarray]
) -> str:
    """Returns the mean errors before and after training, and their mean changes.

    Args:
        before: Errors by name, metres, `[N]`.
        after: Errors of the same images after training.

    Returns:
        Markdown table.
    """
    lines = ["| error of | before (m) | after (m) | change |", "|---|---|---|---|"]
    for name, values in before.items():
        change = after[name] - values
        error = change.std(ddof=min(1, len(change) - 1)) / np.sqrt(len(change))
        lines.append(
            f"| {name} | {values.mean():.4f} | {after[name].mean():.4f} "
            f"| {change.mean():+.4f} +- {error:.4f} |"
        )
    return "\n".join(lines)


def _evenly_spaced(records: RecordSet, count: int) -> RecordSet:
    """Evenly spaced records, as neighbours show the same room."""
    indices = np.flatnonzero(records.selected)
    chosen = np.linspace(0, len(indices), min(count, len(indices)), endpoint=False)
    selected = np.zeros_like(records.selected)
    selected[indices[chosen.astype(int)]] = True
    return dataclasses.replace(records, selected=selected)
