"""Tests of the context network, its losses and its use."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.config import (
    ContextLossConfig,
    ContextNetworkConfig,
    FusionConfig,
    GradientLossConfig,
    PredictionConfig,
)
from dpde_tf.fusion import fuse_depth_and_gradients
from dpde_tf.fusion.image_gradients import image_gradients
from dpde_tf.inference.predictor import DepthPredictor
from dpde_tf.losses import absolute_loss, difference_loss
from dpde_tf.models.context import as_gradient_network, build_context_network
from dpde_tf.runs.run_folder import RECORD_FILE, WEIGHTS_FILE
from dpde_tf.runs.run_record import config_as_dict
from dpde_tf.runs.trained_networks import (
    is_run_of,
    load_gradient_network,
    load_network,
)
from dpde_tf.training.objectives import ContextObjective, GradientObjective
from experiments.export_weights import export_weights
from tests.fixtures.programs import run_program
from tests.fixtures.record_sets import write_small_record_set

CONFIG = ContextNetworkConfig(context_encoder_weights="none", context_offset=2.8)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(3)
    return build_context_network(CONFIG)


@pytest.fixture(scope="module")
def image():
    # Odd sizes, which are rounded up at each halving.
    return np.random.default_rng(1).uniform(0, 1, [1, 61, 83, 3]).astype(np.float32)


@pytest.mark.slow
def test_new_context_network_predicts_its_offset(network, image):
    depth = network(image)
    assert depth.shape == (1, 61, 83, 1)
    assert depth.dtype == tf.float32
    other = as_offset(network, 5.8)(image)
    np.testing.assert_allclose(other, depth + 3.0, atol=1e-5)


@pytest.mark.slow
def test_context_network_omits_the_last_encoder_stage(network):
    names = {layer.name for layer in network.layers}
    assert "conv4_block6_out" in names
    assert not any(name.startswith("conv5") for name in names)
    # ResNet-50 to its fourth stage (He et al. 2016): 8,589,184 with moving averages.
    encoder = sum(
        layer.count_params()
        for layer in network.layers
        if layer.name.startswith(("conv1_", "conv2_", "conv3_", "conv4_"))
    )
    assert encoder == 8_589_184
    assert network.count_params() == 10_790_289


def test_as_gradient_network_gives_differences(image):
    inputs = keras.Input((None, None, 3))
    small = keras.Model(inputs, keras.layers.Conv2D(1, 3, padding="same")(inputs))
    gradients = as_gradient_network(small)(image)
    expected = tf.concat(image_gradients(small(image)), axis=-1)
    np.testing.assert_allclose(gradients, expected, atol=1e-6)


@pytest.mark.slow
def test_context_network_sees_the_whole_image(network, image):
    changed = image.copy()
    changed[:, :8, :8] = 1.0 - changed[:, :8, :8]
    far = network(changed)[0, -1, -1, 0] - network(image)[0, -1, -1, 0]
    assert far != 0.0


def test_context_network_needs_an_offset():
    with pytest.raises(ValueError, match="context_offset` must be a depth in metres"):
        build_context_network(ContextNetworkConfig(context_encoder_weights="none"))


def as_offset(network, offset):
    """The same network with another offset."""
    config = dataclasses.replace(CONFIG, context_offset=offset)
    other = build_context_network(config)
    other.set_weights(network.get_weights())
    return other


TRUTH = tf.constant([[1.0, 2.0, 0.0], [1.0, 4.0, 2.0]])[None, ..., None]
PREDICTED = tf.constant([[1.5, 2.0, 9.0], [1.0, 3.0, 2.0]])[None, ..., None]


def test_absolute_loss_worked_value():
    # Errors 0.5, 0, -, 0, 1, 0 over five measured pixels.
    assert absolute_loss(TRUTH, PREDICTED).numpy() == pytest.approx([0.3])


def test_difference_loss_worked_value():
    # Errors 0.5 0 - / 0 -1 0. Across: |-0.5|, -, |-1|, |1|: 2.5 / 3. Down: 0.5, 1, -:
    # 1.5 / 2. Two apart, across: -, 0; down: none.
    loss = difference_loss(TRUTH, PREDICTED, distances=(1, 2))
    assert loss.numpy() == pytest.approx([2.5 / 3 + 1.5 / 2])


def test_difference_loss_does_not_depend_on_an_offset(rng):
    truth = tf.constant(rng.uniform(1, 5, [2, 20, 24, 1]), tf.float32)
    assert np.abs(difference_loss(truth, truth + 3.0)).max() < 1e-5
    assert (difference_loss(truth, 1.1 * truth).numpy() > 0.1).all()


@pytest.mark.parametrize("loss", [absolute_loss, difference_loss])
def test_context_network_losses_ignore_unmeasured_pixels(loss):
    broken = tf.where(TRUTH > 0, PREDICTED, np.nan)
    with tf.GradientTape() as tape:
        tape.watch(broken)
        value = loss(TRUTH, broken)
    assert value.numpy() == pytest.approx(loss(TRUTH, PREDICTED).numpy())
    assert np.isfinite(tape.gradient(value, broken)).all()


@pytest.mark.parametrize("loss", [absolute_loss, difference_loss])
def test_context_network_losses_reject_other_shapes(loss):
    with pytest.raises(ValueError, match="must have the same shape"):
        loss(TRUTH, PREDICTED[:, :1])


def test_context_objective_weighs_its_terms():
    objective = ContextObjective(ContextLossConfig(2.0, 0.5))
    terms = objective.losses({"depth": TRUTH}, PREDICTED)
    assert set(terms) == {"loss", "absolute", "differences", "measured"}
    expected = 2.0 * terms["absolute"] + 0.5 * terms["differences"]
    np.testing.assert_allclose(terms["loss"], expected)
    # The error of pixel i is i, so that errors d pixels apart differ by d.
    ramp = tf.range(1.0, 21.0)[None, None, :, None]
    terms = objective.losses({"depth": ramp}, 2.0 * ramp)
    np.testing.assert_allclose(terms["absolute"], [10.5], rtol=1e-6)
    np.testing.assert_allclose(terms["differences"], [1 + 2 + 4 + 8 + 16], rtol=1e-6)
    hole = tf.where(ramp == 20.0, 0.0, ramp)
    terms = objective.losses({"depth": hole}, 2.0 * ramp)
    np.testing.assert_allclose(terms["absolute"], [10.0], rtol=1e-6)


def test_context_objective_is_scored_as_a_gradient_network():
    gradients = np.concatenate(image_gradients(PREDICTED), axis=-1)
    batch = {"depth": TRUTH}
    ours = ContextObjective(ContextLossConfig()).scores([(batch, PREDICTED.numpy())])
    theirs = GradientObjective(GradientLossConfig()).scores([(batch, gradients)])
    assert ours == theirs
    pictures = ContextObjective(ContextLossConfig()).pictures(batch, PREDICTED.numpy())
    assert [picture.shape for picture in pictures] == [(2, 3, 3)] * 2


def test_predictor_fuses_mean_depth_with_context_gradients(rng):
    image = keras.Input((None, None, 3))
    depth_network, context_network = (
        keras.Model(image, keras.layers.Conv2D(1, 3, padding="same")(image))
        for _ in range(2)
    )
    predictor = DepthPredictor(
        depth_network,
        fusion=FusionConfig(omega=3.0),
        options=PredictionConfig(context_share=0.25),
        context_network=context_network,
    )
    pixels = rng.uniform(0, 1, [2, 6, 8, 3]).astype(np.float32)
    maps = predictor.predict(pixels)
    names = ["depth", "context_depth", "uncertainty", "gradient_x", "gradient_y"]
    assert list(maps) == [*names, "fused"]
    depth, context = depth_network(pixels), context_network(pixels)
    expected = fuse_depth_and_gradients(
        0.75 * depth + 0.25 * context, *image_gradients(context), omega=3.0
    ).depth
    np.testing.assert_allclose(maps["fused"], expected[..., 0], atol=1e-5)
    np.testing.assert_allclose(maps["context_depth"], context[..., 0], atol=1e-6)


@pytest.fixture
def run(tmp_path, network):
    """The folder of a run of the context network."""
    folder = tmp_path / "run"
    folder.mkdir()
    network.save_weights(folder / WEIGHTS_FILE)
    record = {"program": "experiments.train_gradient", "config": config_as_dict(CONFIG)}
    (folder / RECORD_FILE).write_text(json.dumps(record))
    return folder


@pytest.mark.slow
def test_context_run_is_loaded_as_two_kinds_of_network(run, network, image):
    assert is_run_of(run, ContextNetworkConfig)
    np.testing.assert_allclose(load_network(run)(image), network(image), atol=1e-6)
    gradients = load_gradient_network(run)(image)
    expected = as_gradient_network(network)(image)
    np.testing.assert_allclose(gradients, expected, atol=1e-6)


@pytest.mark.slow
def test_context_run_can_be_exported(run, tmp_path):
    export_weights(run, tmp_path / "compact")
    assert is_run_of(tmp_path / "compact", ContextNetworkConfig)
    original, compact = map(load_network, (run, tmp_path / "compact"))
    for one, other in zip(original.weights, compact.weights, strict=True):
        one, other = one.numpy(), other.numpy()
        error = np.sqrt(np.mean((one - other) ** 2))
        assert error <= 0.02 * one.std() + 1e-7  # int8 of a Gaussian: 0.008.


@pytest.mark.slow
def test_train_gradient_trains_a_context_network(tmp_path, rng):
    splits = {"train": 4, "test": 2}
    write_small_record_set(tmp_path / "nyu", rng, size=(64, 96), splits=splits)
    training = {
        "records": tmp_path / "nyu",
        "workdir": tmp_path / "run",
        "preset": "recommended",
        "gradient_network": "context",
        "context_encoder_weights": "none",
        "batch_size": 2,
        "precision": "float32",
    }
    run_program("experiments.train_gradient", epochs=1, **training)
    result = run_program("experiments.train_gradient", check=False, **training)
    assert "TrainingConfig.epochs: 1 there, 30 now" in result.stderr
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    mean = json.loads((tmp_path / "nyu" / "manifest.json").read_text())
    offset = record["config"]["ContextNetworkConfig"]["context_offset"]
    assert offset == mean["splits"]["train"]["depth_mean"]
    assert record["config"]["AugmentationConfig"]["crop_size"] is None
    assert is_run_of(tmp_path / "run", ContextNetworkConfig)
