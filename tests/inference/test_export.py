"""Tests of exported networks and methods, by their own runtimes."""

import dataclasses

import keras
import numpy as np
import pytest

from dpde_tf.config import FusionConfig, GuidedNetworkConfig
from dpde_tf.inference.export import formats
from dpde_tf.inference.export.checks import check_images, export_differences
from dpde_tf.inference.export.formats import export_graph, find_format
from dpde_tf.inference.export.graphs import method_graph, network_graph
from dpde_tf.inference.predictor import DepthPredictor
from dpde_tf.models.crop import CropLike
from dpde_tf.models.guided import build_guided_network

TRAINING = (32, 40)


@pytest.fixture(scope="module")
def networks():
    """A depth network that halves the size, and one that gives gradients."""
    keras.utils.set_random_seed(1)
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(image)
    depth = keras.layers.Conv2D(1, 1, bias_initializer="ones")(x)
    gradients = keras.layers.Conv2D(2, 3, padding="same")(image)
    return keras.Model(image, depth), keras.Model(image, gradients)


@pytest.fixture(scope="module")
def predictor(networks):
    return DepthPredictor(*networks, FusionConfig(num_irls_iterations=2))


def test_graph_of_a_guided_network_has_two_inputs(rng):
    network = build_guided_network(GuidedNetworkConfig(guided_width=2))
    kernel = network.get_layer("residual_conv").kernel
    kernel.assign(rng.normal(0, 0.1, kernel.shape))
    graph = network_graph(network, "sharp_depth")
    image = rng.uniform(0, 1, [1, 32, 40, 3]).astype(np.float32)
    depth = rng.uniform(1, 5, [1, 32, 40, 1]).astype(np.float32)
    inputs = {"image": image, "coarse_depth": depth}
    assert [spec.name for spec in graph.signature] == list(inputs)
    expected = network(inputs).numpy()
    assert np.abs(expected - depth).max() > 0.01
    found = graph.function(image, depth)["sharp_depth"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    reference = graph.reference(inputs)["sharp_depth"]
    np.testing.assert_allclose(reference, expected, rtol=1e-5)


def differences(graph, path, kind, sizes, **options):
    """Exports, and compares on an image of each size."""
    export_graph(graph, path, kind=kind, **options)
    images = [next(check_images(None, 1, size)) for size in sizes]
    return export_differences(graph, path, images, kind=kind)


@pytest.mark.parametrize("size", [(48, 60), (60, 48), (20, 300)])
def test_graph_of_the_method_is_the_method(predictor, size):
    graph = method_graph(predictor, TRAINING)
    image = next(check_images(None, 1, size))[np.newaxis]
    expected = graph.reference({"image": image})
    fixed = method_graph(predictor, TRAINING, size)
    for one in (graph, fixed):
        found = one.function(image)
        assert list(found) == ["depth", "fused"]
        for name, values in expected.items():
            assert found[name].shape == values.shape == (1, *size)
            np.testing.assert_allclose(found[name], values, atol=1e-4)


def test_savedmodel_of_a_network_takes_any_size(networks, tmp_path):
    graph = network_graph(networks[0], "depth")
    sizes = [(32, 40), (41, 33)]
    found = differences(graph, tmp_path / "depth", "savedmodel", sizes)
    assert found["depth"].largest < 1e-5 and found["depth"].count == 320 + 357


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_network_alone(networks, tmp_path, kind):
    for package in formats.FORMATS[kind].packages:
        pytest.importorskip(package)
    graph = network_graph(networks[1], "gradients")
    sizes = [(32, 40), (41, 33)]
    found = differences(graph, tmp_path / f"g.{kind}", kind, sizes)
    assert found["gradients"].largest < 1e-5


def test_tflite_of_any_size_knows_the_channels_of_a_cropped_map(tmp_path):
    pytest.importorskip("ai_edge_litert.interpreter")
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(image)
    x = CropLike()([keras.layers.UpSampling2D()(x), image])
    graph = network_graph(
        keras.Model(image, keras.layers.Conv2D(1, 3, padding="same")(x)), "depth"
    )
    sizes = [(32, 40), (41, 33)]
    found = differences(graph, tmp_path / "crop", "tflite", sizes)
    assert found["depth"].largest < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("size", [(48, 60), None])
@pytest.mark.parametrize("kind", ["savedmodel", "tflite", "onnx"])
def test_method(predictor, tmp_path, kind, size):
    for package in formats.FORMATS[kind].packages:
        pytest.importorskip(package)
    graph = method_graph(predictor, TRAINING, size)
    sizes = [size] if size else [(48, 60), (60, 48)]
    if kind == "onnx" and not size:
        with pytest.raises(ValueError, match=r"`image_size`"):
            export_graph(graph, tmp_path / "m", kind=kind)
        return
    found = differences(graph, tmp_path / "method", kind, sizes)
    assert max(found["depth"].largest, found["fused"].largest) < 1e-4


def test_int8_is_smaller_and_almost_the_same(tmp_path):
    pytest.importorskip("ai_edge_litert.interpreter")
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(64, 3, padding="same", activation="relu")(image)
    network = keras.Model(image, keras.layers.Conv2D(1, 3, padding="same")(x))
    graph = network_graph(network, "depth", (32, 40))
    sizes = [(32, 40)]
    differences(graph, tmp_path / "whole", "tflite", sizes)
    found = differences(graph, tmp_path / "int8", "tflite", sizes, int8=True)
    ratio = (tmp_path / "int8").stat().st_size / (tmp_path / "whole").stat().st_size
    assert ratio < 0.9 and 0 < found["depth"].rms < 0.02


def test_differences_by_hand(networks, tmp_path, monkeypatch):
    graph = network_graph(networks[0], "depth")

    def load(path):
        def run(arrays):
            values = graph.reference(arrays)["depth"]
            values[0, 0, 0] += 0.5
            return {"depth": values}

        return run

    wrong = dataclasses.replace(formats.FORMATS["savedmodel"], load=load)
    monkeypatch.setitem(formats.FORMATS, "savedmodel", wrong)
    images = check_images(None, 2, (32, 40))
    (found,) = export_differences(graph, tmp_path, images, kind="savedmodel").values()
    assert found.largest == pytest.approx(0.5)
    assert found.rms == pytest.approx(0.5 / np.sqrt(16 * 20), rel=1e-4)


def test_difference_of_nan_is_nan(networks, tmp_path, monkeypatch):
    """So that `--check` does not pass."""
    graph = network_graph(networks[0], "depth")
    nothing = {"depth": np.full([1, 16, 20, 1], np.nan, np.float32)}
    wrong = dataclasses.replace(
        formats.FORMATS["savedmodel"], load=lambda path: lambda arrays: nothing
    )
    monkeypatch.setitem(formats.FORMATS, "savedmodel", wrong)
    images = check_images(None, 1, (32, 40))
    (found,) = export_differences(graph, tmp_path, images, kind="savedmodel").values()
    assert np.isnan(found.largest)


def test_existing_file_is_kept(networks, tmp_path):
    path = tmp_path / "depth"
    path.mkdir()
    with pytest.raises(FileExistsError, match=r"depth exists already. Give another"):
        export_graph(network_graph(networks[0], "depth"), path, kind="savedmodel")


def test_unknown_format_and_int8_of_savedmodel_are_refused():
    with pytest.raises(ValueError, match=r"one of savedmodel, tflite, onnx. Received"):
        find_format("pb")
    with pytest.raises(ValueError, match=r"needs one of the formats tflite, onnx"):
        find_format("savedmodel", int8=True)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"needs the package .*dpde_tf\[export\]"):
        find_format("onnx")


def test_check_images_are_the_same_each_time():
    one, other = (list(check_images(None, 2, None)) for _ in range(2))
    assert [image.shape for image in one] == [(481, 361, 3), (361, 481, 3)]
    np.testing.assert_array_equal(one[0], other[0])
    assert 0 <= one[0].min() < one[0].max() <= 1
