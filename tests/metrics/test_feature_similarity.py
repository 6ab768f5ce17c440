import itertools

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from dpde_tf import losses
from dpde_tf.metrics import feature_similarity
from dpde_tf.metrics.feature_similarity import (
    FeatureSimilarity,
    fsim,
)
from tests.fixtures.similarity_maps import all_pairs, maps, value_and_gradient


def conv2_same(image, kernel):
    """MATLAB's conv2(image, kernel, 'same') for a square kernel, tap by tap."""
    size, (rows, columns) = len(kernel), image.shape
    full = np.zeros((rows + size - 1, columns + size - 1))
    for i, j in np.ndindex(size, size):
        full[i : i + rows, j : j + columns] += kernel[i, j] * image
    return full[size // 2 : size // 2 + rows, size // 2 : size // 2 + columns]


def phase_congruency_by_formula(image):
    """Phase congruency of Zhang et al. (2011) with the noise estimate of phasecong2."""
    fy, fx = ((np.arange(n) - n // 2) / (n - n % 2) for n in image.shape)
    fy, fx = np.meshgrid(np.fft.ifftshift(fy), np.fft.ifftshift(fx), indexing="ij")
    radius, theta = np.sqrt(fx**2 + fy**2), np.arctan2(-fy, fx)
    radius[0, 0] = 1
    energy_all, amplitude_all = np.zeros(image.shape), np.zeros(image.shape)
    for angle in (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4):
        sine = np.sin(theta) * np.cos(angle) - np.cos(theta) * np.sin(angle)
        cosine = np.cos(theta) * np.cos(angle) + np.sin(theta) * np.sin(angle)
        spread = np.exp(-(np.arctan2(sine, cosine) ** 2) / (2 * (np.pi / 4.8) ** 2))
        filters = []
        for wavelength in (6, 12, 24, 48):
            log_gabor = np.exp(-((np.log(radius * wavelength) / np.log(0.55)) ** 2) / 2)
            log_gabor[0, 0] = 0
            filters.append(log_gabor * spread / (1 + (radius / 0.45) ** 30))
        responses = [np.fft.ifft2(np.fft.fft2(image) * f) for f in filters]
        kernels = [np.real(np.fft.ifft2(f)) * np.sqrt(image.size) for f in filters]
        total = sum(responses)
        energy = np.zeros(image.shape)
        for response in responses:
            turned = response * np.conj(total / (abs(total) + 1e-4))
            energy += np.real(turned) - abs(np.imag(turned))
        noise_power = np.median(abs(responses[0]) ** 2) / -np.log(0.5)
        noise_power /= np.sum(filters[0] ** 2)
        noise = 2 * noise_power * sum(np.sum(k**2) for k in kernels)
        for first, second in itertools.combinations(kernels, 2):
            noise += 4 * noise_power * np.sum(first * second)
        tau = np.sqrt(noise / 2)
        threshold = tau * np.sqrt(np.pi / 2) + 2 * np.sqrt((2 - np.pi / 2) * tau**2)
        energy_all += np.maximum(energy - threshold / 1.7, 0)
        amplitude_all += sum(abs(r) for r in responses)
    return energy_all / amplitude_all


def fsim_by_formula(first, second):
    """FSIM of two [H, W] images in 0..255 by the paper's formulas."""
    step = max(1, int(min(first.shape) / 256 + 0.5))
    mean = np.full((step, step), 1 / step**2)
    first, second = (conv2_same(x, mean)[::step, ::step] for x in (first, second))
    p, q = phase_congruency_by_formula(first), phase_congruency_by_formula(second)
    scharr = np.array([[3, 0, -3], [10, 0, -10], [3, 0, -3]]) / 16
    g, h = (
        np.sqrt(conv2_same(x, scharr) ** 2 + conv2_same(x, scharr.T) ** 2)
        for x in (first, second)
    )
    similarity = (2 * p * q + 0.85) / (p**2 + q**2 + 0.85)
    similarity *= (2 * g * h + 160) / (g**2 + h**2 + 160)
    return np.sum(similarity * np.maximum(p, q)) / np.sum(np.maximum(p, q))


def pretend_device(monkeypatch, kind):
    devices = [tf.config.PhysicalDevice("name", kind)]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda: devices)


@pytest.mark.data
@pytest.mark.parametrize(
    ("first", "second", "published"),
    # Values of the authors' MATLAB program, as quoted in the tests of the library piq.
    [
        ("goldhill.png", "goldhill_jpeg.png", 0.89691),
        ("i01.bmp", "i01_01_5.bmp", 0.93674),
    ],
)
def test_fsim_equals_the_published_values(real_data, first, second, published):
    images = []
    for name in (first, second):
        image = cv2.imread(str(real_data / "iqa" / name), cv2.IMREAD_UNCHANGED)
        if image.ndim == 3:
            image = image @ [0.114, 0.587, 0.299]  # OpenCV reads BGR.
        images.append(image.astype(np.float64))
    for dtype in ("float32", "float64"):
        score = fsim(*(tf.constant(i[None, ..., None], dtype) for i in images))[0]
        print(f"{first} {dtype}: {score:.5f}, published {published:.5f}")
        assert f"{score:.5f}" == f"{published:.5f}"
    assert float(score) == pytest.approx(fsim_by_formula(*images), abs=1e-7)


# 385 and 640 pixels are subsampled by 2 and by 3.
@pytest.mark.parametrize(
    "size", [(32, 32), (33, 47), (64, 45), (120, 160), (385, 386), (640, 641)]
)
def test_fsim_equals_the_formulas_in_numpy(rng, size):
    reference = cv2.GaussianBlur(rng.uniform(0, 255, size), (0, 0), 1.0)
    distorted = reference + rng.normal(0, 8, size)
    expected = fsim_by_formula(reference, distorted)
    pair = [tf.constant(image[None, ..., None]) for image in (reference, distorted)]
    double, single = fsim(*pair), fsim(*(tf.cast(image, "float32") for image in pair))
    assert (double.dtype, single.dtype) == (tf.float64, tf.float32)
    assert double.numpy() == pytest.approx([expected], rel=1e-6)  # the guards
    assert single.numpy() == pytest.approx([expected], rel=1e-5)  # and rounding


def test_phase_congruency_equals_the_formulas_at_each_pixel(rng):
    image = rng.uniform(0, 255, (33, 46))
    congruency = feature_similarity._phase_congruency(tf.constant(image[None]))
    expected = phase_congruency_by_formula(image)
    np.testing.assert_allclose(congruency[0], expected, atol=1e-10)


def test_gradient_magnitude_of_one_bright_pixel():
    image = np.zeros((5, 5))
    image[2, 2] = 16.0  # Scharr by hand: lengths of (3, 3), (10, 0) and (0, 0).
    expected = np.zeros((5, 5))
    expected[1:4, 1:4] = [[18**0.5, 10, 18**0.5], [10, 0, 10], [18**0.5, 10, 18**0.5]]
    magnitude = feature_similarity._gradient_magnitude(tf.constant(image[None]))
    np.testing.assert_allclose(magnitude[0], expected, atol=2e-6)  # sqrt(1e-12) at 0


@pytest.mark.parametrize("device", ["CPU", "GPU"])
@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_median_equals_numpy(rng, monkeypatch, device, count):
    pretend_device(monkeypatch, device)
    values = rng.integers(0, 4, (3, 2, count)).astype(np.float32)
    median = feature_similarity._median(tf.constant(values))
    np.testing.assert_array_equal(median, np.median(values, axis=-1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fsim_of_an_image_with_itself_is_1_without_gradient(dtype):
    score, gradient = value_and_gradient(maps(dtype=dtype), maps(dtype=dtype))
    np.testing.assert_allclose(score, 1.0, atol=1e-6)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-8)


def test_fsim_of_two_flat_maps_is_1():
    flat, other = maps("constant"), maps("zero")  # 0 / 0 in MATLAB
    np.testing.assert_allclose(fsim(flat, other), 1.0, atol=1e-6)


def test_fsim_is_symmetric_and_in_0_1():
    first, second = all_pairs("float64")
    score = fsim(first, second).numpy()
    np.testing.assert_allclose(score, fsim(second, first), rtol=1e-12)
    assert np.all((score > 0) & (score <= 1 + 1e-12))
    assert score.min() < 0.3


def test_fsim_does_not_change_with_mirroring_or_sign():
    # Odd sizes, since an even size has its Nyquist frequency on one side only.
    reference, distorted = maps("random", "depth"), maps("depth", "blurred")
    score = fsim(reference, distorted)
    for change in (lambda x: x[:, ::-1], lambda x: x[:, :, ::-1], lambda x: -x):
        changed = fsim(change(reference), change(distorted))
        np.testing.assert_allclose(changed, score, rtol=1e-9)


def test_fsim_max_value_is_the_unit_of_the_images():
    reference, distorted = maps("depth"), maps("blurred")
    in_metres = fsim(reference / 25.5, distorted / 25.5, max_value=10.0)
    np.testing.assert_allclose(in_metres, fsim(reference, distorted), rtol=1e-12)


def test_fsim_of_a_batch_of_unknown_size_equals_its_images():
    reference, distorted = maps("depth", "edge", "zero"), maps("random", "zero", "edge")
    spec = tf.TensorSpec([None, 45, 53, 1], tf.float64)
    batched = tf.function(fsim, input_signature=[spec, spec])(reference, distorted)
    single = [fsim(reference[i : i + 1], distorted[i : i + 1])[0] for i in range(3)]
    np.testing.assert_allclose(batched, single, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "uint8"])
def test_fsim_of_other_types_is_computed_in_float32(dtype):
    pair = [tf.cast(maps(name), dtype) for name in ("depth", "slanted_edge")]
    score = fsim(*pair)
    assert score.dtype == tf.float32
    np.testing.assert_array_equal(score, fsim(*(tf.cast(i, "float32") for i in pair)))


@pytest.mark.slow
def test_fsim_compiles_with_xla_on_an_accelerator(monkeypatch):
    # In XLA, 0 * inf is not 0: only the guards keep the gradients of flat maps finite.
    pair = [maps("depth", name, dtype="float32") for name in ("blurred", "zero")]
    score, gradient = value_and_gradient(*pair)
    pretend_device(monkeypatch, "GPU")
    compiled = tf.function(value_and_gradient, jit_compile=True)(*pair)
    np.testing.assert_allclose(compiled[0], score, rtol=1e-5)
    np.testing.assert_allclose(compiled[1], gradient, atol=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ((1, 40, 40, 1), (1, 40, 41, 1), r"same shape.*40, 40.*40, 41"),
        ((1, 40, 40, 1), (2, 40, 40, 1), "same shape"),
        ((40, 40, 1), (40, 40, 1), r"grey images \[B, H, W, 1\]"),
        ((1, 40, 40, 3), (1, 40, 40, 3), r"grey images.*40, 40, 3"),
        ((1, 31, 40, 1), (1, 31, 40, 1), "at least 32x32.*31"),
    ],
)
def test_fsim_rejects_other_shapes(first, second, message):
    specs = tf.TensorSpec(first), tf.TensorSpec(second)
    with pytest.raises(ValueError, match=message):
        tf.function(fsim).get_concrete_function(*specs)


@pytest.mark.parametrize("size", [(33, 64), (390, 401)])  # F = 1 and F = 2.
def test_fsim_of_sizes_that_the_graph_does_not_know(rng, size):
    first = np.cumsum(rng.normal(size=(2, *size, 1)), axis=1)
    second = first + rng.normal(size=first.shape)
    unknown = [tf.TensorSpec([None, None, None, 1], tf.float64)] * 2
    score, gradient = tf.function(value_and_gradient, input_signature=unknown)(
        first, second
    )
    expected = value_and_gradient(tf.constant(first), tf.constant(second))
    np.testing.assert_allclose(score, expected[0], rtol=1e-12)
    np.testing.assert_allclose(gradient, expected[1], atol=1e-12)


@pytest.mark.parametrize(
    ("second", "message"),
    [((1, 40, 41, 1), "== y"), ((1, 40, 31, 1), "at least 32x32")],
)
def test_fsim_checks_such_sizes_when_it_runs(second, message):
    unknown = [tf.TensorSpec([None, None, None, 1])] * 2
    graph = tf.function(fsim, input_signature=unknown)
    first = second if "32" in message else (1, 40, 40, 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        graph(tf.ones(first), tf.ones(second))


@pytest.mark.parametrize("max_value", [0.0, -1.0, float("nan")])
def test_fsim_rejects_a_max_value_that_is_not_positive(max_value):
    with pytest.raises(ValueError, match=f"positive. Received: {max_value}"):
        fsim(maps("depth"), maps("depth"), max_value=max_value)


def test_loss_and_metric_are_means_over_images():
    reference, distorted = all_pairs("float32")
    reference, distorted = reference[1:4] / 25.5, distorted[1:4] / 25.5
    score = fsim(reference, distorted, max_value=10.0).numpy()
    loss = losses.FeatureSimilarity(max_depth=10.0)
    assert float(loss(reference, distorted)) == pytest.approx(
        1 - score.mean(), rel=1e-6
    )
    metric = FeatureSimilarity(max_value=10.0)
    metric.update_state(reference[:2], distorted[:2])
    metric.update_state(reference[2:], distorted[2:])  # Two batches of unequal size.
    assert float(metric.result()) == pytest.approx(score.mean(), rel=1e-6)


def test_loss_and_metric_keep_their_configuration():
    for thing in (
        losses.FeatureSimilarity(5.0, reduction="sum", name="a", dtype="float64"),
        FeatureSimilarity(max_value=5.0, name="b", dtype="float64"),
    ):
        config = keras.saving.serialize_keras_object(thing)
        again = keras.saving.deserialize_keras_object(config)
        assert again.get_config() == thing.get_config()
        assert again.dtype == "float64"


@pytest.mark.slow
def test_model_with_the_loss_in_mixed_precision_is_loaded(tmp_path, rng):
    keras.config.set_dtype_policy("mixed_bfloat16")
    inputs = keras.Input((32, 40, 1))
    model = keras.Model(inputs, keras.layers.Conv2D(1, 3, padding="same")(inputs))
    loss, metric = losses.FeatureSimilarity(10.0, name="a"), FeatureSimilarity(10.0)
    model.compile("sgd", loss=loss, metrics=[metric])
    images = rng.uniform(0, 10, (3, 32, 40, 1)).astype(np.float32)
    before = np.array(model.get_weights()[0])
    model.fit(images, images, batch_size=2, verbose=0)
    assert np.all(before != model.get_weights()[0])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.loss.get_config() == loss.get_config()
    expected = model.evaluate(images, images, verbose=0, return_dict=True)
    assert expected["fsim"] == pytest.approx(1 - expected["loss"], abs=1e-6)
    result = loaded.evaluate(images, images, verbose=0, return_dict=True)
    assert result == pytest.approx(expected, rel=1e-5)
