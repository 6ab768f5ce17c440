r"""Continues the training of both networks through the fusion.

    python -m experiments.train_end_to_end --depth_run=runs/nyu/depth \
        --gradient_run=runs/nyu/gradient --records=data/records/nyu_depth_v2 \
        --steps=20 --output=runs/nyu/end_to_end

The loss is the mean absolute error of the fused depth, differentiated through the
fusion by the implicit function theorem. Batch statistics are frozen. The contribution
of the fusion shows in the same steps with `--trained=gradient`, which freezes the
depth, and with `--trained=depth --loss_on=depth`, without the fusion.

The errors of depth and fused depth before and after, on the images trained on and on
others that both runs held out (`--num_validation`), are printed and written to
`errors.json`; the weights to `depth.weights.h5` and `gradient.weights.h5`.
"""

import dataclasses
import json
import pathlib
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from dpde_tf.cli.config_flags import given_flags
from dpde_tf.cli.path_flags import define_path
from dpde_tf.data.input_pipeline import RecordSet, make_evaluation_dataset
from dpde_tf.files.atomic import atomic_write
from dpde_tf.files.errors import readable_errors
from dpde_tf.files.locks import lock_folder
from dpde_tf.fusion import fuse_depth_and_gradients
from dpde_tf.losses import masked_mean
from dpde_tf.runs.precision import PRECISIONS, resolve_precision
from dpde_tf.runs.trained_networks import load_depth_network, load_gradient_network
from dpde_tf.runs.weight_files import add_checksum

FLAGS = flags.FLAGS

Batch = dict[str, tf.Tensor]

NETWORKS = ("depth", "gradient")
OUTPUTS = ("depth", "fused")


def _define_flags() -> None:
    """Defines the flags of this program."""
    define_path("depth_run", None, "Run of train_depth.", required=True)
    define_path("gradient_run", None, "Run of train_gradient.", required=True)
    define_path("records", None, "Folder of a record set.", required=True)
    define_path("output", None, "Folder to write.", required=True)
    flags.DEFINE_integer("steps", 20, "Number of steps.", lower_bound=1)
    flags.DEFINE_integer("batch_size", 4, "Images per step.", lower_bound=1)
    flags.DEFINE_integer("num_images", 16, "Images to train on, and held-out ones.", 1)
    flags.DEFINE_integer("num_validation", 95, "Images that the runs held out.", 1)
    flags.DEFINE_float("learning_rate", 1e-5, "Learning rate of Adam.", lower_bound=0.0)
    flags.DEFINE_enum("trained", "both", ("both", *NETWORKS), "The other is frozen.")
    flags.DEFINE_enum("loss_on", "fused", OUTPUTS, "Error to minimise.")
    flags.DEFINE_enum("precision", "auto", PRECISIONS, "Precision of networks.")


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
    optimizer = keras.optimizers.Adam(learning_rate)

    @tf.function
    def step(batch: Batch) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(errors(model, batch)[loss_on])
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    bar = keras.utils.Progbar(steps, stateful_metrics=["loss"], unit_name="step")
    losses = []
    for index in range(steps):
        losses.append(float(step(batches[index % len(batches)])))
        if not np.isfinite(losses[-1]):
            raise ValueError(
                f"The loss of step {index + 1} is {losses[-1]}; no file is written. "
                "Train again with a smaller --learning_rate."
            )
        bar.update(index + 1, [("loss", losses[-1])])
    return losses


def format_errors(before: np.ndarray, after: np.ndarray) -> str:
    """Returns the means before and after, and the mean change.

    Args:
        before: Errors before training, metres, `[N]`.
        after: Errors of the same images after training.

    Returns:
        Last cells of a row in a table.
    """
    change = after - before
    error = change.std(ddof=min(1, len(change) - 1)) / np.sqrt(len(change))
    return (
        f"{before.mean():.4f} | {after.mean():.4f} "
        f"| {change.mean():+.4f} +- {error:.4f}"
    )


def _batches() -> dict[str, list[Batch]]:
    """Images of the training split, and images that the runs held out of it."""
    records = RecordSet.open(FLAGS.records, "train")
    parts = records.hold_out(FLAGS.num_validation)
    return {
        name: list(
            make_evaluation_dataset(
                _evenly_spaced(part, FLAGS.num_images), batch_size=FLAGS.batch_size
            )
        )
        for name, part in zip(("trained on", "held out"), parts, strict=True)
    }


def _evenly_spaced(records: RecordSet, count: int) -> RecordSet:
    """Evenly spaced records, as neighbours show the same room."""
    indices = np.flatnonzero(records.selected)
    chosen = np.linspace(0, len(indices), min(count, len(indices)), endpoint=False)
    selected = np.zeros_like(records.selected)
    selected[indices[chosen.astype(int)]] = True
    return dataclasses.replace(records, selected=selected)


def _errors_of(
    model: EndToEnd, images: dict[str, list[Batch]]
) -> dict[str, np.ndarray]:
    """Errors of all images, with names such as `held out, fused`."""
    evaluate = tf.function(lambda batch: errors(model, batch))
    values = {name: [evaluate(b) for b in batches] for name, batches in images.items()}
    return {
        f"{name}, {output}": np.concatenate([v[output] for v in batches])
        for name, batches in values.items()
        for output in OUTPUTS
    }


def _write(output: pathlib.Path, model: EndToEnd, record: dict[str, object]) -> None:
    """Writes the weights and the errors."""
    for name in ("depth", "gradient"):
        with atomic_write(output / f"{name}.weights.h5") as path:
            getattr(model, f"{name}_network").save_weights(path)
            add_checksum(path)
    with atomic_write(output / "errors.json") as path:
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _train_and_compare() -> None:
    """Trains and prints the errors before and after."""
    keras.config.set_dtype_policy(resolve_precision(FLAGS.precision))
    model = EndToEnd(
        load_depth_network(FLAGS.depth_run), load_gradient_network(FLAGS.gradient_run)
    )
    for name in NETWORKS:
        network = getattr(model, f"{name}_network")
        network.trainable = FLAGS.trained in ("both", name)
    images = _batches()
    before = _errors_of(model, images)
    losses = train(
        model,
        images["trained on"],
        steps=FLAGS.steps,
        learning_rate=FLAGS.learning_rate,
        loss_on=FLAGS.loss_on,
    )
    after = _errors_of(model, images)
    print("| error of | before (m) | after (m) | change |\n|---|---|---|---|")
    for name in before:
        print(f"| {name} | {format_errors(before[name], after[name])} |")
    record = {"flags": given_flags(), "losses": losses}
    for when, values in (("before", before), ("after", after)):
        record[when] = {name: value.tolist() for name, value in values.items()}
    _write(pathlib.Path(FLAGS.output), model, record)


def main(argv: Sequence[str]) -> None:
    """Checks the flags and trains."""
    if len(argv) > 1:
        raise app.UsageError(f"Unknown argument: {argv[1]}.")
    if FLAGS.loss_on == "depth" and FLAGS.trained != "depth":
        raise app.UsageError("--loss_on=depth is for --trained=depth: see --help.")
    with readable_errors(), lock_folder(FLAGS.output):
        _train_and_compare()


if __name__ == "__main__":
    _define_flags()
    app.run(main)
