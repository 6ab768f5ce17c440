"""Tests of the whole method on images, with small networks."""

import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf.config import FusionConfig, PredictionConfig
from dpde_tf.fusion import fuse_depth_and_gradients
from dpde_tf.fusion.image_gradients import image_gradients
from dpde_tf.inference import predictor as predictor_module
from dpde_tf.inference.predictor import (
    DepthPredictor,
    mirrored_gradients,
    network_input,
    predict_at_size,
    working_size,
)

FLIP = PredictionConfig(test_time_flip=True)


@pytest.fixture
def networks():
    """A depth network that halves the size, and one that gives gradients."""
    image = keras.Input((None, None, 3))
    mean = keras.layers.AveragePooling2D(2)(image)
    depth = keras.layers.Conv2D(1, 1, kernel_initializer="ones")(mean)
    gradients = keras.layers.Conv2D(2, 3, padding="same")(image)
    return keras.Model(image, depth), keras.Model(image, gradients)


def test_predict_depth_is_resized_bilinearly(networks, rng):
    image = rng.uniform(0, 1, [2, 6, 8, 3]).astype(np.float32)
    maps = DepthPredictor(networks[0]).predict(image)
    assert list(maps) == ["depth"]
    half = networks[0](image)
    expected = tf.image.resize(half, [6, 8])[..., 0]
    np.testing.assert_allclose(maps["depth"], expected, rtol=1e-6)


def test_predict_fuses_depth_and_gradients(networks, rng):
    image = rng.uniform(0, 1, [2, 6, 8, 3]).astype(np.float32)
    config = FusionConfig(omega=3.0, num_irls_iterations=4)
    maps = DepthPredictor(*networks, config).predict(image)
    assert list(maps) == ["depth", "gradient_x", "gradient_y", "fused"]
    assert all(v.shape == (2, 6, 8) and v.dtype == np.float32 for v in maps.values())
    expected = fuse_depth_and_gradients(
        *(maps[key][..., None] for key in ("depth", "gradient_x", "gradient_y")),
        omega=3.0,
        num_irls_iterations=4,
    ).depth
    np.testing.assert_allclose(maps["fused"], expected[..., 0], rtol=1e-5)
    gradient = image_gradients(tf.constant(maps["depth"][..., None]))[0][..., 0]
    # The fused depth is nearer to the given gradients than the depth was.
    fused = image_gradients(tf.constant(maps["fused"][..., None]))[0][..., 0]
    inner = np.s_[:, :, :-1]
    assert (
        np.abs(fused - maps["gradient_x"])[inner].mean()
        < np.abs(gradient - maps["gradient_x"])[inner].mean()
    )


def test_networks_have_one_graph_of_the_first_size_and_one_of_all_others(rng):
    traced = []

    class Noted(keras.layers.Layer):
        def call(self, image):
            traced.append(tuple(image.shape))
            return tf.reduce_mean(image, axis=-1, keepdims=True)

    image = keras.Input((None, None, 3))
    network = keras.Model(image, Noted()(image))
    predictor = DepthPredictor(network)
    traced.clear()  # Keras has called the layer, too.
    for shape in ([4, 6, 8], [5, 6, 8], [1, 6, 8], [6, 7, 9], [4, 5, 4], [1, 6, 8]):
        batch = rng.uniform(0, 1, [*shape, 3]).astype(np.float32)
        depth = predictor.predict(batch)["depth"]
        np.testing.assert_allclose(depth, batch.mean(axis=-1), rtol=1e-6)
    assert traced == [(None, 6, 8, 3), (None, None, None, 3)]


def _network_of(name, size, call):
    """A network that is one layer with this function of the image."""
    layer = type(name, (keras.layers.Layer,), {"call": lambda self, x: call(x)})
    image = keras.Input((*size, 3))
    return keras.Model(image, layer()(image))


def test_next_graph_is_made_while_a_network_computes():
    made, waited = threading.Event(), []

    def wait(red):
        waited.append(made.wait(20.0))
        return red

    def depth(image):
        if tf.executing_eagerly():
            return image[..., :1]
        red = tf.numpy_function(wait, [image[..., :1]], tf.float32)
        return tf.ensure_shape(red, [None, 6, 8, 1])

    def gradients(image):
        if tf.inside_function():
            made.set()
        return image[..., :2]

    networks = [_network_of(f.__name__, (6, 8), f) for f in (depth, gradients)]
    made.clear()
    image = np.full([1, 6, 8, 3], 0.5, np.float32)
    maps = DepthPredictor(*networks, graphs_from=1).predict(image)
    assert waited == [True]
    np.testing.assert_array_equal(maps["depth"], image[..., 0])
    expected = DepthPredictor(*networks, graphs_from=2).predict(image)
    np.testing.assert_allclose(maps["fused"], expected["fused"], atol=1e-6)


def test_fusion_that_is_traced_ahead_needs_no_iteration(networks, monkeypatch):
    fuse, iterations = predictor_module.fuse_depth_and_gradients, []

    def noted(*maps, **options):
        result = fuse(*maps, **options)
        if "jit_compile" in options:
            iterations.append(result.num_cg_iterations.numpy().max())
        return result

    monkeypatch.setattr(predictor_module, "fuse_depth_and_gradients", noted)
    predictor = DepthPredictor(*networks, graphs_from=1)
    for _ in range(2):
        predictor.predict(np.full([1, 6, 8, 3], 0.5, np.float32))
    assert iterations == [0]


def test_without_a_thread_the_graphs_are_made_one_by_one(networks, monkeypatch, rng):
    def refused(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    image = rng.uniform(0, 1, [1, 6, 8, 3]).astype(np.float32)
    expected = DepthPredictor(*networks).predict(image)
    monkeypatch.setattr(threading.Thread, "start", refused)
    found = DepthPredictor(*networks, graphs_from=1).predict(image)
    np.testing.assert_allclose(found["fused"], expected["fused"], atol=1e-6)


def test_several_threads_predict_at_once(networks, rng):
    predictor = DepthPredictor(*networks, graphs_from=1)
    sizes = [(6, 8), (6, 8), (7, 9), (9, 7)] * 2
    images = [rng.uniform(0, 1, [1, *size, 3]).astype(np.float32) for size in sizes]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(predictor.predict, images))
    for image, maps in zip(images, found, strict=True):
        expected = DepthPredictor(*networks).predict(image)
        np.testing.assert_allclose(maps["fused"], expected["fused"], atol=1e-5)


def test_error_of_a_network_is_that_of_the_prediction():
    def depth(image):
        if tf.inside_function() and image.shape[1] == 6:
            raise RuntimeError("no such graph")
        return image[..., :1]

    predictor = DepthPredictor(_network_of("Depth", (None, None), depth), graphs_from=1)
    with pytest.raises(RuntimeError, match="no such graph"):
        predictor.predict(np.zeros([1, 6, 8, 3], np.float32))
    image = np.ones([1, 5, 8, 3], np.float32)
    assert predictor.predict(image)["depth"].all()


@keras.saving.register_keras_serializable(package="tests")
class RisingDepth(keras.layers.Layer):
    """Depth, larger by an eighth for each red pixel up to this one."""

    def call(self, inputs):
        image, depth = inputs
        return depth * (1.0 + tf.cumsum(image[..., :1], axis=2) / 8.0)


RISING = 1 + np.arange(1, 9) / 8


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"sharpening": 1.0}, RISING),
        ({"sharpening": 2.0}, RISING**2),
        # The mean of the rising and the falling one.
        ({"sharpening": 1.0, "test_time_flip": True}, np.full(8, 1.5625)),
    ],
)
def test_guided_network_is_sharpened_and_flipped_also_in_graphs(options, expected):
    image = keras.Input((None, None, 3), name="image")
    depth = keras.Input((None, None, 1), name="coarse_depth")
    sharp = RisingDepth()([image, depth])
    guided = keras.Model({"image": image, "coarse_depth": depth}, sharp)
    one = keras.layers.Conv2D(1, 1, kernel_initializer="zeros", bias_initializer="ones")
    predictor = DepthPredictor(
        keras.Model(image, one(image)),
        guided_network=guided,
        options=PredictionConfig(**options),
    )
    for count in (1, 2):  # Without graphs, and with them.
        maps = predictor.predict(np.ones([count, 6, 8, 3], np.float32))
        right = np.broadcast_to(expected, (count, 6, 8))
        np.testing.assert_allclose(maps["sharp_depth"], right, rtol=1e-5)
        found = maps["gradient_x"][..., :-1]
        np.testing.assert_allclose(found, np.diff(right), atol=1e-5)


def _constant_depth(image, value):
    """A network that predicts one depth everywhere."""
    bias = keras.initializers.Constant(value)
    options = {"kernel_initializer": "zeros", "bias_initializer": bias}
    return keras.Model(image, keras.layers.Conv2D(1, 1, **options)(image))


def test_guided_network_sees_the_mean_depth_and_gives_the_gradients():
    image = keras.Input((None, None, 3), name="image")
    depth = keras.Input((None, None, 1), name="coarse_depth")
    sharp = RisingDepth()([image, depth])
    predictor = DepthPredictor(
        _constant_depth(image, 1.0),
        context_network=_constant_depth(image, 3.0),
        guided_network=keras.Model({"image": image, "coarse_depth": depth}, sharp),
        options=PredictionConfig(context_share=0.25, sharpening=1.0),
    )
    maps = predictor.predict(np.ones([1, 6, 8, 3], np.float32))
    # 1 + 0.25 (3 - 1) = 1.5.
    np.testing.assert_allclose(maps["sharp_depth"][0, 0], 1.5 * RISING, rtol=1e-5)
    found = maps["gradient_x"][0, 0, :-1]
    np.testing.assert_allclose(found, 1.5 / 8, rtol=1e-4)
    maps = predict_at_size(predictor, np.ones([1, 12, 16, 3], np.float32), (6, 8))
    found = maps["gradient_x"][..., :-1]
    np.testing.assert_allclose(found, np.diff(maps["sharp_depth"]), atol=1e-5)
    assert found.max() > 0.05


def test_unconverged_fusions_are_counted(networks, rng, monkeypatch):
    texts = []
    monkeypatch.setattr(
        predictor_module.logging, "warning", lambda text, *v: texts.append(text % v)
    )
    fusion = FusionConfig(tolerance=1e-12, num_irls_iterations=1)
    image = rng.uniform(0, 1, [2, 6, 8, 3]).astype(np.float32)
    DepthPredictor(*networks, fusion).predict(image)
    assert len(texts) == 1 and texts[0].startswith("2 of 2 fusions stopped")


def test_mirrored_gradients_are_those_of_the_mirrored_depth(rng):
    depth = tf.constant(rng.uniform(1, 5, [2, 5, 7, 1]))
    gradients = tf.concat(image_gradients(depth), axis=-1)
    expected = tf.concat(image_gradients(tf.reverse(depth, [2])), axis=-1)
    np.testing.assert_allclose(mirrored_gradients(gradients), expected, atol=1e-12)


def test_test_time_flip_is_the_mean_over_both_images(networks, rng):
    image = rng.uniform(0, 1, [1, 6, 8, 3]).astype(np.float32)
    mirrored = image[:, :, ::-1]
    one, other = (DepthPredictor(*networks).predict(i) for i in (image, mirrored))
    both = DepthPredictor(*networks, options=FLIP).predict(image)
    expected = (one["depth"] + other["depth"][:, :, ::-1]) / 2
    np.testing.assert_allclose(both["depth"], expected, rtol=1e-5)
    # By hand for one pixel: the other image's, one to the left from the right.
    expected = (one["gradient_x"][0, 2, 3] - other["gradient_x"][0, 2, 8 - 2 - 3]) / 2
    assert both["gradient_x"][0, 2, 3] == pytest.approx(expected, abs=1e-6)
    expected = (one["gradient_y"][0, 2, 3] + other["gradient_y"][0, 2, 8 - 1 - 3]) / 2
    assert both["gradient_y"][0, 2, 3] == pytest.approx(expected, abs=1e-6)


def test_test_time_flip_makes_predictions_of_mirrored_images_mirrored(networks, rng):
    image = rng.uniform(0, 1, [1, 6, 8, 3]).astype(np.float32)
    predictor = DepthPredictor(*networks, options=FLIP)
    one, other = (predictor.predict(i) for i in (image, image[:, :, ::-1]))
    for key in ("depth", "fused"):
        np.testing.assert_allclose(one[key], other[key][:, :, ::-1], atol=2e-4)


def test_predict_at_size_shows_the_networks_a_smaller_image(networks, rng):
    small = rng.uniform(0, 1, [2, 6, 8, 3]).astype(np.float32)
    image = tf.repeat(tf.repeat(small, 2, axis=1), 2, axis=2)
    predictor = DepthPredictor(*networks)
    expected = predictor.predict(tf.constant(small))
    maps = predict_at_size(predictor, image, (6, 8))
    assert {key: values.shape for key, values in maps.items()} == dict.fromkeys(
        ("depth", "gradient_x", "gradient_y", "fused"), (2, 12, 16)
    )
    for key in ("depth", "fused"):
        corner = expected[key][:, 0, 0]
        np.testing.assert_allclose(maps[key][:, 0, 0], corner, rtol=1e-4, atol=1e-6)


def test_gradients_of_predict_at_size_are_those_of_its_depth():
    # A plane: its gradients are the same at any size, in metres per image.
    image = keras.Input((None, None, 3))
    plane = keras.layers.Lambda(lambda x: 1 + tf.reduce_sum(x, -1, keepdims=True))
    steps = keras.layers.Lambda(lambda x: tf.ones_like(x[..., :2]) * [0.3, 0.0])
    predictor = DepthPredictor(
        keras.Model(image, plane(image)), keras.Model(image, steps(image))
    )
    ramp = tf.tile(tf.range(16.0)[None, None, :, None] * 0.05, [1, 12, 1, 3])
    maps = predict_at_size(predictor, ramp, (6, 8))
    # The ramp rises by 3 * 0.05 a pixel, by 0.3 a pixel of the smaller image.
    np.testing.assert_allclose(maps["gradient_x"][..., 2:-2], 0.15, rtol=1e-4)
    np.testing.assert_allclose(np.diff(maps["depth"])[..., 2:-2], 0.15, rtol=1e-4)
    assert not maps["gradient_y"].any()


def test_predict_at_size_of_the_image_changes_nothing(networks, rng):
    image = tf.constant(rng.uniform(0, 1, [1, 6, 8, 3]).astype(np.float32))
    predictor = DepthPredictor(networks[0])
    same = predict_at_size(predictor, image, (6, 8))
    np.testing.assert_array_equal(same["depth"], predictor.predict(image)["depth"])


def test_working_size_keeps_aspect_and_number_of_pixels():
    assert working_size((240, 320), (240, 320)) == (240, 320)
    assert working_size((2272, 1704), (240, 320)) == (320, 240)
    height, width = working_size((1080, 1920), (240, 320))
    assert height / width == pytest.approx(1080 / 1920, rel=0.01)
    assert height * width == pytest.approx(240 * 320, rel=0.01)


def test_working_size_has_a_smallest_side():
    assert working_size((10, 10_000), (240, 320))[0] == 32


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.uint8])
def test_predict_takes_bytes_and_all_floating_point_types(networks, rng, kind):
    pixels = rng.integers(0, 256, [2, 6, 8, 3], np.uint8)
    predictor = DepthPredictor(*networks)
    expected = predictor.predict((pixels / 255).astype(np.float32))
    image = pixels if kind == np.uint8 else (pixels / 255).astype(kind)
    tolerance = 1e-3 if kind == np.float16 else 1e-6
    for key, values in predictor.predict(image).items():
        np.testing.assert_allclose(
            values, expected[key], atol=30 * tolerance, err_msg=key
        )
    np.testing.assert_allclose(network_input(image), pixels / 255, atol=tolerance)
    other = predict_at_size(predictor, image, (3, 4))
    assert other["depth"].shape == (2, 6, 8)


IMAGE = np.full([1, 6, 8, 3], 0.5, np.float32)
HOLES = IMAGE.copy()
HOLES[0, 0, :2] = np.nan, np.inf, np.nan


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (IMAGE[0], r"Received: float32 \(6, 8, 3\)\. One image becomes a batch"),
        (IMAGE[..., :1], r"Received: float32 \(1, 6, 8, 1\).* a grey one RGB"),
        (IMAGE[..., 0], r"Received: float32 \(1, 6, 8\)"),
        (np.ones([1, 6, 8, 4], np.uint8), r"uint8 \(1, 6, 8, 4\).* RGBA must be"),
        (IMAGE[:0], r"Received: float32 \(0, 6, 8, 3\)"),
        (IMAGE[:, :0], r"Received: float32 \(1, 0, 8, 3\)"),
        (
            IMAGE * 255,
            r"Received: float32 from 127.5 to 127.5\. Divide it by",
        ),
        (IMAGE - 1, r"Received: float32 from -0.5 to -0.5"),
        (IMAGE.astype(np.int64), r"Received: int64\. Divide it by its white"),
        (np.ones([1, 6, 8, 3], np.uint16), r"Received: uint16"),
        (np.full_like(IMAGE, np.nan), r"144 of 144 values are NaN or infinite"),
        (HOLES, r"of which 6 of 144 values are NaN or infinite"),
    ],
)
def test_predict_error_says_what_it_received(networks, image, message):
    predictor = DepthPredictor(*networks)
    with pytest.raises(ValueError, match=message):
        predictor.predict(image)
    with pytest.raises(ValueError, match=message):
        predict_at_size(predictor, image, (3, 4))


def test_network_input_allows_for_the_rounding_of_a_resized_image():
    assert network_input(IMAGE + 0.5001).numpy().max() > 1.0


def test_gradients_at_another_size_are_those_of_the_context_depth(networks, rng):
    image = keras.Input((None, None, 3))
    last = keras.layers.Conv2D(1, 3, padding="same")
    context = keras.Model(image, last(image))
    predictor = DepthPredictor(networks[0], context_network=context)
    pixels = rng.uniform(0, 1, [1, 12, 16, 3]).astype(np.float32)
    maps = predict_at_size(predictor, pixels, (6, 8))
    found = maps["gradient_x"][..., :-1]
    np.testing.assert_allclose(found, np.diff(maps["context_depth"]), atol=1e-6)
    assert np.abs(found - np.diff(maps["depth"])).max() > 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"options": PredictionConfig(sharpening=0.0)}, "`sharpening` must be above"),
    ],
)
def test_predictor_refuses_impossible_options(options, message):
    with pytest.raises(ValueError, match=message):
        DepthPredictor(None, **options)
