"""Parts that the benchmark times; each is a function that does the work once.

Except for the shipped networks and the folder of photographs, weights are random and
images are noise, which does not change the amount of work. Only the work of the fusion
depends on its input, a ramp with noise.
"""

import functools
import os
import pathlib
import tempfile
from collections.abc import Callable, Sequence

import cv2
import keras
import numpy as np
import tensorflow as tf

from data_prep.conversion.record_sets import Pair, write_record_set
from dpde_tf.config import (
    ContextLossConfig,
    ContextNetworkConfig,
    DepthLossConfig,
    DepthNetworkConfig,
    GradientLossConfig,
    GradientNetworkConfig,
    TrainingConfig,
)
from dpde_tf.data.input_pipeline import RecordSet, make_training_dataset
from dpde_tf.files.images import read_image, resize_image
from dpde_tf.fusion import fuse_depth_and_gradients
from dpde_tf.fusion.image_gradients import image_gradients
from dpde_tf.inference.photograph_batches import (
    batches_of_one_size,
    predict_photographs,
)
from dpde_tf.inference.photographs import read_photograph
from dpde_tf.inference.predictor import DepthPredictor
from dpde_tf.losses import feature_similarity_loss
from dpde_tf.models.context import build_context_network
from dpde_tf.models.costs import layer_costs, training_flops
from dpde_tf.models.depth import build_depth_network
from dpde_tf.models.gradient import build_gradient_network
from dpde_tf.models.unpool_convolution import UnpoolConv2D
from dpde_tf.runs.trained_networks import PRESETS, load_networks
from dpde_tf.training.objectives import (
    ContextObjective,
    DepthObjective,
    GradientObjective,
    Objective,
)
from dpde_tf.training.optimization import LearningRate, build_optimizer
from dpde_tf.training.presets import depth_preset, gradient_preset
from dpde_tf.training.step import train_on_batch
from experiments.benchmarks.photograph_copies import PHOTOGRAPHS, copy_photographs
from experiments.benchmarks.unpool_forms import UNPOOL_FORMS

Part = Callable[[], object]

SIZE = (240, 320)
CROP_SIZE = gradient_preset("paper").augmentation.crop_size
NUM_RECORDS = 64


def matrix_product() -> Part:
    """Returns the product of two 4096x4096 matrices, in the policy's type."""
    matrix = tf.cast(tf.random.normal([4096, 4096]), _compute_dtype())
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(matrix, matrix)[:1]))
    return lambda: product().numpy()


def convolution(batch_size: int) -> Part:
    """Returns a 3x3 convolution, 128 to 128 channels, 60x80, in the policy's type."""
    x = tf.cast(tf.random.normal([batch_size, 60, 80, 128]), _compute_dtype())
    kernel = tf.cast(tf.random.normal([3, 3, 128, 128]), _compute_dtype())
    conv = tf.function(lambda: tf.reduce_sum(tf.nn.conv2d(x, kernel, 1, "SAME")[:1, 0]))
    return lambda: conv().numpy()


def depth_training_step(
    batch_size: int,
    *,
    lateral_connections: bool = True,
    unpool_form: str | None = None,
    lambda_fsim: float = 1.0,
) -> Part:
    """Returns a training step of the modified FCRN or of FCRN.

    Args:
        batch_size: Images per step.
        lateral_connections: False for FCRN.
        unpool_form: Key of `UNPOOL_FORMS`; None for the form of the network.
        lambda_fsim: Weight of 1 - FSIM.

    Returns:
        Step that returns once the weights are updated.
    """
    network = _depth_network(lateral_connections)
    if unpool_form is not None:
        network = _with_unpool_form(network, UNPOOL_FORMS[unpool_form])
    loss = DepthLossConfig(max_depth=10.0, lambda_fsim=lambda_fsim)
    return _training_step(network, DepthObjective(loss), _noise_batch(batch_size, SIZE))


def depth_training_flops(*, lateral_connections: bool = True) -> int:
    """Returns the operations of a training step on one image."""
    return training_flops(layer_costs(_depth_network(lateral_connections), SIZE))


def gradient_training_step(batch_size: int) -> Part:
    """Returns a training step of the gradient network on crops."""
    objective = GradientObjective(GradientLossConfig())
    batch = _noise_batch(batch_size, CROP_SIZE)
    return _training_step(
        build_gradient_network(GradientNetworkConfig()), objective, batch
    )


def gradient_training_flops() -> int:
    """Returns the operations of a training step on one crop."""
    network = build_gradient_network(GradientNetworkConfig())
    return training_flops(layer_costs(network, CROP_SIZE))


def context_training_step(batch_size: int) -> Part:
    """Returns a training step of the context network."""
    objective = ContextObjective(ContextLossConfig())
    return _training_step(_context_network(), objective, _noise_batch(batch_size, SIZE))


def context_training_flops() -> int:
    """Returns the operations of a training step on one image."""
    return training_flops(layer_costs(_context_network(), SIZE))


def feature_similarity(batch_size: int) -> Part:
    """Returns 1 - FSIM and its gradient at the output size of the depth network."""
    shape = [batch_size, SIZE[0] // 2, SIZE[1] // 2, 1]
    truth, predicted = (tf.random.uniform(shape, 1.0, 9.0) for _ in range(2))

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(predicted)
            loss = feature_similarity_loss(truth, predicted, max_depth=10.0)
        return tape.gradient(loss, predicted)

    return lambda: step().numpy()


def input_pipeline(batch_size: int) -> Part:
    """Returns the reading of 64 records with augmentation on one core.

    The augmentation is the recommended one. The process stays on one core afterwards.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    folder = tempfile.TemporaryDirectory()
    path = pathlib.Path(folder.name) / "records"
    rng = np.random.default_rng(0)
    image = cv2.resize(
        rng.integers(0, 256, [15, 20, 3], np.uint8), SIZE[::-1], interpolation=2
    )
    depth = rng.uniform(1, 9, SIZE).astype(np.float32)
    pairs = [Pair(str(i), "noise", lambda: (image, depth)) for i in range(NUM_RECORDS)]
    write_record_set(path, dataset="noise", splits={"train": pairs}, raw_files={})
    records = RecordSet.open(path, "train")
    augmentation = depth_preset("recommended").augmentation

    def read(folder: tempfile.TemporaryDirectory = folder) -> None:
        for _ in make_training_dataset(
            records, batch_size=batch_size, augmentation=augmentation, seed=0, epoch=0
        ):
            pass

    return read


def depth_forward(*, lateral_connections: bool = True) -> Part:
    """Returns the forward pass of the modified FCRN, or FCRN, on one image."""
    return _forward(_depth_network(lateral_connections))


def gradient_forward() -> Part:
    """Returns the forward pass of the gradient network on one image."""
    return _forward(build_gradient_network(GradientNetworkConfig()))


def context_forward() -> Part:
    """Returns the forward pass of the context network on one image."""
    return _forward(_context_network())


def fusion(batch_size: int) -> Part:
    """Returns the fusion of noisy ramps with noisy gradients, 10 IRLS iterations."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    ramp = (2.0 + 0.01 * rows + 0.005 * columns)[None, ..., None]
    shape = (batch_size, *SIZE, 1)
    gradients = [
        gradient + rng.normal(0, 0.01, shape).astype(np.float32)
        for gradient in image_gradients(tf.constant(ramp, tf.float32))
    ]
    depth = (ramp + rng.normal(0, 0.1, shape)).astype(np.float32)
    fuse = functools.partial(fuse_depth_and_gradients, jit_compile=True)
    return lambda: fuse(depth, *gradients).depth.numpy()


def photograph_prediction() -> Part:
    """Returns the prediction of one photograph, from file to file."""
    folder = tempfile.TemporaryDirectory()
    photograph = pathlib.Path(folder.name) / "photograph.jpg"
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, [15, 20, 3], np.uint8)
    cv2.imwrite(str(photograph), cv2.resize(coarse, SIZE[::-1], interpolation=2))
    predictor = DepthPredictor(
        _depth_network(lateral_connections=True),
        build_gradient_network(GradientNetworkConfig()),
    )
    predict = _prediction(predictor, [photograph], folder)
    for _ in range(16):  # From then on the fusion is compiled.
        predict()
    return predict


def folder_prediction() -> Part:
    """Returns the prediction of a folder by the shipped networks, file to file."""
    folder = tempfile.TemporaryDirectory()
    photographs = copy_photographs(pathlib.Path(folder.name) / "in")
    return _prediction(_shipped_predictor(), sorted(photographs.iterdir()), folder)


def folder_computation() -> Part:
    """Returns what the networks and the fusion do for `folder_prediction`."""
    folder = tempfile.TemporaryDirectory()
    paths = sorted(copy_photographs(pathlib.Path(folder.name) / "in").iterdir())
    photographs = [read_photograph(path, training_size=SIZE) for path in paths]
    batches = [
        np.stack([photograph.image for photograph in batch])
        for batch in batches_of_one_size(photographs)
    ]
    predictor = _shipped_predictor()
    return lambda: [predictor.predict(batch) for batch in batches]


def shipped_networks() -> Part:
    """Returns the forward pass of the shipped networks, in one graph."""
    image = tf.random.uniform([1, *SIZE, 3])
    networks = tf.function(_all_networks(_shipped_predictor()))
    return lambda: [output.numpy() for output in networks(image)]


def photograph_fusion() -> Part:
    """Returns the fusion of a photograph by the shipped networks, as for one image."""
    predictor = _shipped_predictor()
    image = resize_image(read_image(PHOTOGRAPHS[0]), SIZE)
    maps = predictor.predict(image[np.newaxis])
    share = predictor.options.context_share
    start = (1.0 - share) * maps["depth"] + share * maps["context_depth"]
    gradients = maps["gradient_x"], maps["gradient_y"]
    fuse = functools.partial(fuse_depth_and_gradients, jit_compile=False)
    return lambda: fuse(start, *gradients).depth.numpy()


def shipped_networks_in_onnx_runtime() -> Part:
    """Returns the same forward pass by ONNX Runtime."""
    import onnxruntime  # Loaded here, since it is optional.
    import tf2onnx

    predictor = DepthPredictor(**load_networks(**PRESETS["nyu"]))
    networks = tf.function(_all_networks(predictor))
    spec = tf.TensorSpec([None, None, None, 3], name="image")
    model, _ = tf2onnx.convert.from_function(networks, [spec], opset=17)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    image = np.random.default_rng(0).random([1, *SIZE, 3], np.float32)
    return lambda: session.run(None, {"image": image})


def _prediction(
    predictor: DepthPredictor,
    paths: Sequence[pathlib.Path],
    folder: tempfile.TemporaryDirectory,
) -> Part:
    """The prediction of photographs into a temporary folder."""

    def predict() -> None:
        output = pathlib.Path(folder.name) / "predictions"
        failures = predict_photographs(
            predictor, paths, output, done=lambda *_: None, training_size=SIZE
        )
        if failures:
            raise RuntimeError(f"Photographs failed: {failures}")

    return predict


def _shipped_predictor() -> DepthPredictor:
    """The networks that come with the library."""
    return DepthPredictor(**load_networks(**PRESETS["nyu"], compact=True))


def _all_networks(predictor: DepthPredictor) -> Callable:
    """The networks one after another, without the fusion."""

    def networks(image: tf.Tensor) -> list[tf.Tensor]:
        depth = predictor.depth_network(image, training=False)
        depth = tf.image.resize(depth, tf.shape(image)[1:3])
        context = predictor.context_network(image, training=False)
        inputs = {"image": image, "coarse_depth": depth}
        return [depth, context, predictor.guided_network(inputs, training=False)]

    return networks


def _compute_dtype() -> str:
    """The compute dtype of the policy."""
    return keras.config.dtype_policy().compute_dtype


def _depth_network(lateral_connections: bool) -> keras.Model:
    """A depth network with random weights."""
    return build_depth_network(
        DepthNetworkConfig(
            lateral_connections=lateral_connections,
            encoder_weights="none",
            output_offset=2.8,
        )
    )


def _context_network() -> keras.Model:
    """A context network with random weights."""
    config = ContextNetworkConfig(context_encoder_weights="none", context_offset=2.8)
    return build_context_network(config)


def _with_unpool_form(network: keras.Model, form: type) -> keras.Model:
    """The same network with another layer for unpooling and 5x5 convolution."""

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = form if isinstance(layer, UnpoolConv2D) else type(layer)
        return kind.from_config(layer.get_config())

    return keras.models.clone_model(network, clone_function=clone)


def _noise_batch(batch_size: int, size: tuple[int, int]) -> dict[str, tf.Tensor]:
    """Random images with random depth."""
    return {
        "image": tf.random.uniform([batch_size, *size, 3]),
        "depth": tf.random.uniform([batch_size, *size, 1], 1.0, 9.0),
    }


def _training_step(
    network: keras.Model, objective: Objective, batch: dict[str, tf.Tensor]
) -> Part:
    """One step of SGD."""
    config = TrainingConfig()
    optimizer = build_optimizer(config, LearningRate.of(config, 100))
    optimizer.build(network.trainable_variables)

    @tf.function
    def step() -> tf.Tensor:
        return train_on_batch(network, objective, optimizer, batch)[1]

    return lambda: step().numpy()


def _forward(network: keras.Model) -> Part:
    """Inference of a network on one image."""
    image = tf.random.uniform([1, *SIZE, 3])
    step = tf.function(lambda: network(image, training=False))
    return lambda: step().numpy()
