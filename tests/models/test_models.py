"""Tests of the networks and their layers."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.config import (
    ContextNetworkConfig,
    DepthNetworkConfig,
    GradientNetworkConfig,
)
from dpde_tf.models.batch_normalization import FusedBatchNormalization
from dpde_tf.models.context import build_context_network
from dpde_tf.models.crop import CropLike
from dpde_tf.models.depth import build_depth_network
from dpde_tf.models.encoder import STAGE_OUTPUTS, build_encoder
from dpde_tf.models.gradient import build_gradient_network
from dpde_tf.models.initial_values import without_drawing
from tests.fixtures.programs import run_program
from tests.fixtures.record_sets import write_small_record_set

CONFIG = DepthNetworkConfig(encoder_weights="none", output_offset=2.8)


@pytest.fixture(scope="module")
def modified_fcrn():
    return build_depth_network(CONFIG)


def test_crop_like_keeps_the_top_left():
    x = tf.reshape(tf.range(20.0), [1, 4, 5, 1])
    cut = CropLike()([x, tf.zeros([1, 2, 3, 7])])
    assert np.array_equal(cut[0, ..., 0], [[0, 1, 2], [5, 6, 7]])


@pytest.mark.parametrize("training", [True, False])
def test_fused_batch_normalization_equals_that_of_keras(rng, training):
    x = tf.constant(rng.normal(3.0, 2.0, [3, 4, 5, 6]), tf.float32)
    layers = [
        layer(momentum=0.9, epsilon=1e-3)
        for layer in (keras.layers.BatchNormalization, FusedBatchNormalization)
    ]
    weights = [rng.uniform(0.5, 2.0, 6) for _ in range(4)]
    results = []
    for layer in layers:
        layer.build(x.shape)
        layer.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
            loss = tf.reduce_sum(y**3)
        gradients = tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])
        results.append([y, *gradients, *layer.get_weights()])
    for expected, actual in zip(*results, strict=True):
        # Float32 rounding of sums over 60 values.
        np.testing.assert_allclose(actual, expected, rtol=2e-4, atol=2e-4)


def test_fused_batch_normalization_frozen_keeps_its_statistics(rng):
    x = tf.constant(rng.normal(3.0, 2.0, [2, 4, 4, 3]), tf.float32)
    layer = FusedBatchNormalization(trainable=False)
    y = layer(x, training=True)
    # Fresh statistics are mean 0 and variance 1.
    np.testing.assert_allclose(y, x / np.sqrt(1.001), rtol=1e-5)
    assert not layer.moving_mean.numpy().any()


@pytest.mark.slow
def test_build_encoder_has_the_features_of_keras_applications(tmp_path, rng):
    resnet = keras.applications.ResNet50(include_top=False, weights=None)
    path = tmp_path / "resnet50.weights.h5"
    resnet.save_weights(path)
    image = rng.uniform(0, 1, [1, 64, 96, 3]).astype(np.float32)
    raw = keras.applications.resnet.preprocess_input(255 * image)
    reference = keras.Model(
        resnet.input, [resnet.get_layer(name).output for name in STAGE_OUTPUTS]
    )
    for batch_norm in ("trainable", "frozen"):
        encoder = build_encoder(
            weights=str(path), batch_norm=batch_norm, batch_norm_momentum=0.9
        )
        for expected, actual in zip(reference(raw), encoder(image), strict=True):
            # Fifty layers of float32 rounding, relative to the largest feature.
            scale = np.abs(expected).max()
            assert np.abs(actual - expected).max() < 1e-4 * scale


def test_build_encoder_rejects_missing_file_and_other_values():
    with pytest.raises(FileNotFoundError, match=r"'no.weights.h5'.*`encoder_weights"):
        build_encoder(
            weights="no.weights.h5", batch_norm="frozen", batch_norm_momentum=0.9
        )
    with pytest.raises(ValueError, match=r"'trainable' or 'frozen'. Received: 'off'"):
        build_encoder(weights="none", batch_norm="off", batch_norm_momentum=0.9)


def _without_network(**_):
    # Keras 3.15 raises this class, with this text.
    raise Exception("URL fetch failure on https://x/notop.h5: None -- [Errno -3] No")


@pytest.mark.parametrize(
    ("build", "flag"),
    [
        (lambda: build_depth_network(DepthNetworkConfig(output_offset=2.8)), ""),
        (
            lambda: build_context_network(ContextNetworkConfig(context_offset=2.8)),
            "context_",
        ),
    ],
)
def test_imagenet_weights_without_a_network_name_the_flag(build, flag, monkeypatch):
    monkeypatch.setattr(keras.applications, "ResNet50", _without_network)
    match = rf"https://x/notop\.h5.* name it with `{flag}encoder_weights=FILE`, or "
    with pytest.raises(ConnectionError, match=match):
        build()


@pytest.mark.parametrize("name", ["junk.weights.h5", "junk.h5", "junk.txt"])
def test_build_encoder_rejects_a_file_of_other_weights(tmp_path, name):
    path = tmp_path / name
    path.write_text("no weights")
    match = rf"{name} of `encoder_weights` must be a file of weights of .*ResNet50"
    with pytest.raises(ValueError, match=match):
        build_encoder(weights=str(path), batch_norm="frozen", batch_norm_momentum=0.9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "switches", "flag"),
    [
        ("train_depth", [], "--encoder_weights"),
        (
            "train_gradient",
            ["--gradient_network=context"],
            "--context_encoder_weights",
        ),
    ],
)
def test_training_without_a_network_ends_with_one_line(
    tmp_path, rng, monkeypatch, program, switches, flag
):
    write_small_record_set(tmp_path / "records", rng, size=(64, 96))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    # Nothing listens at this address.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    result = run_program(
        f"experiments.{program}",
        *switches,
        check=False,
        fresh=True,  # Keras finds its folder when it is imported.
        records=tmp_path / "records",
        workdir=tmp_path / "run",
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: The ImageNet weights could not be downloaded")
    assert f"{flag}=FILE" in line


@pytest.mark.parametrize("size", [(64, 96), (75, 101)])
def test_build_depth_network_output_has_half_resolution(modified_fcrn, size, rng):
    image = rng.uniform(0, 1, [1, *size, 3]).astype(np.float32)
    depth = modified_fcrn(image)
    assert depth.shape == (1, -(-size[0] // 2), -(-size[1] // 2), 1)


def test_build_depth_network_gradient_reaches_every_weight(modified_fcrn, rng):
    image = tf.constant(rng.uniform(0, 1, [2, 64, 64, 3]), tf.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(modified_fcrn(image, training=True) ** 2)
    gradients = tape.gradient(loss, modified_fcrn.trainable_variables)
    names = [v.path for v in modified_fcrn.trainable_variables]
    # A bias before batch normalisation has no effect; ResNet-50 has such biases.
    silent = [
        name
        for name, gradient in zip(names, gradients, strict=True)
        if gradient is None or not np.any(gradient)
    ]
    assert [name for name in silent if not name.endswith("conv/bias")] == []


def test_build_depth_network_layer_names(modified_fcrn):
    names = {layer.name for layer in modified_fcrn.layers}
    assert {"reduce_conv", "up1_unpool_conv1", "up4_out", "lateral4_conv"} <= names
    assert {"conv4_block6_out", "depth_conv", "depth_metres"} <= names


@pytest.mark.slow
def test_build_depth_network_output_relu_and_scale(rng):
    config = dataclasses.replace(CONFIG, output_relu=True, output_offset=-100.0)
    depth = build_depth_network(config)(np.zeros([1, 64, 64, 3], np.float32))
    assert not np.any(depth)


def test_build_depth_network_has_the_configured_scale_and_offset(modified_fcrn):
    layer = modified_fcrn.get_layer("depth_metres")
    assert (layer.scale, layer.offset) == (CONFIG.output_scale, CONFIG.output_offset)


def test_build_depth_network_needs_an_offset():
    with pytest.raises(ValueError, match=r"`config.output_offset` must be a depth"):
        build_depth_network(DepthNetworkConfig(encoder_weights="none"))


def test_build_depth_network_mixed_precision_output_is_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    with without_drawing():
        network = build_depth_network(CONFIG)
    assert network.get_layer("up1_conv").compute_dtype == "bfloat16"
    assert network.output.dtype == "float32"


@pytest.mark.slow
def test_build_depth_network_weights_survive_saving(modified_fcrn, tmp_path, rng):
    path = tmp_path / "network.weights.h5"
    modified_fcrn.save_weights(path)
    other = build_depth_network(CONFIG)
    image = rng.uniform(0, 1, [1, 64, 64, 3]).astype(np.float32)
    assert not np.array_equal(other(image), modified_fcrn(image))
    other.load_weights(path)
    assert np.array_equal(other(image), modified_fcrn(image))


def test_build_gradient_network_number_of_parameters(modified_fcrn):
    network = build_gradient_network(GradientNetworkConfig())
    # 72 c^2 + 54 c + 2 with c = 108: 27 c + c, eight times 9 c^2 + c, 18 c + 2.
    assert network.count_params() == 72 * 108**2 + 54 * 108 + 2
    # Table 5 of the paper: 1/76.
    assert modified_fcrn.count_params() / network.count_params() == pytest.approx(
        76, abs=0.6
    )


def test_build_gradient_network_receptive_field_is_21_pixels(rng):
    network = build_gradient_network(GradientNetworkConfig(width=4))
    image = rng.uniform(0, 1, [1, 31, 31, 3]).astype(np.float32)
    changed = image.copy()
    changed[0, 15, 15] += 1.0
    difference = np.abs(network(image) - network(changed)).max(axis=-1)[0]
    rows, columns = np.nonzero(difference)
    assert (rows.min(), rows.max()) == (5, 25)
    assert (columns.min(), columns.max()) == (5, 25)


def test_build_gradient_network_output_and_activations():
    network = build_gradient_network(GradientNetworkConfig(width=4))
    assert network(np.zeros([1, 7, 9, 3], np.float32)).shape == (1, 7, 9, 2)
    activations = [
        layer.activation.__name__
        for layer in network.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    assert activations == ["relu"] * 9 + ["linear"]
