"""Reads the frames of videos, and writes videos, with OpenCV."""

import math
import os
import pathlib
from collections.abc import Iterator

import cv2
import numpy as np

from dpde_tf.files.atomic import unwritable

VIDEO_SUFFIXES = (
    *(".avi", ".m4v", ".mkv", ".mov", ".mp4"),
    *(".mpeg", ".mpg", ".webm", ".wmv"),
)
# MPEG-4 Part 2, the only codec for MP4 that all builds of OpenCV encode fast.
_CODEC = "mp4v"
# Frames per second of files without a plausible frame rate.
_USUAL_RATE = 30.0
_HIGHEST_RATE = 1000.0


def is_video(path: str | pathlib.Path) -> bool:
    """Returns whether a file name has the suffix of a video."""
    return pathlib.Path(path).suffix.lower() in VIDEO_SUFFIXES


def video_frames(path: pathlib.Path, *, every: int = 1) -> Iterator[np.ndarray]:
    """Yields the frames of a video, upright: the rotation that phones note is applied.

    Args:
        path: The file.
        every: Yield the first of so many frames.

    Yields:
        RGB, uint8 `[H, W, 3]`.

    Raises:
        ValueError: If the file is not a video that OpenCV reads.
    """
    capture = _open(path)
    try:
        number = 0
        while capture.grab():
            if number % every == 0:
                decoded, frame = capture.retrieve()
                if decoded:
                    yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            number += 1
    finally:
        capture.release()


def frame_rate(path: pathlib.Path) -> float:
    """Returns the frames per second of a video, on average.

    Args:
        path: The file.

    Returns:
        The rate; 30 if the file does not tell a plausible one.

    Raises:
        ValueError: If the file is not a video that OpenCV reads.
    """
    capture = _open(path)
    rate = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    plausible = math.isfinite(rate) and 0 < rate <= _HIGHEST_RATE
    return rate if plausible else _USUAL_RATE


def _open(path: pathlib.Path) -> cv2.VideoCapture:
    """An opened video."""
    # FFmpeg's own messages would come before ours.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise ValueError(
            f"{path} cannot be read as a video: it is damaged, cut off, or of a kind "
            "that OpenCV does not know. Convert it to MP4, such as by "
            "`ffmpeg -i FILE clip.mp4`."
        )
    return capture


class VideoWriter:
    """Writes an MP4 file, which is playable after `close`, even after an error.

    Attributes:
        num_frames: Number of pictures that were written.
    """

    def __init__(self, path: pathlib.Path, rate: float) -> None:
        """Takes the name of the file, which `write` makes.

        Args:
            path: The file, with the suffix `.mp4`.
            rate: Frames per second.
        """
        self.num_frames = 0
        self._path = path
        self._rate = max(round(rate, 2), 0.01)  # Of longer fractions MP4 has no clock.
        self._writer: cv2.VideoWriter | None = None

    def write(self, picture: np.ndarray) -> None:
        """Adds a picture.

        Args:
            picture: RGB, uint8 `[H, W, 3]`, of the same size as the others. The codec
                needs an even height and width, so a white row or column is added to
                pictures with odd sides.

        Raises:
            OSError: If the file cannot be written.
        """
        height, width = picture.shape[:2]
        even = ((0, height % 2), (0, width % 2), (0, 0))
        picture = np.pad(picture, even, constant_values=255)
        if self._writer is None:
            self._writer = self._create(picture.shape[1::-1])
        self._writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        self.num_frames += 1

    def _create(self, size: tuple[int, int]) -> cv2.VideoWriter:
        """The file for pictures of (width, height)."""
        codec = cv2.VideoWriter.fourcc(*_CODEC)
        writer = cv2.VideoWriter(
            str(self._path), cv2.CAP_FFMPEG, codec, self._rate, size
        )
        if not writer.isOpened():
            raise unwritable(self._path, OSError("OpenCV cannot open it"))
        return writer

    def close(self) -> None:
        """Finishes the file, and checks it, since OpenCV does not report full disks.

        Raises:
            OSError: If the file does not hold all pictures.
        """
        if self._writer is None:
            return
        self._writer.release()
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        stored = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        capture.release()
        if stored != self.num_frames:
            raise unwritable(
                self._path,
                OSError(f"it holds {max(stored, 0):.0f} of {self.num_frames} frames"),
            )
