"""Tests of where gradients come from, and of `refine_depth`."""

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

import dpde_tf
from dpde_tf.inference.gradient_sources import (
    GradientFiles,
    ImageGradients,
    NetworkGradients,
    seen_size,
)

TRAINING_SIZE = (36, 48)


@pytest.fixture
def colour_network():
    """gradient_x = red, gradient_y = 2 blue."""
    image = keras.Input((None, None, 3))
    network = keras.Model(image, keras.layers.Conv2D(2, 1, use_bias=False)(image))
    network.layers[1].set_weights([np.float32([[[[1, 0], [0, 0], [0, 2]]]])])
    return network


@keras.saving.register_keras_serializable(package="tests")
class _StepOfRed(keras.layers.Layer):
    """Depth that is 1.5 times as large where the image is red."""

    def call(self, inputs):
        image, depth = inputs
        return depth * (1.0 + 0.5 * tf.round(image[..., :1]))


@pytest.fixture
def guided_network():
    """Makes the depth 1.5 times as large where the image is red."""
    image = keras.Input((None, None, 3), name="image")
    depth = keras.Input((None, None, 1), name="coarse_depth")
    sharp = _StepOfRed()([image, depth])
    return keras.Model({"image": image, "coarse_depth": depth}, sharp)


def red_half(size):
    image = np.zeros((*size, 3), np.uint8)
    image[:, size[1] // 2 :, 0] = 255
    return image


def test_gradients_of_an_image_are_enlarged_with_their_unit(tmp_path, colour_network):
    rgb = np.zeros((6, 8, 3), np.uint8)
    rgb[..., 0], rgb[..., 2] = 51, 102
    cv2.imwrite(str(tmp_path / "a.png"), rgb[..., ::-1])
    source = ImageGradients(
        {"a": tmp_path / "a.png"}, NetworkGradients(colour_network, TRAINING_SIZE)
    )
    assert not source.in_unit_of_depth
    for factor in (1, 2):
        depth = np.ones((36 * factor, 48 * factor), np.float32)
        gradient_x, gradient_y = source.gradients("a", depth)
        assert gradient_x.shape == gradient_y.shape == depth.shape
        # Beside the border, an enlarged map is flat.
        inner = slice(factor, -factor), slice(factor, -factor)
        np.testing.assert_allclose(gradient_x[inner], 0.2 / factor, rtol=1e-4)
        np.testing.assert_allclose(gradient_y[inner], 0.8 / factor, rtol=1e-4)
    with pytest.raises(FileNotFoundError, match=r"no image of the same stem, 'b'"):
        source.gradients("b", depth)


@pytest.mark.parametrize("output_size", ["image", "depth"])
def test_depth_on_its_side_is_refused_for_files(tmp_path, guided_network, output_size):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((12, 8, 3), np.uint8))
    predict = NetworkGradients(guided_network, TRAINING_SIZE)
    files = {"a": tmp_path / "a.png"}
    source = ImageGradients(files, predict, output_size=output_size)
    with pytest.raises(ValueError, match="lies on its side"):
        source.sizes("a", (8, 12))


@pytest.mark.parametrize("depth", [np.ones((48, 36), np.uint16), "depth.png"])
def test_refine_depth_refuses_what_is_not_floating_point(depth):
    with pytest.raises(ValueError, match=r"floating-point numbers, in metres.*Divide"):
        dpde_tf.refine_depth(depth, np.zeros((48, 36, 3), np.uint8))


def test_refine_depth_refuses_depth_on_its_side():
    image = np.zeros((48, 36, 3), np.uint8)
    with pytest.raises(ValueError, match="lies on its side"):
        dpde_tf.refine_depth(np.ones((36, 48), np.float32), image)


def test_sharpening_is_a_power_of_the_change_of_depth(guided_network):
    # The network makes 2 m of red pixels 3 m: with 2, 2 * (3 / 2)^2 = 4.5 m.
    gradients = NetworkGradients(guided_network, TRAINING_SIZE, sharpening=2.0)
    depth = np.full(TRAINING_SIZE, 2.0, np.float32)
    gradient_x, _ = gradients(red_half(TRAINING_SIZE), depth)
    np.testing.assert_allclose(gradient_x[:, 23], 2.5, rtol=1e-5)
    for power in (0.0, -1.0, 11.0, float("nan")):
        with pytest.raises(ValueError, match="`sharpening` must be above 0"):
            NetworkGradients(guided_network, TRAINING_SIZE, sharpening=power)


def test_guided_gradients_are_those_of_the_sharp_depth(guided_network):
    gradients = NetworkGradients(guided_network, TRAINING_SIZE)
    assert gradients.in_unit_of_depth
    depth = np.full(TRAINING_SIZE, 2.0, np.float32)
    depth[3, 4] = np.nan  # A hole has no influence.
    gradient_x, gradient_y = gradients(red_half(TRAINING_SIZE), depth)
    expected = np.zeros(TRAINING_SIZE)
    expected[:, 23] = 1.0
    np.testing.assert_allclose(gradient_x, expected, atol=1e-5)
    np.testing.assert_allclose(gradient_y, 0.0, atol=1e-5)


@pytest.mark.parametrize(
    ("image", "depth", "expected"),
    [
        ((240, 320), (48, 64), (240, 320)),
        ((480, 640), (48, 64), (240, 320)),  # As many pixels as in training.
        ((480, 640), (384, 512), (384, 512)),  # As many as the depth map has.
        ((480, 640), (960, 1280), (480, 640)),  # At most those of the image.
        ((100, 100), (48, 64), (100, 100)),
        ((640, 480), (32, 24), (320, 240)),
    ],
)
def test_seen_size_keeps_the_aspect_of_the_image(image, depth, expected):
    assert seen_size(image, depth, (240, 320)) == expected


def test_sizes_of_files_and_images(tmp_path, colour_network):
    cv2.imwrite(str(tmp_path / "a.png"), red_half((72, 96)))
    predict = NetworkGradients(colour_network, TRAINING_SIZE)
    files = {"a": tmp_path / "a.png"}
    of_image = ImageGradients(files, predict)
    assert of_image.sizes("a", (12, 16)) == ((36, 48), (72, 96))
    of_depth = ImageGradients(files, predict, output_size="depth")
    assert of_depth.sizes("a", (12, 16)) == ((12, 16), (12, 16))
    assert GradientFiles({}).sizes("a", (12, 16)) == ((12, 16), (12, 16))


def test_refine_depth_sharpens_at_the_size_of_the_image(guided_network):
    gradients = NetworkGradients(guided_network, TRAINING_SIZE)
    image = red_half((72, 96))
    coarse = np.full((9, 12), 2.0, np.float32)
    coarse[:, 6:] = 2.9
    coarse[2, 2] = 0.0
    refined = dpde_tf.refine_depth(coarse, image, gradients=gradients)
    assert refined.shape == (72, 96)
    assert refined.dtype == np.float32
    # The step of the image is 1.0 to 1.45 m high; the depth map says 0.9.
    steps = np.diff(refined[40])
    assert 46 <= np.argmax(steps) <= 48
    assert steps.max() > 0.14  # 0.1125 without the network.
    assert refined[40, 95] - refined[40, 0] > 0.8


def test_refine_depth_of_relative_depth_keeps_its_unit(guided_network):
    gradients = NetworkGradients(guided_network, TRAINING_SIZE)
    image = red_half(TRAINING_SIZE)
    coarse = np.tile(np.linspace(-1, 1, 12, dtype=np.float32), (9, 1))
    refined = dpde_tf.refine_depth(coarse, image, relative=True, gradients=gradients)
    scaled = dpde_tf.refine_depth(
        100 * coarse, image, relative=True, gradients=gradients
    )
    assert refined.min() < -0.5
    np.testing.assert_allclose(scaled, 100 * refined, rtol=1e-3, atol=0.1)


def test_refine_depth_error_says_what_it_received(guided_network):
    gradients = NetworkGradients(guided_network, TRAINING_SIZE)
    with pytest.raises(ValueError, match=r"Received: \(3, 4, 1\) and \(36, 48, 3\)"):
        dpde_tf.refine_depth(np.ones((3, 4, 1)), red_half(TRAINING_SIZE))
    with pytest.raises(ValueError, match="no depth at all"):
        dpde_tf.refine_depth(
            np.zeros((3, 4)), red_half(TRAINING_SIZE), gradients=gradients
        )


def test_refine_depth_takes_infinite_relative_depth_as_holes(guided_network):
    gradients = NetworkGradients(guided_network, TRAINING_SIZE)
    image = red_half(TRAINING_SIZE)
    disparity = np.tile(np.linspace(0.1, 1, 48, dtype=np.float32), (36, 1))
    disparity[:4] = 0
    with np.errstate(divide="ignore"):
        depth = 1 / disparity
    refined = dpde_tf.refine_depth(depth, image, relative=True, gradients=gradients)
    assert np.isfinite(refined).all()


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_refine_depth_takes_images_of_all_floating_point_types(guided_network, kind):
    gradients = NetworkGradients(guided_network, TRAINING_SIZE)
    coarse = np.full((9, 12), 2.0, np.float32)
    image = red_half((72, 96))
    expected = dpde_tf.refine_depth(coarse, image, gradients=gradients)
    given = (image / 255).astype(kind)
    refined = dpde_tf.refine_depth(coarse, given, gradients=gradients)
    np.testing.assert_allclose(refined, expected, rtol=1e-3)
    with pytest.raises(ValueError, match="`image` must be uint8, or floating-point"):
        dpde_tf.refine_depth(coarse, image.astype(int), gradients=gradients)


def test_sharpening_without_a_guided_network_is_refused(colour_network):
    with pytest.raises(ValueError, match=r"for guided networks; .* Received: 2\.0"):
        NetworkGradients(colour_network, TRAINING_SIZE, sharpening=2.0)
