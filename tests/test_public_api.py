"""Tests of what `import dpde_tf` offers."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import dpde_tf
from dpde_tf.config import AugmentationConfig, DepthNetworkConfig
from dpde_tf.evaluation.protocols import PROTOCOLS
from dpde_tf.models.depth import build_depth_network
from tests.fixtures.record_sets import write_small_record_set
from tests.fixtures.scored_sets import write_depths, write_predictions
from tests.fixtures.small_training import tiny_depth_network


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    directory = tmp_path_factory.mktemp("records") / "small"
    return write_small_record_set(directory, np.random.default_rng(0), size=(64, 80))


def tiny_gradient_network():
    """A tiny gradient network: image -> two channels of the image's size."""
    image = keras.Input((None, None, 3))
    return keras.Model(image, keras.layers.Conv2D(2, 3, padding="same")(image))


def test_names_of_the_package_are_documented():
    for name in dpde_tf.__all__:
        assert getattr(dpde_tf, name).__doc__, name
        assert name in dpde_tf.__doc__ or name in ("FusionResult", "Prediction"), name


@pytest.mark.slow
def test_builders_need_no_configuration():
    image = np.zeros((1, 32, 64, 3), np.float32)
    counts = []
    for build in (dpde_tf.models.modified_fcrn, dpde_tf.models.fcrn):
        network = build(weights=None)
        assert network(image).shape == (1, 16, 32, 1)
        np.testing.assert_allclose(network(image), 2.8, atol=0.5)
        counts.append(network.count_params())
    # The 1x1 convolutions of the lateral connections, with their biases.
    widths = ((1024, 512), (512, 256), (256, 128), (64, 64))
    lateral = sum((skip + width) * width + width for skip, width in widths)
    assert counts[0] - counts[1] == lateral
    assert dpde_tf.models.gradient_network(width=4)(image).shape == (1, 32, 64, 2)
    context = dpde_tf.models.context_network(weights="none")
    assert context(image).shape == (1, 32, 64, 1)
    guided = dpde_tf.models.guided_gradient_network(guided_width=4)
    inputs = {"image": image, "coarse_depth": np.ones((1, 32, 64, 1), np.float32)}
    np.testing.assert_array_equal(guided(inputs), inputs["coarse_depth"])


def test_builders_refuse_unknown_options():
    with pytest.raises(TypeError, match=r"option 'widht'. Did you mean 'width'"):
        dpde_tf.models.gradient_network(widht=4)


def test_load_dataset_shuffles_each_record_once_per_epoch(records):
    dataset = dpde_tf.data.load_dataset(records, "train", batch_size=5)
    assert len(dataset) == 3
    passes = [
        np.concatenate([depth for _, depth in dataset.as_numpy_iterator()])
        for _ in range(2)
    ]
    assert passes[0].shape == (12, 64, 80, 1)
    assert not np.array_equal(*passes)
    keys = [sorted(one.tobytes() for one in maps) for maps in passes]
    assert keys[0] == keys[1]
    plain = dpde_tf.data.load_dataset(records, "test")
    first, second = ([d for _, d in plain.as_numpy_iterator()] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_load_dataset_refuses_a_crop_larger_than_the_images(records):
    config = AugmentationConfig(crop_size=(999, 999))
    with pytest.raises(ValueError, match=r"The crop 999x999 must fit into the images"):
        dpde_tf.data.load_dataset(records, "train", augmentation=config)


def test_load_dataset_augments_each_pass_anew(records):
    dataset = dpde_tf.data.load_dataset(
        records, shuffle=False, augmentation=AugmentationConfig(colour=0.3)
    )
    images = [next(iter(dataset))[0].numpy() for _ in range(2)]
    assert np.abs(images[0] - images[1]).max() > 0.01


def test_model_fitted_on_records_can_be_saved_and_loaded(records, tmp_path):
    network = tiny_depth_network()
    network.compile(
        optimizer=keras.optimizers.SGD(1e-2),
        loss=dpde_tf.losses.DepthLoss(max_depth=5.0, lambda_fsim=0.0),
        metrics=[
            dpde_tf.metrics.RootMeanSquaredError(),
            dpde_tf.metrics.AbsoluteRelativeError(),
            dpde_tf.metrics.Log10Error(),
            dpde_tf.metrics.DeltaAccuracy(1.25),
        ],
    )
    dataset = dpde_tf.data.load_dataset(records, "train", batch_size=4)
    history = network.fit(dataset, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    assert set(history) == {"loss", "rms", "rel", "log10", "delta_1.25"}
    path = tmp_path / "model.keras"
    network.save(path)
    expected = network.evaluate(dataset, verbose=0, return_dict=True)
    network = keras.saving.load_model(path)
    loaded = network.evaluate(dataset, verbose=0, return_dict=True)
    assert loaded == pytest.approx(expected, rel=1e-4)


def test_losses_take_arrays_of_several_shapes_in_turn(rng):
    network = tiny_depth_network()
    loss = dpde_tf.losses.DepthLoss()
    network.compile("sgd", loss=loss, metrics=[dpde_tf.metrics.RootMeanSquaredError()])
    # With a channel and without: Keras then knows neither the sizes nor the rank.
    for shape in ((64, 96, 1), (96, 64), (64, 64, 1), (64, 96)):
        images = rng.uniform(0, 1, (2, *shape[:2], 3)).astype(np.float32)
        depth = rng.uniform(1, 4, (2, *shape)).astype(np.float32)
        found = network.evaluate(images, depth, verbose=0, return_dict=True)
        expected = loss(depth, network(images))
        assert found["loss"] == pytest.approx(float(expected), rel=1e-5)
    network = tiny_gradient_network()
    network.compile("sgd", loss=dpde_tf.losses.LogGradient(alpha=0.5))
    network.fit(images, depth, verbose=0)


def test_depth_losses_are_those_of_the_functions(rng):
    truth = tf.constant(rng.uniform(1, 4, (3, 64, 64, 1)), tf.float32)
    predicted = tf.constant(rng.uniform(1, 4, (3, 64, 64, 1)), tf.float32)
    berhu = dpde_tf.losses.berhu_loss(truth, predicted)
    fsim = dpde_tf.losses.feature_similarity_loss(truth, predicted, max_depth=10.0)
    loss = dpde_tf.losses.DepthLoss(lambda_berhu=2.0, lambda_fsim=3.0)
    expected = np.mean(2.0 * berhu + 3.0 * fsim)
    np.testing.assert_allclose(loss(truth, predicted), expected, rtol=1e-5)
    for one, values in ((dpde_tf.losses.BerHu(), berhu),):
        np.testing.assert_allclose(one(truth, predicted), np.mean(values), rtol=1e-5)


def test_log_gradient_takes_the_gradients_of_the_truth():
    depth = np.float32([[1, 2, 0], [1, 2, 4]])[None, ..., None]
    loss = dpde_tf.losses.LogGradient(alpha=0.5)(depth, np.zeros((1, 2, 3, 2)))
    # Known: x: 1, 1, 2; y: 0, 0. Unknown: what touches the hole, and the border.
    np.testing.assert_allclose(loss, (2 * np.log(3) + np.log(5)) / 5, rtol=1e-6)


def test_metrics_are_pooled_over_measured_pixels():
    truth = np.float32([[1, 2], [4, 0]])[None, ..., None]
    predicted = np.float32([[1.5, 2], [2, 9]])[None, ..., None]
    more = np.float32([[3, 0], [0, 0]])[None, ..., None]
    expected = {
        # Errors 0.5, 0, 2 and then 0 over four pixels.
        dpde_tf.metrics.RootMeanSquaredError(): np.sqrt(4.25 / 4),
        dpde_tf.metrics.AbsoluteRelativeError(): (0.5 + 0.5) / 4,
        dpde_tf.metrics.Log10Error(): (np.log10(1.5) + np.log10(2)) / 4,
        dpde_tf.metrics.DeltaAccuracy(1.25): 2 / 4,
        dpde_tf.metrics.DeltaAccuracy(1.6): 3 / 4,
    }
    for metric, value in expected.items():
        metric.update_state(truth, predicted)
        metric.update_state(more, np.full_like(more, 3.0))
        np.testing.assert_allclose(metric.result(), value, rtol=1e-6)
        metric.reset_state()
        np.testing.assert_array_equal(metric.result(), 0)
        again = type(metric).from_config(metric.get_config())
        assert again.get_config() == metric.get_config()


@pytest.mark.parametrize("axis", [True, False])
def test_maps_may_lack_the_axis_of_the_channel(axis):
    truth = np.float32([[1, 2], [4, 0]])[None]
    predicted = np.float32([[1.5, 2], [2, 9]])[None]
    if axis:
        truth = truth[..., None]
    else:
        predicted = predicted[..., None]
    for given in ((truth, predicted), (truth[..., :2], predicted[..., :2])):
        metric = dpde_tf.metrics.DeltaAccuracy(1.25)
        metric.update_state(*given)
        np.testing.assert_allclose(metric.result(), 1 / 3, rtol=1e-6)
    flat = dpde_tf.metrics.RootMeanSquaredError()
    flat.update_state(np.ones((1, 64, 64)), np.full((1, 64, 64), 1.1))
    np.testing.assert_allclose(flat.result(), 0.1, rtol=1e-5)
    loss = dpde_tf.losses.BerHu()(np.ones((2, 4, 4)), np.full((2, 4, 4), 3.0))
    # All differences equal 2, and c is a fifth of that: (4 + 0.16) / 0.8.
    np.testing.assert_allclose(loss, 5.2, rtol=1e-5)


@pytest.mark.parametrize("shape", [(4, 4), (1, 4, 4, 1, 1), (1, 4, 4, 3)])
def test_other_shapes_of_predictions_are_refused(shape):
    truth = np.ones((1, 4, 4))
    for use in (dpde_tf.metrics.DeltaAccuracy(), dpde_tf.losses.BerHu().call):
        call = getattr(use, "update_state", use)
        with pytest.raises(ValueError, match=r"`y_pred` must be .* becomes a batch by"):
            call(truth, np.ones(shape))


def test_metrics_weigh_images_and_shrink_the_truth():
    truth = np.float32([[1, 3], [0, 0]])[None, ..., None]
    truth = np.concatenate([truth, np.full_like(truth, 5.0)])
    predicted = np.float32([4.0, 5.5])[:, None, None, None]
    metric = dpde_tf.metrics.RootMeanSquaredError()
    metric.update_state(truth, predicted)  # The truth of one pixel is 2 m and 5 m.
    np.testing.assert_allclose(metric.result(), np.sqrt((4 + 0.25) / 2), rtol=1e-6)
    metric.reset_state()
    metric.update_state(truth, predicted, sample_weight=[0.0, 1.0])
    np.testing.assert_allclose(metric.result(), 0.5, rtol=1e-6)


def test_delta_accuracy_refuses_a_threshold_of_1():
    with pytest.raises(ValueError, match=r"more than 1\. Received: 1\.0"):
        dpde_tf.metrics.DeltaAccuracy(1.0)


def test_evaluate_returns_scores_and_writes_nothing_unless_asked(tmp_path):
    records = write_depths(tmp_path / "records")
    predictions = write_predictions(tmp_path / "predictions")
    before = sorted(tmp_path.rglob("*"))
    summary = dpde_tf.evaluate(
        predictions=predictions, records=records, protocols=("paper", "fcrn")
    )
    assert sorted(tmp_path.rglob("*")) == before
    assert list(summary["protocols"]) == ["paper", "fcrn"]
    assert "paper" in PROTOCOLS
    pooled = summary["protocols"]["paper"]["results"]["depth"]["pooled"]
    # 24 pixels off by 0.5 m, 24 by 1 m and one by 2 m.
    expected = np.sqrt((24 * 0.25 + 24 + 4) / 49)
    assert pooled["rms"] == pytest.approx(expected)
    written = dpde_tf.evaluate(predictions, records, output=tmp_path / "scores")
    assert json.loads((tmp_path / "scores" / "summary.json").read_text()) == (
        json.loads(json.dumps(written))
    )


def test_what_is_predicted_in_holes_does_not_count():
    truth = np.float32([[1, 0], [4, 0]])[None, ..., None]
    predicted = np.float32([[1.5, np.nan], [4, np.inf]])[None, ..., None]
    metric = dpde_tf.metrics.RootMeanSquaredError()
    metric.update_state(truth, predicted)
    np.testing.assert_allclose(metric.result(), np.sqrt(0.25 / 2), rtol=1e-6)


def test_network_without_a_scale_is_refused():
    config = DepthNetworkConfig(
        encoder_weights="none", output_offset=2.0, output_scale=0.0
    )
    with pytest.raises(ValueError, match=r"`config\.output_scale` must not be 0"):
        build_depth_network(config)
