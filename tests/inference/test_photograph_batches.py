"""Tests of predicting many photographs: reading, networks and writing overlap."""

import threading

import cv2
import numpy as np
import pytest

from dpde_tf.files.predictions import read_prediction
from dpde_tf.inference import photograph_batches as module
from dpde_tf.inference.photograph_batches import (
    batches_of_one_size,
    predict_photographs,
)
from dpde_tf.inference.photographs import Photograph

SIZE = (32, 40)


class _Predictor:
    """A predictor that returns red as depth, and records its inputs."""

    def __init__(self):
        self.seen = []

    def predict(self, image):
        self.seen.append(image.shape[:3])
        return {"depth": image[..., 0].astype(np.float32)}


def _write(path, grey, size=SIZE):
    cv2.imwrite(str(path), np.full([*size, 3], grey, np.uint8))
    return path


@pytest.fixture
def paths(tmp_path):
    """Twenty photographs; number 3 is upright and number 5 is broken."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    files = [_write(folder / f"{n:02d}.png", 10 * n) for n in range(20)]
    _write(files[3], 30, SIZE[::-1])
    files[5].write_bytes(b"no image")
    return files


def _predict(predictor, paths, output, done=None):
    pictures = [] if done is None else None
    report = done or (lambda picture, _: pictures.append(picture))
    failures = predict_photographs(
        predictor, paths, output, done=report, training_size=SIZE
    )
    return pictures, failures


def test_photographs_have_their_own_predictions_in_order(paths, tmp_path):
    predictor, output = _Predictor(), tmp_path / "out"
    pictures, failures = _predict(predictor, paths, output)
    assert predictor.seen == [(8, *SIZE), (1, *SIZE[::-1]), (8, *SIZE), (2, *SIZE)]
    good = [path for path in paths if path != paths[5]]
    assert pictures == [output / f"{path.stem}_prediction.png" for path in good]
    assert list(failures) == [paths[5]]
    assert "must be a complete image" in failures[paths[5]]
    for path in good:
        depth = read_prediction(output / f"{path.stem}.npz")["depth"]
        assert depth.shape == (SIZE[::-1] if path == paths[3] else SIZE)
        assert (depth == 10 * int(path.stem)).all()


def test_photograph_that_cannot_be_written_does_not_stop_the_others(paths, tmp_path):
    output = tmp_path / "out"
    (output / "07.npz").mkdir(parents=True)
    pictures, failures = _predict(_Predictor(), paths[6:10], output)
    assert [picture.stem[:2] for picture in pictures] == ["06", "08", "09"]
    assert "07.npz could not be written" in failures[paths[7]]


def test_files_are_read_and_written_while_networks_compute(
    paths, tmp_path, monkeypatch
):
    read, written = threading.Event(), threading.Event()
    real_read, real_write = module.read_photograph, module.write_photograph

    def note_read(path, **options):
        if path == paths[19]:
            read.set()
        return real_read(path, **options)

    def note_write(photograph, *arguments, **options):
        picture = real_write(photograph, *arguments, **options)
        written.set()
        return picture

    class Waiting(_Predictor):
        def predict(self, image):
            if len(self.seen) == 1:  # The second batch, numbers 14 to 19 and others.
                assert read.wait(60) and written.wait(60)
            return super().predict(image)

    monkeypatch.setattr(module, "read_photograph", note_read)
    monkeypatch.setattr(module, "write_photograph", note_write)
    predictor = Waiting()
    pictures, _ = _predict(predictor, paths[6:], tmp_path / "out")
    assert [shape[0] for shape in predictor.seen] == [8, 6]
    assert len(pictures) == 14


def test_few_photographs_wait(tmp_path, monkeypatch):
    """Neither reading nor writing is more than two batches ahead or behind."""
    counts = {"read": 0, "predicted": 0, "reported": 0}
    ahead, behind = [], []
    image = np.zeros([*SIZE, 3], np.uint8)

    def read(path, **_):
        counts["read"] += 1
        ahead.append(counts["read"] - counts["predicted"])
        return Photograph(path, SIZE, image, None)

    def predict(image):
        counts["predicted"] += len(image)
        behind.append(counts["predicted"] - counts["reported"])
        return {"depth": image[..., 0]}

    def report(*_):
        counts["reported"] += 1

    monkeypatch.setattr(module, "read_photograph", read)
    monkeypatch.setattr(module, "write_photograph", lambda *_, **__: tmp_path)
    predictor = _Predictor()
    predictor.predict = predict
    paths = [tmp_path / str(number) for number in range(100)]
    assert _predict(predictor, paths, tmp_path, done=report) == (None, {})
    assert counts == dict.fromkeys(counts, 100)
    assert max(ahead) <= 16 + 1
    assert max(behind) <= 16 + 8


def test_interruption_leaves_complete_files(paths, tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    output = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        _predict(_Predictor(), paths, output, done=interrupt)
    names = [path.name for path in output.iterdir()]
    assert names and not any(name.startswith(".") for name in names)
    for path in output.glob("*.npz"):
        read_prediction(path)
    for path in output.glob("*.png"):
        assert cv2.imread(str(path)) is not None
    # What has begun is finished.
    stems = {name[:2] for name in names}
    assert {path.stem[:2] for path in output.glob("*_prediction.png")} == stems


def test_defects_are_not_reported_as_bad_photographs(paths, tmp_path, monkeypatch):
    def write(*_, **__):
        raise TypeError("a defect")

    monkeypatch.setattr(module, "write_photograph", write)
    with pytest.raises(TypeError, match="a defect"):
        _predict(_Predictor(), paths[:2], tmp_path)


def _sizes(*heights):
    return [
        Photograph(n, None, np.zeros([h, 2, 3]), None) for n, h in enumerate(heights)
    ]


def test_batches_have_one_size_and_begin_with_the_oldest():
    batches = batches_of_one_size(_sizes(*[1, 2] * 12, 3))
    numbers = [[one.path for one in batch] for batch in batches]
    assert numbers == [
        [0, 2, 4, 6, 8, 10, 12, 14],
        [1, 3, 5, 7, 9, 11, 13, 15],
        [16, 18, 20, 22],
        [17, 19, 21, 23],
        [24],
    ]
    assert list(batches_of_one_size([])) == []


def test_batches_do_not_wait_for_a_size_that_never_comes():
    photographs = iter(_sizes(1, *range(2, 40)))
    first = next(batches_of_one_size(photographs))
    assert [one.path for one in first] == [0]
    assert next(photographs).path == 16
