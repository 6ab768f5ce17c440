"""Views of a surface, drawn by OpenCV without a display or a graphics card."""

import cv2
import numpy as np

_SAMPLES = 2  # along each side of a pixel of the picture
_DISTANCE = 10.0  # of the viewer, in heights of the picture: nearly parallel lines


def rotation(azimuth: float, elevation: float) -> np.ndarray:
    """Returns the rotation to the view from beside or above.

    Args:
        azimuth: Angle of the viewer to the right around the vertical axis, degrees.
        elevation: Angle of the viewer upwards from there, degrees.

    Returns:
        Matrix `[3, 3]` for points as columns; x right, y up, z to the viewer.
    """
    turn, tilt = np.radians([-azimuth, elevation])
    cosine, sine = np.cos(turn), np.sin(turn)
    around_y = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    cosine, sine = np.cos(tilt), np.sin(tilt)
    around_x = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    return around_x @ around_y


def render_view(
    points: np.ndarray,
    colors: np.ndarray,
    triangles: np.ndarray,
    *,
    azimuth: float,
    elevation: float,
    size: tuple[int, int],
    visible_height: float,
) -> np.ndarray:
    """Returns a distant view of the front of a coloured surface, on white.

    Args:
        points: Coordinates x right, y up, z to the viewer, `[N, 3]`; NaN in points that
            no triangle uses.
        colors: RGB, uint8 `[N, 3]`.
        triangles: Three indices per triangle, anticlockwise from the front, `[M, 3]`.
        azimuth: Angle of the viewer to the right around the origin, degrees.
        elevation: Angle of the viewer upwards from there, degrees.
        size: (height, width) of the picture; the origin is in its middle.
        visible_height: Height of the picture in the unit of the points.

    Returns:
        RGB, uint8 `[height, width, 3]`.

    Raises:
        ValueError: If OpenCV is older than version 5, which cannot draw triangles.
    """
    if not hasattr(cv2, "triangleRasterize"):
        raise ValueError(
            f"Views need OpenCV 5; {cv2.__version__} is installed. Run "
            "`pip install 'opencv-python>=5'`."
        )
    distance = _DISTANCE * visible_height
    view = np.eye(4)
    view[:3, :3], view[2, 3] = rotation(azimuth, elevation), -distance
    shape = [length * _SAMPLES for length in size]
    canvas = np.ones((*shape, 3), np.float32)
    if len(triangles):
        cv2.triangleRasterize(
            np.nan_to_num(points).astype(np.float32)[:, np.newaxis],
            np.asarray(triangles, np.int32)[:, np.newaxis],
            (colors / 255).astype(np.float32)[:, np.newaxis],
            canvas,
            np.full(shape, 2 * distance, np.float32),  # empty depth buffer
            view,
            2 * np.arctan(0.5 / _DISTANCE),
            distance / 100,
            2 * distance,
        )
    picture = np.rint(255 * np.clip(canvas, 0, 1)).astype(np.uint8)
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)
