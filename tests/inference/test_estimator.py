"""Tests of `DepthEstimator` with networks that need no weights."""

import cv2
import numpy as np
import pytest

from dpde_tf.files.images import read_image
from dpde_tf.inference import estimator as module
from dpde_tf.inference.estimator import DepthEstimator
from dpde_tf.inference.photographs import read_photograph
from dpde_tf.runs.trained_networks import PRESETS
from dpde_tf.visualization.colours import write_image
from tests.fixtures.exif import exif_block, write_exif_photograph
from tests.fixtures.prediction_program import BrightnessPredictor


@pytest.fixture
def estimator():
    return DepthEstimator(BrightnessPredictor(), (60, 60), "")


def test_estimator_predicts_at_the_size_of_each_image(estimator):
    dark, white = (80, 180, 3), (80, 50, 3)
    images = [np.full(dark, 51, np.uint8), np.full(white, 1.0, np.float32)]
    for image, depth in zip(images, (2.0, 10.0), strict=True):
        found = estimator.predict(image)
        assert found.depth.shape == image.shape[:2]
        np.testing.assert_allclose(found.depth, depth, rtol=1e-6)
    # 180x80 has four times the pixels of the training.
    assert estimator._predictor.shapes[0] == (1, 40, 90, 3)
    several = estimator.predict(images)
    assert [one.depth.shape for one in several] == [(80, 180), (80, 50)]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((0, 10, 3), r"`image` must be RGB images.*\(1, 0, 10, 3\)"),
        ((3, 40, 90), r"uint8 \(3, 40, 90\). Channels come last: image.transpose"),
        ((40, 90, 4), r"\(40, 90, 4\). RGBA must be composited over a colour"),
        ((40, 90), r"\(40, 90\). A grey one is np.stack"),
        ((1, 40, 90, 3), r"Several images are a list: list\(images\)"),
        ((40, 90, 5), r"Received: uint8 \(40, 90, 5\).$"),
    ],
)
def test_image_is_checked_before_its_camera(estimator, shape, message):
    with pytest.raises(ValueError, match=message):
        estimator.predict(np.zeros(shape, np.uint8), focal=5.0)


@pytest.mark.parametrize("image", [None, b"photo.jpg", (one for one in "a"), {"a": 1}])
def test_what_is_no_image_is_named(estimator, image):
    with pytest.raises(ValueError, match=rf"Received: {type(image).__name__}\.$"):
        estimator.predict(image)


def test_image_of_a_list_is_named(estimator):
    images = [np.zeros((40, 90, 3), np.uint8), np.zeros((40, 90), np.uint8)]
    with pytest.raises(ValueError, match=r"^images\[1\]: An image must be RGB"):
        estimator.predict(images)


def test_images_of_both_types_give_the_same_depth(estimator, rng):
    image = rng.integers(0, 256, (80, 180, 3), np.uint8)  # Twice as high as seen.
    expected = estimator.predict(image)
    found = estimator.predict((image / 255).astype(np.float32))
    np.testing.assert_array_equal(found.depth, expected.depth)


NYU = PRESETS["nyu"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, NYU),
        ({"gradient_run": "g"}, NYU | {"gradient_run": "g", "guided_run": None}),
        ({"guided_run": "s"}, NYU | {"guided_run": "s"}),
        ({"preset": "nyu_paper"}, PRESETS["nyu_paper"]),
        ({"preset": "mine"}, {"depth_run": "mine"}),
    ],
)
def test_preset_says_which_networks_are_loaded(monkeypatch, tmp_path, given, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    loaded = []

    def load(**runs):
        loaded.append(runs)
        return {"depth_network": None}

    monkeypatch.setattr(module, "load_networks", load)
    monkeypatch.setattr(module, "training_image_size", lambda run: (6, 8))
    monkeypatch.setattr(module, "training_dataset", lambda run: "")
    DepthEstimator.from_preset(**given)
    assert loaded == [expected | {"compact": True}]


def test_unknown_preset_is_refused_with_the_known_ones():
    match = r"`preset` must be nyu, nyu_paper, or the folder of a run.*'nyuu'"
    with pytest.raises(FileNotFoundError, match=match):
        DepthEstimator.from_preset("nyuu")


def test_array_is_predicted_as_its_file(tmp_path, rng):
    """Both are shrunk in whole numbers, as `dpde predict` does."""
    image = rng.integers(0, 256, (90, 70, 3), np.uint8)
    write_image(tmp_path / "a.png", image)
    estimator = DepthEstimator(BrightnessPredictor(), (40, 50))
    of_file = read_photograph(
        tmp_path / "a.png", training_size=(40, 50), dataset=""
    ).image
    seen = estimator._predictor.predict(of_file[np.newaxis])["depth"]
    expected = cv2.resize(seen[0], (70, 90), interpolation=cv2.INTER_LINEAR)
    for given in (image, tmp_path / "a.png"):
        depth = estimator.predict(given).depth
        np.testing.assert_allclose(depth, expected, rtol=0, atol=1e-5)


def test_file_brings_its_camera(tmp_path):
    estimator = DepthEstimator(BrightnessPredictor(), (40, 90), "nyu_depth_v2")
    block = exif_block(50, (400, 900))
    path = write_exif_photograph(tmp_path / "a.jpg", (400, 900), block)
    found, plain = estimator.predict(path), estimator.predict(read_image(path))
    assert (found.taken_by.origin, plain.taken_by.origin) == ("EXIF", "assumed")
    expected = plain.depth * found.taken_by.depth_factor
    np.testing.assert_allclose(found.depth, expected, rtol=1e-6)
    np.testing.assert_array_equal(found.fused, found.depth)
    assert estimator.predict(path, fov_x=60.0).taken_by.origin == "fov_x"
