r"""Trains both networks on, through the fusion: the fused depth is what has the loss.

    python -m experiments.train_end_to_end --depth_run=runs/nyu/depth \
        --gradient_run=runs/nyu/gradient --records=data/records/nyu_depth_v2 \
        --steps=20 --output=runs/nyu/end_to_end

The loss is the mean absolute error of the fused depth, differentiated through the
fusion by the implicit function theorem. Batch statistics stay as they are. The errors
of depth and fused depth before and after, on the images trained on and on others, are
printed and written to `errors.json`; the weights to `depth.weights.h5` and
`gradient.weights.h5`.
"""

import json
import pathlib
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from dpde_tf.atomic_files import write_whole
from dpde_tf.data.input_pipeline import RecordSet, make_evaluation_dataset
from dpde_tf.error_messages import readable_errors
from dpde_tf.fusion import fuse_depth_and_gradients
from dpde_tf.losses import masked_mean
from dpde_tf.trained_networks import load_depth_network, load_gradient_network

FLAGS = flags.FLAGS

Batch = dict[str, tf.Tensor]


def _define_flags() -> None:
    """Defines the flags of this program."""
    flags.DEFINE_string("depth_run", None, "Run of train_depth.", required=True)
    flags.DEFINE_string("gradient_run", None, "Run of train_gradient.", required=True)
    flags.DEFINE_string("records", None, "Folder of a record set.", required=True)
    flags.DEFINE_string("output", None, "Folder to write.", required=True)
    flags.DEFINE_integer("steps", 20, "Steps of the optimiser.", lower_bound=1)
    flags.DEFINE_integer("batch_size", 4, "Images a step.", lower_bound=1)
    flags.DEFINE_integer("num_images", 16, "To train on; and as many others.")
    flags.DEFINE_float("learning_rate", 1e-5, "Of Adam.", lower_bound=0.0)


class EndToEnd(keras.Model):
    """From the image to the fused depth."""

    def __init__(
        self, depth_network: keras.Model, gradient_network: keras.Model
    ) -> None:
        """Takes the two networks."""
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


def errors(model: EndToEnd, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the mean absolute error of the depth and of the fused depth.

    Args:
        model: The networks and the fusion.
        batch: `image` and `depth`.

    Returns:
        Metres, two scalars.
    """
    truth = batch["depth"]
    return tuple(
        tf.reduce_mean(masked_mean(tf.abs(predicted - truth), truth > 0))
        for predicted in model(batch["image"])
    )


def train(
    model: EndToEnd, batches: list[Batch], steps: int, learning_rate: float
) -> list[float]:
    """Trains both networks and returns the loss of each step.

    Args:
        model: The networks and the fusion.
        batches: Taken in turn.
        steps: Number of steps.
        learning_rate: Of Adam.

    Returns:
        Losses, metres.
    """
    optimizer = keras.optimizers.Adam(learning_rate)

    @tf.function
    def step(batch: Batch) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = errors(model, batch)[1]
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    bar = keras.utils.Progbar(steps, stateful_metrics=["loss"], unit_name="step")
    losses = []
    for index in range(steps):
        losses.append(float(step(batches[index % len(batches)])))
        bar.update(index + 1, [("loss", losses[-1])])
    return losses


def _batches() -> dict[str, list[Batch]]:
    """The first images of the training split, and others that are held out of it."""
    records = RecordSet.open(FLAGS.records, "train")
    parts = records.hold_out(min(FLAGS.num_images, records.num_records // 2))
    return {
        name: list(
            make_evaluation_dataset(part, batch_size=FLAGS.batch_size).take(
                -(-FLAGS.num_images // FLAGS.batch_size)
            )
        )
        for name, part in zip(("trained on", "held out"), parts, strict=True)
    }


def _mean_errors(model: EndToEnd, batches: list[Batch]) -> dict[str, float]:
    """The errors on batches."""
    evaluate = tf.function(lambda batch: errors(model, batch))
    values = np.mean([evaluate(batch) for batch in batches], axis=0)
    return dict(zip(("depth", "fused"), map(float, values), strict=True))


def _write(output: pathlib.Path, model: EndToEnd, record: dict[str, object]) -> None:
    """Writes the weights and the errors."""
    for name in ("depth", "gradient"):
        with write_whole(output / f"{name}.weights.h5") as path:
            getattr(model, f"{name}_network").save_weights(path)
    with write_whole(output / "errors.json") as path:
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _train_and_compare() -> None:
    """Trains, and says what it was good for."""
    model = EndToEnd(
        load_depth_network(FLAGS.depth_run), load_gradient_network(FLAGS.gradient_run)
    )
    images = _batches()
    before = {name: _mean_errors(model, batches) for name, batches in images.items()}
    losses = train(model, images["trained on"], FLAGS.steps, FLAGS.learning_rate)
    after = {name: _mean_errors(model, batches) for name, batches in images.items()}
    for name in images:
        for depth in ("depth", "fused"):
            print(
                f"{name}, {depth}: mean absolute error "
                f"{before[name][depth]:.4f} -> {after[name][depth]:.4f} m"
            )
    record = {"before": before, "after": after, "losses": losses}
    _write(pathlib.Path(FLAGS.output), model, record)


def main(argv: Sequence[str]) -> None:
    """Checks the flags and trains."""
    if len(argv) > 1:
        raise app.UsageError(f"Unknown argument: {argv[1]}.")
    with readable_errors():
        _train_and_compare()


if __name__ == "__main__":
    _define_flags()
    app.run(main)
