"""Tests that the training of a network can start from another one."""

import dataclasses

import keras
import numpy as np
import pytest

from dpde_tf.config import (
    ContextNetworkConfig,
    DepthNetworkConfig,
    GradientNetworkConfig,
    GuidedNetworkConfig,
)
from dpde_tf.models.gradient import build_gradient_network
from dpde_tf.models.guided import build_guided_network
from dpde_tf.runs.compact_weights import write_compact_weights
from dpde_tf.runs.initial_weights import (
    load_initial_depth_weights,
    load_initial_gradient_weights,
)
from dpde_tf.runs.released.fcrn import FCRN
from dpde_tf.runs.run_folder import RECORD_FILE, WEIGHTS_FILE
from dpde_tf.runs.run_record import config_as_dict, write_run_record

CONFIG = DepthNetworkConfig(output_scale=0.5, output_offset=2.8)


def _network(config, *, layers=1):
    """The last layers of a depth network, and one before them."""
    stack = [keras.layers.Conv2D(2, 1, name=f"conv{n}") for n in range(layers)]
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            *stack,
            keras.layers.Conv2D(1, 3, name="depth_conv"),
            keras.layers.Rescaling(config.output_scale, config.output_offset),
        ]
    )


def _write_run(folder, config, network):
    write_run_record(folder, program="test", flags={}, config=config_as_dict(config))
    network.save_weights(folder / WEIGHTS_FILE)


@pytest.mark.parametrize("name", ["", WEIGHTS_FILE])
def test_run_gives_the_same_depth_at_another_output_scale(tmp_path, rng, name):
    source = _network(CONFIG)
    _write_run(tmp_path, CONFIG, source)
    config = dataclasses.replace(CONFIG, output_scale=0.1, output_offset=30.0)
    network = _network(config)
    load_initial_depth_weights(network, config, tmp_path / name)
    image = rng.uniform(0, 1, [1, 5, 6, 3]).astype(np.float32)
    # Float32 rounding of numbers up to 30.
    np.testing.assert_allclose(network(image), source(image), atol=1e-4)


def test_weights_file_outside_a_run_is_loaded_unchanged(tmp_path):
    source, network = _network(CONFIG), _network(CONFIG)
    path = tmp_path / "mine.weights.h5"
    source.save_weights(path)
    load_initial_depth_weights(network, CONFIG, str(path))
    for expected, actual in zip(source.weights, network.weights, strict=True):
        assert np.array_equal(expected, actual)


def test_weights_file_may_hold_an_optimizer(tmp_path):
    source = _network(CONFIG)
    source.compile(keras.optimizers.SGD(momentum=0.9), "mse")
    source.fit(np.zeros([1, 4, 4, 3]), np.zeros([1, 2, 2, 1]), verbose=0)
    path = tmp_path / "mine.weights.h5"
    source.save_weights(path)
    network = _network(CONFIG)
    load_initial_depth_weights(network, CONFIG, path)
    assert np.array_equal(source.weights[0], network.weights[0])


def test_missing_and_unfinished_sources_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no weights 'no.npy'.*`init_from"):
        load_initial_depth_weights(None, CONFIG, "no.npy")
    with pytest.raises(FileNotFoundError, match=r"run\.json does not exist"):
        load_initial_depth_weights(None, CONFIG, tmp_path)
    write_run_record(tmp_path, program="test", flags={}, config=config_as_dict(CONFIG))
    with pytest.raises(FileNotFoundError, match=r"has not finished an epoch"):
        load_initial_depth_weights(None, CONFIG, tmp_path)


def test_unrelated_files_are_refused(tmp_path):
    for name in ("notes.txt", "w.weights.h5", "w.npz"):
        path = tmp_path / name
        path.write_text("text")
        with pytest.raises(ValueError, match=rf"{name} must be a `\.weights\.h5`"):
            load_initial_depth_weights(None, CONFIG, path)


def test_other_networks_are_refused(tmp_path):
    network = _network(CONFIG)
    path = tmp_path / "mine.weights.h5"
    _network(CONFIG, layers=2).save_weights(path)
    with pytest.raises(ValueError, match=r"holds 6 arrays; this network has 4.*`archi"):
        load_initial_depth_weights(network, CONFIG, path)
    other = keras.Sequential([keras.Input([4]), *map(keras.layers.Dense, (2, 2))])
    other.save_weights(path)
    with pytest.raises(ValueError, match=r"of another network.*`lateral_connections"):
        load_initial_depth_weights(network, CONFIG, path)


@pytest.mark.parametrize(
    ("field", "value"), [("lateral_connections", False), ("architecture", "harsanyi")]
)
def test_runs_of_other_networks_are_refused(tmp_path, field, value):
    _write_run(tmp_path, CONFIG, _network(CONFIG))
    config = dataclasses.replace(CONFIG, **{field: value})
    with pytest.raises(ValueError, match=rf"has {field}=.*Received: {value}"):
        load_initial_depth_weights(_network(config), config, tmp_path)


def test_guided_run_that_saw_the_other_input_is_refused(tmp_path):
    # Its weights have the same shapes.
    trained, wanted = (
        GuidedNetworkConfig(guided_width=2, guided_inputs=seen)
        for seen in ("image", "depth")
    )
    _write_run(tmp_path, trained, build_guided_network(trained))
    match = r"has guided_inputs=image; .* Received: depth\."
    with pytest.raises(ValueError, match=match):
        load_initial_gradient_weights(build_guided_network(wanted), wanted, tmp_path)


def test_run_of_the_gradient_network_is_refused(tmp_path):
    config = config_as_dict(GradientNetworkConfig())
    write_run_record(tmp_path, program="test", flags={}, config=config)
    with pytest.raises(ValueError, match=rf"{RECORD_FILE} has no DepthNetworkC"):
        load_initial_depth_weights(None, CONFIG, tmp_path)


def test_released_files_are_recognised_by_their_content(tmp_path):
    path = tmp_path / "anything"
    with path.open("wb") as file:
        np.save(file, {"conv1": {"weights": np.ones([7, 7, 3, 64])}}, allow_pickle=True)
    with pytest.raises(ValueError, match=r"lacks 'conv1/biases'"):
        load_initial_depth_weights(None, FCRN.config, path)
    with pytest.raises(
        ValueError, match=r"`architecture=laina` and `lateral_connections=False"
    ):
        load_initial_depth_weights(None, CONFIG, path)


def _context_network(config):
    """The last layers of a context network."""
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(1, 3, name="depth_conv"),
            keras.layers.Rescaling(1.0, config.context_offset),
        ]
    )


def test_context_run_gives_the_same_depth_at_another_offset(tmp_path, rng):
    trained = ContextNetworkConfig(context_offset=2.8)
    source = _context_network(trained)
    _write_run(tmp_path, trained, source)
    config = ContextNetworkConfig(context_offset=30.0)
    network = _context_network(config)
    load_initial_gradient_weights(network, config, tmp_path)
    image = rng.uniform(0, 1, [1, 5, 6, 3]).astype(np.float32)
    np.testing.assert_allclose(network(image), source(image), atol=1e-4)


@pytest.mark.parametrize("name", ["", WEIGHTS_FILE])
def test_run_and_file_of_a_gradient_network_give_its_weights(tmp_path, name):
    config = GradientNetworkConfig(width=4)
    source, network = build_gradient_network(config), build_gradient_network(config)
    _write_run(tmp_path, config, source)
    load_initial_gradient_weights(network, config, tmp_path / name)
    other = build_gradient_network(config)
    source.save_weights(tmp_path / "mine.weights.h5")
    load_initial_gradient_weights(other, config, tmp_path / "mine.weights.h5")
    for expected, *actual in zip(
        source.weights, network.weights, other.weights, strict=True
    ):
        assert all(np.array_equal(expected, one) for one in actual)


def test_compact_weights_are_a_start(tmp_path):
    config = GradientNetworkConfig(width=4)
    source, network = build_gradient_network(config), build_gradient_network(config)
    record = config_as_dict(config)
    write_run_record(tmp_path, program="test", flags={}, config=record)
    write_compact_weights(source, tmp_path)
    load_initial_gradient_weights(network, config, tmp_path)
    for expected, actual in zip(source.weights, network.weights, strict=True):
        # Arrays as small as these are not rounded.
        assert np.array_equal(expected, actual)


# Keras warns before it refuses.
@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_other_starts_of_a_gradient_network_are_refused(tmp_path):
    config = GradientNetworkConfig(width=4)
    network = build_gradient_network(config)
    with pytest.raises(FileNotFoundError, match=r"no weights 'no.npy'.*`init_from"):
        load_initial_gradient_weights(network, config, "no.npy")
    _write_run(tmp_path, CONFIG, _network(CONFIG))
    with pytest.raises(ValueError, match=r"has no GradientNetworkConfig"):
        load_initial_gradient_weights(network, config, tmp_path)
    wide = tmp_path / "wide.weights.h5"
    build_gradient_network(GradientNetworkConfig(width=5)).save_weights(wide)
    with pytest.raises(ValueError, match=r"of another network.*`width"):
        load_initial_gradient_weights(network, config, wide)
    notes = tmp_path / "notes.txt"
    notes.write_text("text")
    with pytest.raises(ValueError, match=r"must be a `.weights.h5` file .* is not"):
        load_initial_gradient_weights(network, config, notes)
