"""Tests of the guided network, its objective and its training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.config import GuidedLossConfig, GuidedNetworkConfig
from dpde_tf.losses import absolute_loss, difference_loss
from dpde_tf.models.guided import DepthFeatures, build_guided_network
from dpde_tf.runs.run_folder import read_metrics
from dpde_tf.training.objectives import GuidedObjective
from tests.fixtures.programs import run_program
from tests.fixtures.record_sets import write_small_record_set


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(3)
    network = build_guided_network(GuidedNetworkConfig(guided_width=4))
    # Before training, it changes nothing.
    head = network.get_layer("residual_conv")
    kernel, bias = head.get_weights()
    head.set_weights([np.random.default_rng(0).normal(0, 0.05, kernel.shape), bias])
    return network


@pytest.fixture(scope="module")
def inputs():
    rng = np.random.default_rng(1)
    # Odd sizes, which are rounded up at each halving.
    return {
        "image": rng.uniform(0, 1, [2, 37, 51, 3]).astype(np.float32),
        "coarse_depth": rng.uniform(1, 5, [2, 37, 51, 1]).astype(np.float32),
    }


def test_depth_features_worked_values():
    depth = tf.constant([[1.0, 2.0], [1.0, 4.0]])[None, ..., None]
    features = DepthFeatures()(depth).numpy()[0]
    np.testing.assert_allclose(
        features[..., 0], np.log([[1 / 2, 1], [1 / 2, 2]]), atol=1e-6
    )
    np.testing.assert_allclose(
        features[..., 1], 10 * np.log([[2, 1], [4, 1]]), atol=1e-5
    )
    np.testing.assert_allclose(
        features[..., 2], 10 * np.log([[1, 2], [1, 1]]), atol=1e-5
    )


def test_depth_features_are_finite_for_any_depth():
    depth = tf.constant([[0.0, 2.0], [-1.0, 0.0]])[None, ..., None]
    assert np.isfinite(DepthFeatures()(depth)).all()
    assert np.isfinite(DepthFeatures()(tf.zeros_like(depth))).all()


def test_guided_network_does_not_depend_on_the_unit(network, inputs):
    sharp = network(inputs).numpy()
    assert sharp.shape == (2, 37, 51, 1)
    assert sharp.dtype == np.float32
    assert np.abs(sharp / inputs["coarse_depth"] - 1).max() > 0.01
    in_millimetres = network(inputs | {"coarse_depth": 1000 * inputs["coarse_depth"]})
    np.testing.assert_allclose(in_millimetres, 1000 * sharp, rtol=1e-4)


def test_guided_network_sees_image_and_depth(network, inputs):
    sharp = network(inputs)
    for name in inputs:
        changed = inputs[name].copy()
        changed[:, :4, :4] *= 0.5
        assert np.abs(network(inputs | {name: changed}) - sharp)[:, 8:].max() > 1e-6


@pytest.mark.parametrize(("seen", "hidden"), [("image", "depth"), ("depth", "image")])
def test_guided_network_of_an_ablation_sees_one_input(inputs, seen, hidden):
    keras.utils.set_random_seed(3)
    network = build_guided_network(
        GuidedNetworkConfig(guided_width=4, guided_inputs=seen)
    )
    kernel = network.get_layer("residual_conv").kernel
    kernel.assign(np.random.default_rng(0).normal(0, 0.05, kernel.shape))
    names = {"image": "image", "depth": "coarse_depth"}

    def factor(changed=None):
        """The factor of the depth, after a change of one input."""
        given = {name: array.copy() for name, array in inputs.items()}
        if changed:
            given[names[changed]][:, :4, :4] *= 0.5
        return network(given).numpy() / given["coarse_depth"]

    np.testing.assert_allclose(factor(hidden), factor(), rtol=1e-6)
    assert np.abs(factor(seen) - factor()).max() > 1e-3


def test_guided_network_rejects_unknown_inputs():
    match = "`guided_inputs` must be one of both, image, depth. Received: 'edges'."
    with pytest.raises(ValueError, match=match):
        build_guided_network(GuidedNetworkConfig(guided_inputs="edges"))


def test_guided_network_of_the_default_width_is_small():
    network = build_guided_network(GuidedNetworkConfig())
    # 10 MB as int8, mostly kernels.
    assert 1_000_000 < network.count_params() < 2_000_000


def test_new_guided_network_changes_nothing(inputs):
    network = build_guided_network(GuidedNetworkConfig(guided_width=4))
    np.testing.assert_array_equal(network(inputs), inputs["coarse_depth"])


def test_guided_objective_uses_relative_depth(rng):
    truth = rng.uniform(1, 5, [2, 20, 24, 1]).astype(np.float32)
    truth[0, 3, 4] = 0.0
    coarse = np.stack([np.full([20, 24, 1], 2.0), np.full([20, 24, 1], 4.0)])
    predicted = tf.constant(rng.uniform(1, 5, truth.shape), tf.float32)
    objective = GuidedObjective(GuidedLossConfig(lambda_level=2.0, lambda_steps=0.3))
    batch = {"depth": truth, "coarse_depth": coarse.astype(np.float32)}
    terms = objective.losses(batch, predicted)
    scale = np.float32([2.0, 4.0])
    level = absolute_loss(tf.constant(truth), predicted) / scale
    steps = difference_loss(tf.constant(truth), predicted) / scale
    np.testing.assert_allclose(terms["level"], level, rtol=1e-5)
    np.testing.assert_allclose(terms["steps"], steps, rtol=1e-5)
    np.testing.assert_allclose(terms["loss"], 2 * level + 0.3 * steps, rtol=1e-5)
    np.testing.assert_allclose(terms["measured"], [479 / 480, 1.0], rtol=1e-6)


def test_guided_objective_also_scores_the_coarse_map(rng):
    truth = np.full([1, 40, 40, 1], 2.0, np.float32)
    truth[:, :, 20:] = 4.0
    coarse = tf.image.resize(tf.image.resize(truth, [5, 5]), [40, 40])
    batch = {"depth": tf.constant(truth), "coarse_depth": coarse}
    scores = GuidedObjective(GuidedLossConfig()).scores([(batch, truth)])
    assert scores["rms"] == 0
    assert scores["edge_f1_0.5"] == 1
    # The step is a contour in one of the four directions.
    assert scores["boundary_f1"] == pytest.approx(0.25)
    errors = (coarse - truth).numpy()
    assert scores["rms_of_coarse"] == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert scores["boundary_f1_of_coarse"] < 0.2


@pytest.mark.slow
def test_training_of_the_guided_network_resumes(tmp_path, rng):
    records = write_small_record_set(tmp_path / "records", rng, size=(64, 64))
    workdir = tmp_path / "run"
    flags = {
        "gradient_network": "guided",
        "records": records,
        "workdir": workdir,
        "guided_width": 4,
        "crop_size": "48,48",
        "num_validation": 4,
        "batch_size": 4,
        "epochs": 16,
        "warmup_steps": 2,
        "learning_rate": 0.02,
        "max_level_error": 0,
        "max_noise": 0,
        "max_displacement": 0,
        "precision": "float32",
    }
    result = run_program("experiments.train_gradient", **flags)
    assert result.returncode == 0, result.stderr
    rows = read_metrics(workdir)
    assert np.mean([row["loss"] for row in rows[-4:]]) < 0.8 * rows[0]["loss"]
    assert rows[0]["validation"]["rms_of_coarse"] == pytest.approx(
        rows[-1]["validation"]["rms_of_coarse"]
    )
    again = run_program("experiments.train_gradient", **flags)
    assert "Continuing the run" in again.stdout
