"""Tests of the predictions for videos."""

import json
import struct
import sys

import cv2
import numpy as np
import pytest
from absl import app

from dpde_tf.files import videos as files
from dpde_tf.files.predictions import read_prediction
from dpde_tf.files.videos import VideoWriter, frame_rate, is_video, video_frames
from dpde_tf.inference.photograph_cameras import CameraOptions
from dpde_tf.inference.progress import progress_bar
from dpde_tf.inference.videos import frame_picture, predict_video, video_file
from dpde_tf.visualization.colours import colorize_depth
from tests.fixtures.prediction_program import BrightnessPredictor

TRAINING_SIZE = (48, 64)


def _write_clip(path, levels, size=(48, 64), rate=25.0):
    """A clip of grey frames; their left column is black, the upper left is white."""
    writer = VideoWriter(path, rate)
    for level in levels:
        frame = np.full((*size, 3), level, np.uint8)
        frame[: size[0] // 2, : size[1] // 2] = 255
        writer.write(frame)
    writer.close()
    return path


@pytest.fixture
def clip(tmp_path):
    return _write_clip(tmp_path / "clip.mp4", np.arange(20, 180, 8))  # 20 frames


def _read(path):
    return list(video_frames(path))


def test_frames_can_be_read_back(clip):
    frames = _read(clip)
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 20
    levels = [frame[36, 48].mean() for frame in frames]
    np.testing.assert_allclose(levels, np.arange(20, 180, 8), atol=4)
    assert all(frame[5, 5].min() > 235 for frame in frames)
    every_sixth = list(video_frames(clip, every=6))
    np.testing.assert_array_equal(every_sixth, frames[::6])
    assert frame_rate(clip) == pytest.approx(25)


@pytest.mark.parametrize("rate", [29.97 / 7, 23.976, 120.0, 0.5])
def test_unusual_rates_are_kept(tmp_path, rate):
    path = _write_clip(tmp_path / "a.mp4", [50, 60, 70], rate=rate)
    assert frame_rate(path) == pytest.approx(rate, rel=2e-3)
    assert len(_read(path)) == 3


def test_odd_sizes_get_a_white_border(tmp_path):
    path = _write_clip(tmp_path / "a.mp4", [50, 60], size=(47, 63))
    (first, _) = _read(path)
    assert first.shape == (48, 64, 3)
    assert first[-1].min() > 180
    assert first[30, 40].max() < 80


def _rotate(path):
    """Marks an MP4 file as rotated by 90 degrees, as phones do."""
    content = bytearray(path.read_bytes())
    unit = 1 << 16
    plain = struct.pack(">9i", unit, 0, 0, 0, unit, 0, 0, 0, 1 << 30)
    turned = struct.pack(">9i", 0, unit, 0, -unit, 0, 0, 0, 0, 1 << 30)
    start = content.index(plain, content.index(b"tkhd"))
    content[start : start + len(plain)] = turned
    path.write_bytes(content)


def test_rotated_clip_is_upright(clip, tmp_path):
    _rotate(clip)
    frames = _read(clip)
    assert frames[0].shape == (64, 48, 3)
    # Turned to the right: the upper left quarter is now the upper right one.
    assert frames[0][5, 40].min() > 235
    assert frames[0][5, 5].max() < 60
    predictor = BrightnessPredictor()
    predict_video(predictor, clip, tmp_path, training_size=TRAINING_SIZE)
    assert predictor.shapes[0][1:] == (64, 48, 3)


def test_video_shows_frames_beside_depth_in_one_scale(clip, tmp_path):
    predictor = BrightnessPredictor()
    result = predict_video(predictor, clip, tmp_path / "o", training_size=TRAINING_SIZE)
    assert result.path == video_file(clip, tmp_path / "o")
    assert (result.num_frames, result.num_due) == (20, 20)
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["clip_prediction.mp4"]
    # 20 frames: every second one decides about the colours, 8 and 2 at a time.
    batches = [shape[0] for shape in predictor.shapes]
    assert batches == [8, 2, 8, 8, 4]
    assert frame_rate(result.path) == pytest.approx(25)
    shown = _read(result.path)
    assert len(shown) == 20
    # 48 x 64 twice, 20 rows of title, a gap of 4 and a bar of 60 with a gap.
    assert shown[0].shape == (68, 64 + 4 + 64 + 4 + 60, 3)
    grey = [frame[20 + 36, 48].mean() for frame in shown]
    np.testing.assert_allclose(grey, np.arange(20, 180, 8), atol=9)
    # The darkest frame decides the near end, the white corners the far end.
    depths = np.arange(20, 180, 8)[::2] / 25.5
    limits = {"min_depth": depths[0], "max_depth": 10.0}
    for index in (0, 10, 18):
        depth = np.array([[np.arange(20, 180, 8)[index] / 25.5]])
        expected = colorize_depth(depth, **limits)[0, 0].astype(int)
        colour = shown[index][20 + 36, 68 + 48].astype(int)
        assert np.abs(colour - expected).max() < 40  # The codec halves colours' size.


def test_every_and_npz(clip, tmp_path):
    options = {"training_size": TRAINING_SIZE, "every": 6, "npz": True}
    result = predict_video(BrightnessPredictor(), clip, tmp_path / "o", **options)
    assert (result.num_frames, len(_read(result.path))) == (4, 4)
    # It plays as long as the clip.
    assert frame_rate(result.path) == pytest.approx(25 / 6, rel=2e-3)
    names = sorted(path.name for path in (tmp_path / "o" / "clip_frames").iterdir())
    assert names == ["000000.npz", "000006.npz", "000012.npz", "000018.npz"]
    depth = read_prediction(tmp_path / "o" / "clip_frames" / "000012.npz")["depth"]
    assert depth.shape == TRAINING_SIZE
    assert depth[36, 48] == pytest.approx((20 + 12 * 8) / 25.5, abs=0.2)


def test_depth_is_that_of_the_camera(clip, tmp_path):
    # The networks know images of 48 x 64 of NYU's camera, 518.86 px of 640 wide; the
    # geometric mean with 519.47 px of 480 high counts. Twice as long: twice as far.
    known = np.sqrt(518.85790 * 519.46961) / 10
    result = predict_video(
        BrightnessPredictor(),
        clip,
        tmp_path / "o",
        training_size=TRAINING_SIZE,
        dataset="nyu_depth_v2",
        camera=CameraOptions(focal=2 * known),
        every=12,
        npz=True,
    )
    assert result.camera.origin == "focal"
    depth = read_prediction(tmp_path / "o" / "clip_frames" / "000012.npz")["depth"]
    assert depth[36, 48] == pytest.approx(2 * (20 + 12 * 8) / 25.5, abs=0.4)


def test_interruption_leaves_a_video_that_can_be_played(clip, tmp_path):
    predictor = BrightnessPredictor(
        interrupt_at=5
    )  # After the two of samples and two more.
    result = predict_video(predictor, clip, tmp_path / "o", training_size=TRAINING_SIZE)
    assert result.num_due == 20
    assert result.interrupted
    assert 8 <= result.num_frames <= 16
    assert len(_read(result.path)) == result.num_frames
    assert len(list((tmp_path / "o").iterdir())) == 1


def test_interruption_before_the_first_frame_leaves_nothing(clip, tmp_path):
    output = tmp_path / "o"
    with pytest.raises(KeyboardInterrupt):
        predict_video(
            BrightnessPredictor(interrupt_at=1),
            clip,
            output,
            training_size=TRAINING_SIZE,
        )
    assert not output.exists() or not list(output.iterdir())


def test_large_frames_are_shown_smaller_and_small_depth_larger():
    maps = {"depth": np.full((30, 40), 2.0, np.float32)}
    picture = frame_picture(np.zeros((960, 1280, 3), np.uint8), maps, (1.0, 3.0))
    assert picture.shape == (500, 640 + 4 + 640 + 4 + 60, 3)


def test_damaged_and_empty_videos_are_refused(clip, tmp_path):
    content = clip.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.mp4").write_text("no video")
    predict = {"training_size": TRAINING_SIZE}
    for name in ("cut.mp4", "text.mp4"):
        with pytest.raises(ValueError, match=rf"{name} cannot be read as a video.*MP4"):
            predict_video(BrightnessPredictor(), tmp_path / name, tmp_path, **predict)


def test_video_without_frames_is_refused(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", _EmptyCapture)
    with pytest.raises(ValueError, match=r"clip\.mp4 has no frames"):
        predict_video(
            BrightnessPredictor(), clip, tmp_path, training_size=TRAINING_SIZE
        )
    assert frame_rate(clip) == 30.0  # It tells none.


class _EmptyCapture:
    """A video with a header alone."""

    def __init__(self, *_):
        pass

    def isOpened(self):
        return True

    def grab(self):
        return False

    def get(self, _):
        return float("nan")

    def release(self):
        pass


def test_writer_reports_frames_missing_from_the_file(tmp_path, monkeypatch):
    writer = VideoWriter(tmp_path / "a.mp4", 25.0)
    for _ in range(3):
        writer.write(np.zeros((16, 16, 3), np.uint8))
    writer.num_frames = 5  # As if two had not fitted on the disk.
    with pytest.raises(OSError, match=r"a\.mp4 could not be written: it holds 3 of 5"):
        writer.close()
    with pytest.raises(OSError, match=r"no/a\.mp4 could not be written"):
        VideoWriter(tmp_path / "no" / "a.mp4", 25.0).write(
            np.zeros((16, 16, 3), np.uint8)
        )


def test_videos_are_known_by_their_suffix():
    assert is_video("a/clip.MP4")
    assert not is_video("clip.gif")
    assert not is_video("clip")
    assert tuple(sorted(files.VIDEO_SUFFIXES)) == files.VIDEO_SUFFIXES


def test_program_predicts_videos_and_photographs(clip, tmp_path, run_predict, capsys):
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((48, 64, 3), 99, np.uint8))
    output = tmp_path / "out"
    images = (clip, tmp_path / "photo.png")
    run_predict(*images, output=output, every=10)
    printed = capsys.readouterr()
    names = ["photo_prediction.png", "clip_prediction.mp4"]
    lines = printed.out.splitlines()
    for name, line in zip(names, lines, strict=True):
        assert line.startswith(f"{output / name}: camera of ")
    assert printed.err == ""
    assert len(_read(output / names[1])) == 2
    record = json.loads((output / "run.json").read_text())
    assert record["config"]["data"]["every"] == 10
    # The same command replaces its own results; another one refuses to.
    run_predict(*images, output=output, every=10)
    with pytest.raises(SystemExit, match=r"clip_prediction\.mp4.*--overwrite"):
        _end(run_predict, images=clip, output=output)
    run_predict(images=clip, output=output, overwrite=True)
    assert len(_read(output / names[1])) == 20


def test_overwriting_leaves_no_frames_of_former_options(clip, tmp_path, run_predict):
    output = tmp_path / "out"
    run_predict(clip, output=output, every=5, npz=True)
    frames = output / "clip_frames"
    assert [path.stem[-2:] for path in sorted(frames.iterdir())] == [
        *("00", "05", "10", "15")
    ]
    with pytest.raises(SystemExit, match="holds 5 of these files"):
        _end(run_predict, clip, output=output, every=10)
    (frames / "2024_notes.npz").write_text("mine")
    run_predict(clip, output=output, every=10, npz=True, overwrite=True)
    names = [path.stem[-2:] for path in sorted(frames.iterdir())]
    assert names == ["00", "10", "es"]


def test_photograph_and_video_of_one_name_share_a_folder(clip, tmp_path, run_predict):
    photograph = clip.with_suffix(".png")
    cv2.imwrite(str(photograph), np.full([40, 60, 3], 90, np.uint8))
    for _ in range(2):
        run_predict(photograph, output=tmp_path / "out")
        run_predict(clip, output=tmp_path / "out", every=10)
    run_predict(clip, photograph, output=tmp_path / "out", every=10, overwrite=True)
    run_predict(clip, output=tmp_path / "out", every=10)


def _end(run, *images, **values):
    """Runs the program; invalid flags end it as on the command line."""
    try:
        run(*images, **values)
    except app.UsageError as error:
        sys.exit(str(error))


def test_program_names_the_videos_that_fail(clip, tmp_path, run_predict, capsys):
    (tmp_path / "text.mov").write_text("no video")
    with pytest.raises(SystemExit) as caught:
        run_predict(tmp_path / "text.mov", clip, output=tmp_path / "out")
    title, line = caught.value.code.splitlines()
    assert title == "Error: could not be predicted:"
    assert "text.mov: cannot be read as a video" in line
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(str(tmp_path / "out/clip_prediction.mp4: "))


def test_interrupted_program_ends_with_code_130(clip, tmp_path, run_predict, capsys):
    text = tmp_path / "text.mov"
    text.write_text("no video")
    with pytest.raises(SystemExit) as caught:
        run_predict(
            text,
            clip,
            predictor=BrightnessPredictor(interrupt_at=5),
            output=tmp_path / "out",
        )
    assert caught.value.code == 130
    errors = capsys.readouterr().err
    assert "of 20 frames" in errors
    assert "text.mov: cannot be read as a video" in errors


def test_program_refuses_invalid_flags(clip, tmp_path, run_predict):
    output = tmp_path / "out"
    with pytest.raises(SystemExit, match="--export needs photographs"):
        _end(run_predict, images=clip, output=output, export="html")
    with pytest.raises(SystemExit, match=r"no\.mp4', which does not exist"):
        _end(run_predict, images=tmp_path / "no.mp4", output=output)
    other = tmp_path / "other"
    other.mkdir()
    _write_clip(other / "clip.mp4", [1, 2])
    with pytest.raises(SystemExit, match="more than one video named clip"):
        _end(run_predict, clip, other / "clip.mp4", output=output)
    result = output / "clip_prediction.mp4"
    output.mkdir()
    _write_clip(result, [1, 2])
    with pytest.raises(SystemExit, match="would be replaced by the result of another"):
        _end(run_predict, clip, result, output=output, overwrite=True)
    result.unlink()
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(SystemExit, match="--every needs a video"):
        _end(run_predict, images=tmp_path / "photo.png", output=output, every=2)
    assert not list(output.glob("*.mp4"))


def test_progress_bar_shows_speed_and_time_left(monkeypatch, capsys):
    with progress_bar(3, "frame") as advance:
        advance(3)
    assert capsys.readouterr().err == ""  # No terminal.
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bar(3, "frame") as advance:
        advance(1)
        advance(2)
    shown = capsys.readouterr().err
    for text in ("frames", "3/3", "frames/s", "time left"):
        assert text in shown
