r"""Times the parts of the method on this machine.

    python -m experiments.benchmark --output=benchmark.json

Everything is timed in one run, each part several times after a warm-up; the table
gives the median, and the JSON all times, the versions and the hardware. Weights are
random and images are noise: neither changes the amount of work, except that of the
fusion, which is timed on a ramp with noise.
"""

import json
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from data_prep.conversion import Pair, write_record_set
from dpde_tf.atomic_files import write_whole
from dpde_tf.config import (
    AugmentationConfig,
    DepthLossConfig,
    DepthNetworkConfig,
    GradientLossConfig,
    GradientNetworkConfig,
    TrainingConfig,
)
from dpde_tf.data.input_pipeline import RecordSet, make_training_dataset
from dpde_tf.fusion import fuse_depth_and_gradients
from dpde_tf.image_gradients import image_gradients
from dpde_tf.losses import feature_similarity_loss
from dpde_tf.models.depth_network import build_depth_network
from dpde_tf.models.gradient_network import build_gradient_network
from dpde_tf.presets import depth_preset, gradient_preset
from dpde_tf.training.objectives import DepthObjective, GradientObjective, Objective
from dpde_tf.training.optimization import build_optimizer, learning_rate_schedule
from dpde_tf.training.precision import PRECISIONS, resolve_precision
from dpde_tf.training.run_record import circumstances
from dpde_tf.training.step import train_on_batch
from experiments.config_flags import given_flags

FLAGS = flags.FLAGS

SIZE = (240, 320)


def _define_flags() -> None:
    """Defines the flags of this program."""
    flags.DEFINE_integer("batch_size", 8, "Images a step.", lower_bound=1)
    flags.DEFINE_integer("repetitions", 5, "Times that each part runs.", lower_bound=1)
    flags.DEFINE_enum("precision", "auto", PRECISIONS, "Precision of the networks.")
    flags.DEFINE_string("output", None, "JSON file to write.")


def seconds_of(run: Callable[[], object], repetitions: int) -> list[float]:
    """Returns how long a function takes, after one run that does not count.

    Args:
        run: What to time; it must have finished when it returns.
        repetitions: How often.

    Returns:
        Seconds of each run.
    """
    run()
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return seconds


def training_step(
    network: keras.Model, objective: Objective, batch: dict[str, tf.Tensor]
) -> Callable[[], object]:
    """Returns a function that makes one training step.

    Args:
        network: The network.
        objective: Its losses.
        batch: `image` and `depth`.

    Returns:
        The step; it returns when the weights are updated.
    """
    config = TrainingConfig()
    optimizer = build_optimizer(config, learning_rate_schedule(config, 100))
    optimizer.build(network.trainable_variables)

    @tf.function
    def step() -> tf.Tensor:
        return train_on_batch(network, objective, optimizer, batch)[1]

    return lambda: step().numpy()


def _noise_batch(batch_size: int, size: tuple[int, int]) -> dict[str, tf.Tensor]:
    """Random images with random depth."""
    return {
        "image": tf.random.uniform([batch_size, *size, 3]),
        "depth": tf.random.uniform([batch_size, *size, 1], 1.0, 9.0),
    }


def network_parts(batch_size: int) -> dict[str, Callable[[], object]]:
    """Returns the steps and forward passes of the networks.

    Args:
        batch_size: Images a step.

    Returns:
        Name to function.
    """
    parts = {}
    batch = _noise_batch(batch_size, SIZE)
    objective = DepthObjective(DepthLossConfig(max_depth=10.0))
    for name, lateral in (("modified FCRN", True), ("FCRN", False)):
        config = DepthNetworkConfig(
            lateral_connections=lateral, encoder_weights="none", output_offset=2.8
        )
        network = build_depth_network(config)
        parts[f"{name}, training step"] = training_step(network, objective, batch)
        parts[f"{name}, forward, 1 image"] = _forward(network, batch["image"][:1])
    network = build_gradient_network(GradientNetworkConfig())
    crop = gradient_preset("paper").augmentation.crop_size
    parts[f"gradient network, training step, {crop[0]}x{crop[1]}"] = training_step(
        network, GradientObjective(GradientLossConfig()), _noise_batch(batch_size, crop)
    )
    parts["gradient network, forward, 1 image"] = _forward(network, batch["image"][:1])
    return parts


def _forward(network: keras.Model, image: tf.Tensor) -> Callable[[], object]:
    """The network's inference."""
    step = tf.function(lambda: network(image, training=False))
    return lambda: step().numpy()


def loss_part(batch_size: int) -> Callable[[], object]:
    """Returns 1 - FSIM and its gradient at the output size of the depth network.

    Args:
        batch_size: Maps at a time.

    Returns:
        The function.
    """
    shape = [batch_size, SIZE[0] // 2, SIZE[1] // 2, 1]
    truth, predicted = (tf.random.uniform(shape, 1.0, 9.0) for _ in range(2))

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(predicted)
            loss = feature_similarity_loss(truth, predicted, max_depth=10.0)
        return tape.gradient(loss, predicted)

    return lambda: step().numpy()


def fusion_part(batch_size: int) -> Callable[[], object]:
    """Returns the fusion of noisy ramps with noisy gradients.

    Args:
        batch_size: Maps at a time.

    Returns:
        The function.
    """
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    ramp = (2.0 + 0.01 * rows + 0.005 * columns)[None, ..., None]
    shape = (batch_size, *SIZE, 1)
    gradients = [
        gradient + rng.normal(0, 0.01, shape).astype(np.float32)
        for gradient in image_gradients(tf.constant(ramp, tf.float32))
    ]
    depth = (ramp + rng.normal(0, 0.1, shape)).astype(np.float32)
    return lambda: fuse_depth_and_gradients(depth, *gradients).depth.numpy()


def pipeline_part(batch_size: int, folder: pathlib.Path) -> Callable[[], object]:
    """Returns the reading of 64 records with the recommended augmentation.

    Args:
        batch_size: Images a batch; 64 must be a multiple of it.
        folder: Where to write the records.

    Returns:
        The function.
    """
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, [*SIZE, 3], np.uint8)
    depth = rng.uniform(1, 9, SIZE).astype(np.float32)
    pairs = [Pair(str(index), "noise", lambda: (image, depth)) for index in range(64)]
    write_record_set(folder, dataset="noise", splits={"train": pairs}, raw_files={})
    records = RecordSet.open(folder, "train")
    augmentation: AugmentationConfig = depth_preset("recommended").augmentation

    def read() -> None:
        for _ in make_training_dataset(
            records, batch_size=batch_size, augmentation=augmentation, seed=0, epoch=0
        ):
            pass

    return read


def time_parts(batch_size: int, repetitions: int) -> dict[str, list[float]]:
    """Returns the times of all parts.

    Args:
        batch_size: Images a step.
        repetitions: Runs of each part.

    Returns:
        Name to seconds of each run.
    """
    height, width = SIZE[0] // 2, SIZE[1] // 2
    with tempfile.TemporaryDirectory() as folder:
        parts = {
            **network_parts(batch_size),
            f"1 - FSIM and gradient, {height}x{width}": loss_part(batch_size),
            "fusion, 10 IRLS steps, 1 image": fusion_part(1),
            f"fusion, 10 IRLS steps, batch of {batch_size}": fusion_part(batch_size),
            "input pipeline, 64 images": pipeline_part(
                batch_size, pathlib.Path(folder) / "records"
            ),
        }
        return {name: seconds_of(run, repetitions) for name, run in parts.items()}


def format_table(times: dict[str, list[float]]) -> str:
    """Returns a Markdown table of medians and minima.

    Args:
        times: Name to seconds of each run.

    Returns:
        The table, in milliseconds.
    """
    lines = ["| part | median | fastest |", "|---|---|---|"]
    for name, seconds in times.items():
        median, fastest = (1e3 * f(seconds) for f in (statistics.median, min))
        lines.append(f"| {name} | {median:.0f} ms | {fastest:.0f} ms |")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> None:
    """Times all parts and prints the table."""
    if len(argv) > 1:
        raise app.UsageError(f"Unknown argument: {argv[1]}.")
    precision = resolve_precision(FLAGS.precision)
    keras.config.set_dtype_policy(precision)
    times = time_parts(FLAGS.batch_size, FLAGS.repetitions)
    made_with = circumstances()
    hardware = made_with["hardware"]
    print(
        f"\n{SIZE[0]}x{SIZE[1]}, batch {FLAGS.batch_size}, {precision}, "
        f"{hardware['processor']}, {hardware['cores']} cores, "
        f"TensorFlow {tf.__version__}\n\n{format_table(times)}"
    )
    if FLAGS.output:
        record = {"seconds": times, "precision": precision, "flags": given_flags()}
        with write_whole(FLAGS.output) as path:
            text = json.dumps(record | made_with, indent=1)
            path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    _define_flags()
    app.run(main)
