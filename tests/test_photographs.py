"""Tests of the predictions for photographs."""

import pathlib

import cv2
import numpy as np
import pytest

from dpde_tf.data import depth_files
from dpde_tf.data.depth_files import read_depth
from dpde_tf.photographs import (
    find_photographs,
    predict_photograph,
    prediction_picture,
)
from dpde_tf.prediction_files import read_prediction


class _BrightnessPredictor:
    """Says that bright is far; remembers what it saw."""

    def predict(self, image):
        self.shape = tuple(image.shape)
        return {"depth": image.numpy().mean(axis=-1) * 10.0}


@pytest.fixture
def photograph(tmp_path):
    image = np.full([40, 90, 3], 51, np.uint8)
    image[:, 45:] = 204
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), image)
    return path


def test_predict_photograph_is_at_its_own_size_and_scale(photograph, tmp_path):
    predictor = _BrightnessPredictor()
    picture = predict_photograph(
        predictor, photograph, tmp_path / "out", training_size=(60, 60)
    )
    # 3600 pixels of aspect 9:4.
    assert predictor.shape == (1, 40, 90, 3)
    assert picture == tmp_path / "out" / "photo_prediction.png"
    depth = read_depth(tmp_path / "out" / "photo_depth.png", depth_scale=0.001)
    assert depth.shape == (40, 90)
    # 51 / 255 and 204 / 255 of 10 m.
    assert depth[20, 10] == pytest.approx(2.0, abs=1e-3)
    assert depth[20, 80] == pytest.approx(8.0, abs=1e-3)
    assert set(read_prediction(tmp_path / "out" / "photo.npz")) == {"depth"}
    assert not (tmp_path / "out" / "photo_fused.png").exists()


def test_prediction_picture_has_a_column_a_map():
    image = np.zeros([30, 40, 3], np.uint8)
    depth = np.linspace(1, 5, 1200, dtype=np.float32).reshape(30, 40)
    zero = np.zeros_like(depth)
    two = prediction_picture(image, {"depth": depth})
    maps = {"depth": depth, "gradient_x": zero, "gradient_y": zero, "fused": depth}
    four = prediction_picture(image, maps)
    assert two.dtype == np.uint8
    assert four.shape[1] - two.shape[1] >= 80


OUTPUT = pathlib.Path("somewhere else")


def test_find_photographs_takes_files_and_folders(photograph):
    (photograph.parent / "notes.txt").write_text("no image")
    assert find_photographs([str(photograph.parent)], OUTPUT) == [photograph]
    assert find_photographs([str(photograph)], OUTPUT) == [photograph]


def test_find_photographs_refuses_what_is_not_there(photograph, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"--images names '.*none.jpg', which"):
        find_photographs([str(tmp_path / "none.jpg")], OUTPUT)
    with pytest.raises(FileNotFoundError, match=r"--images names '', which"):
        find_photographs([""], OUTPUT)
    with pytest.raises(ValueError, match=r"Use another --output"):
        find_photographs([str(photograph)], photograph.parent / ".")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty of --images has no images"):
        find_photographs([str(tmp_path / "empty")], OUTPUT)
    other = photograph.with_suffix(".jpg")
    other.write_bytes(photograph.read_bytes())
    with pytest.raises(ValueError, match=r"more than one file named photo"):
        find_photographs([str(photograph), str(other)], OUTPUT)


def test_predict_photograph_writes_a_page_in_three_dimensions(photograph, tmp_path):
    output = tmp_path / "out"
    options = {"training_size": (60, 60), "focal": 90.0}
    predictor = _BrightnessPredictor()
    predict_photograph(predictor, photograph, output, export=["html"], **options)
    page = (output / "photo.html").read_text()
    assert '"name": "depth"' in page
    predict_photograph(predictor, photograph, tmp_path / "flat", **options)
    assert not (tmp_path / "flat" / "photo.html").exists()


def test_predict_photograph_checks_the_focal_length_before_it_predicts(
    photograph, tmp_path
):
    with pytest.raises(ValueError, match=r"--focal\) must be in pixels, between 18 "):
        predict_photograph(
            None, photograph, tmp_path / "out", training_size=(60, 60), focal=0.001
        )
    assert not (tmp_path / "out").exists()


def test_predict_photograph_says_what_a_png_cannot_hold(
    photograph, tmp_path, monkeypatch
):
    texts = []
    monkeypatch.setattr(
        depth_files.logging, "warning", lambda text, *v: texts.append(text % v)
    )
    predictor = _BrightnessPredictor()
    predictor.predict = lambda image: {"depth": 90 * image.numpy()[..., 0]}
    predict_photograph(predictor, photograph, tmp_path / "out", training_size=(60, 60))
    (text,) = texts  # The right half, 45 columns of 40 pixels, is at 72 m.
    assert "photo_depth.png: 1800 pixels over 65.535 m" in text and "NPY" in text
    assert read_prediction(tmp_path / "out" / "photo.npz")["depth"].max() > 70
