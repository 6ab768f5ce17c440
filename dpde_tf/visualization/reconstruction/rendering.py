"""Views of a surface, drawn by OpenCV without a display or a graphics card."""

import cv2
import numpy as np

_SAMPLES = 2  # along each side of a pixel of the picture
_DISTANCE = 10.0  # of the viewer, in heights of the picture: nearly parallel lines


def rotation(azimuth: float, elevation: float) -> np.ndarray:
    """Returns the rotation that shows points as a viewer beside or above sees them.

    Args:
        azimuth: Degrees that the viewer goes to the right around the vertical axis.
        elevation: Degrees that the viewer goes up from there.

    Returns:
        `[3, 3]`, for points as columns; x right, y up, z to the viewer.
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
    """Returns the front of a coloured surface as seen from afar, on white.

    Args:
        points: x right, y up, z to the viewer, `[N, 3]`; NaN in points that no
            triangle has.
        colors: RGB, uint8 `[N, 3]`.
        triangles: Three indices each, anticlockwise from the front, `[M, 3]`.
        azimuth: Degrees that the viewer goes to the right around the origin.
        elevation: Degrees that the viewer goes up from there.
        size: (height, width) of the picture; the origin is in its middle.
        visible_height: What the picture shows of the points' space, in their unit.

    Returns:
        RGB, uint8 `[height, width, 3]`.

    Raises:
        ValueError: If OpenCV is older than 5, which cannot draw triangles.
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
            np.full(shape, 2 * distance, np.float32),  # depth buffer: nothing yet
            view,
            2 * np.arctan(0.5 / _DISTANCE),
            distance / 100,
            2 * distance,
        )
    picture = np.rint(255 * np.clip(canvas, 0, 1)).astype(np.uint8)
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)
