"""Predictions for videos: pictures side by side, and the maps of each frame.

Each frame is predicted alone; nothing is smoothed over time.
"""

import contextlib
import dataclasses
import itertools
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import cv2
import numpy as np

from dpde_tf.files.atomic import atomic_write
from dpde_tf.files.images import resize_image
from dpde_tf.files.predictions import write_prediction
from dpde_tf.files.videos import VideoWriter, frame_rate, video_frames
from dpde_tf.inference.overlap import read_ahead, write_behind
from dpde_tf.inference.photograph_cameras import (
    CameraOptions,
    PhotographCamera,
    find_photograph_camera,
)
from dpde_tf.inference.predictor import DepthPredictor, working_size
from dpde_tf.inference.progress import progress_bar
from dpde_tf.visualization.colours import colorize_depth, montage

# Frames that the networks see together.
_BATCH_SIZE = 8
# Largest number of evenly spaced frames whose depth determines the colour scale.
_MOST_SAMPLES = 16
# Percentage of their pixels that is nearer, and that is farther, than the scale.
_OUTSIDE = 1.0
# The two pictures have as many pixels as this, or those of the video if it has fewer.
_PICTURE_SIZE = (480, 640)


@dataclasses.dataclass(frozen=True)
class VideoPrediction:
    """What was written for a video.

    Attributes:
        path: The written video.
        num_frames: Number of its frames.
        num_due: Number of frames that it would have without an interruption.
        camera: The camera that is assumed.
        interrupted: Whether the user interrupted the program.
    """

    path: pathlib.Path
    num_frames: int
    num_due: int
    camera: PhotographCamera
    interrupted: bool = False


def video_file(path: pathlib.Path, output: pathlib.Path) -> pathlib.Path:
    """Returns the video of the pictures for a video.

    Args:
        path: The video.
        output: Folder of the results.

    Returns:
        `<stem>_prediction.mp4` there.
    """
    return output / f"{path.stem}_prediction.mp4"


def video_frame_files(path: pathlib.Path, output: pathlib.Path) -> list[pathlib.Path]:
    """Returns the files of maps of the frames of a video that are there.

    Args:
        path: The video.
        output: Folder of the results.

    Returns:
        `<stem>_frames/<number of the frame>.npz` there.
    """
    files = video_frames_folder(path, output).glob("*.npz")
    return sorted(file for file in files if re.fullmatch(r"\d{6,}", file.stem))


def video_frames_folder(path: pathlib.Path, output: pathlib.Path) -> pathlib.Path:
    """Returns the folder of the maps of the frames of a video.

    Args:
        path: The video.
        output: Folder of the results.
    """
    return output / f"{path.stem}_frames"


def predict_video(
    predictor: DepthPredictor,
    path: pathlib.Path,
    output: pathlib.Path,
    *,
    training_size: tuple[int, int],
    dataset: str = "",
    camera: CameraOptions | None = None,
    every: int = 1,
    npz: bool = False,
) -> VideoPrediction:
    """Writes a video of the frames beside their depth in colours.

    One colour scale holds for all frames: from the 1st to the 99th percentile of the
    depth of up to 16 evenly spread frames, which are predicted first. A few batches of
    frames are in memory at a time. After an interruption (Ctrl-C) the video ends with
    the last written frame, and can be played.

    Args:
        predictor: The networks.
        path: The video.
        output: Folder of the results.
        training_size: (height, width) of the images that the networks know.
        dataset: Data set of those images, see `find_photograph_camera`.
        camera: What is known of the camera, if anything; the focal length is in pixels
            of the video.
        every: N, to predict the first of every N frames. The others are left out, but
            the result has the same duration as the video.
        npz: Whether to write all maps of each frame as
            `<stem>_frames/<number of the frame>.npz`, at the networks' working size.

    Returns:
        The written video.

    Raises:
        ValueError: If the file is not a video that OpenCV reads, or has no frames.
        OSError: If a file cannot be written.
        KeyboardInterrupt: If the program is interrupted before the first frame.
    """
    num_frames, frame_size, samples = _survey(path, training_size, every)
    taken_by = find_photograph_camera(
        frame_size,
        training_size=training_size,
        dataset=dataset,
        options=camera or CameraOptions(),
    )
    limits = _colour_limits(predictor, samples, taken_by)
    folder = video_frames_folder(path, output) if npz else None
    target, interrupted = video_file(path, output), False
    with atomic_write(target) as temporary:
        writer = VideoWriter(temporary, frame_rate(path) / every)

        def write(numbered: Sequence[tuple[int, np.ndarray]], maps: dict) -> None:
            for row, (number, frame) in enumerate(numbered):
                own = taken_by.scale({key: m[row] for key, m in maps.items()})
                writer.write(frame_picture(frame, own, limits))
                if folder:
                    write_prediction(folder / f"{number * every:06d}.npz", own)

        frames = video_frames(path, every=every)
        try:
            with contextlib.closing(frames):
                size = samples.shape[1:3]
                _predict_frames(predictor, frames, num_frames, size, write)
        except KeyboardInterrupt:
            if not writer.num_frames:
                raise
            interrupted = True
        finally:
            writer.close()
    return VideoPrediction(target, writer.num_frames, num_frames, taken_by, interrupted)


def _survey(
    path: pathlib.Path, training_size: tuple[int, int], every: int
) -> tuple[int, tuple[int, int], np.ndarray]:
    """Number and size of the frames, and evenly spread ones as the networks see them.

    The last are uint8, `[N, H, W, 3]`.
    """
    samples, stride, count, size = [], 1, 0, (0, 0)
    for frame in video_frames(path, every=every):
        size = frame.shape[:2]
        if count % stride == 0:
            samples.append(resize_image(frame, working_size(size, training_size)))
        if len(samples) > _MOST_SAMPLES:
            samples, stride = samples[::2], 2 * stride
        count += 1
    if not count:
        raise ValueError(
            f"{path} has no frames that can be decoded. Convert it to MP4, such as by "
            "`ffmpeg -i FILE clip.mp4`."
        )
    return count, size, np.stack(samples)


def _colour_limits(
    predictor: DepthPredictor, samples: np.ndarray, camera: PhotographCamera
) -> tuple[float, float]:
    """Depths of the nearest and the farthest colour, metres."""
    starts = range(0, len(samples), _BATCH_SIZE)
    batches = (predictor.predict(samples[s : s + _BATCH_SIZE]) for s in starts)
    depths = np.concatenate([camera.scale(m)[_shown(m)] for m in batches])
    low, high = np.percentile(depths, [_OUTSIDE, 100 - _OUTSIDE])
    return max(float(low), 0.0), max(float(high), 0.0)


def _shown(maps: dict) -> str:
    """The key of the depth that is shown."""
    return "fused" if "fused" in maps else "depth"


def _predict_frames(
    predictor: DepthPredictor,
    frames: Iterator[np.ndarray],
    num_frames: int,
    size: tuple[int, int],
    write: Callable[[Sequence[tuple[int, np.ndarray]], dict], None],
) -> None:
    """Passes frames with their maps to `write`, batch by batch, in a thread."""
    ahead = read_ahead(lambda _: next(frames), range(num_frames), count=_BATCH_SIZE)
    with (
        progress_bar(num_frames, "frame") as advance,
        contextlib.closing(ahead),
        write_behind(write) as write_batch,
    ):
        for batch in _batches(ahead):
            numbered = [(number, future.result()) for number, future in batch]
            seen = np.stack([resize_image(frame, size) for _, frame in numbered])
            maps = predictor.predict(seen)
            write_batch(numbered, maps)
            advance(len(batch))


def _batches(items: Iterable) -> Iterator[list]:
    """Yields the items in lists of up to a batch."""
    items = iter(items)
    while batch := list(itertools.islice(items, _BATCH_SIZE)):
        yield batch


def frame_picture(
    frame: np.ndarray, maps: dict[str, np.ndarray], limits: tuple[float, float]
) -> np.ndarray:
    """Returns a frame beside its depth, in colours.

    Args:
        frame: RGB, uint8 `[H, W, 3]`.
        maps: As `DepthPredictor.predict` gives them, of one image, of any size.
        limits: Depths of the nearest and the farthest colour, metres.

    Returns:
        RGB, uint8, with titles and a colour bar in metres.
    """
    key = _shown(maps)
    size = frame.shape[:2]
    if size[0] * size[1] > _PICTURE_SIZE[0] * _PICTURE_SIZE[1]:
        size = working_size(size, _PICTURE_SIZE)
    depth = cv2.resize(maps[key], size[::-1], interpolation=cv2.INTER_LINEAR)
    colours = colorize_depth(depth, min_depth=limits[0], max_depth=limits[1])
    pictures = [resize_image(frame, size), colours]
    return montage([pictures], ["video", f"{key} depth"], depth_range=limits)
