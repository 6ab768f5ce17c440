"""Boxes, a camera, and its exact depth map by ray casting.

World axes in metres: x and y along the walls, z up, the origin in a corner of the
floor. Everything is a `Box`, the room itself included (seen from inside).
"""

import dataclasses
import math

import numpy as np

from data_prep.synthetic.textures import Material

Vector = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Box:
    """An upright cuboid.

    Attributes:
        centre: World position of the centre, metres.
        half_size: Half the extent along the axes of the box, metres.
        yaw: Rotation about the vertical axis from x to y, radians.
        materials: Materials of the faces with normals -x, +x, -y, +y, -z, +z. Normals
            point at the viewer, so the floor of a room is the last one.
        casts_shadow: Whether the box casts a shadow.
    """

    centre: Vector
    half_size: Vector
    yaw: float
    materials: tuple[Material, ...]
    casts_shadow: bool = True

    @property
    def axes(self) -> np.ndarray:
        """Axes of the box in world coordinates, one per row, float32 `[3, 3]`."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32)


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole camera with square pixels and the principal point in the middle.

    Attributes:
        position: World position, metres.
        yaw: Direction of the optical axis in the floor plan, from x to y, radians.
        pitch: Angle of the optical axis above the horizon, radians.
        roll: Rotation about the optical axis, clockwise for the viewer, radians.
        field_of_view: Angle across the longer side of the image, radians.
    """

    position: Vector
    yaw: float
    pitch: float
    roll: float = 0.0
    field_of_view: float = math.radians(60)

    @property
    def axes(self) -> np.ndarray:
        """Right, down and forward in world coordinates, one per row, `[3, 3]`."""
        cy, sy = math.cos(self.yaw), math.sin(self.yaw)
        cp, sp = math.cos(self.pitch), math.sin(self.pitch)
        cr, sr = math.cos(self.roll), math.sin(self.roll)
        right, down = np.array([sy, -cy, 0]), np.array([cy * sp, sy * sp, -cp])
        forward = np.array([cy * cp, sy * cp, sp])
        axes = [cr * right + sr * down, cr * down - sr * right, forward]
        return np.stack(axes).astype(np.float32)

    def focal_length(self, size: tuple[int, int]) -> float:
        """Returns the focal length.

        Args:
            size: (height, width) of the image.

        Returns:
            Focal length, pixels.
        """
        return max(size) / 2 / math.tan(self.field_of_view / 2)


@dataclasses.dataclass(frozen=True)
class Hits:
    """The nearest surface at each pixel.

    Attributes:
        depth: Metres along the optical axis, float32 `[H, W]`.
        face: `6 * (index of the box) + (face)`, faces as in `Box.materials`,
            int16 `[H, W]`.
    """

    depth: np.ndarray
    face: np.ndarray


def camera_rays(camera: Camera, size: tuple[int, int]) -> np.ndarray:
    """Returns the viewing rays of the pixel centres, scaled to depth 1.

    A point at depth z is `position + z * ray`.

    Args:
        camera: The camera.
        size: (height, width) of the image.

    Returns:
        World directions, float32 `[3, H, W]`.
    """
    height, width = size
    focal_length = camera.focal_length(size)
    x = ((np.arange(width) + 0.5 - width / 2) / focal_length).astype(np.float32)
    y = ((np.arange(height) + 0.5 - height / 2) / focal_length).astype(np.float32)
    right, down, forward = camera.axes[:, :, None, None]
    return right * x[None, None, :] + down * y[None, :, None] + forward


class Rays:
    """Rays from one point, for intersection with many boxes.

    Boxes with the same yaw share the directions in their frame.

    Args:
        origin: World position, metres.
        directions: World directions, float32 `[3, H, W]`; the length of a direction is
            the unit of distances along its ray.
    """

    def __init__(self, origin: Vector, directions: np.ndarray) -> None:
        self.origin = np.asarray(origin, np.float32)
        self.directions = directions
        self._inverse: dict[float, np.ndarray] = {}

    def inverse(self, yaw: float) -> np.ndarray:
        """Returns the reciprocals of the directions in the frame of a box.

        Args:
            yaw: Yaw of the box, radians.

        Returns:
            1 / direction, float32 `[3, H, W]`.
        """
        if yaw not in self._inverse:
            x, y, z = self.directions
            c, s = np.float32(math.cos(yaw)), np.float32(math.sin(yaw))
            local = np.stack([c * x + s * y, c * y - s * x, z])
            local[local == 0] = 1e-12
            self._inverse[yaw] = np.reciprocal(local, out=local)
        return self._inverse[yaw]

    def slabs(self, box: Box, pixels: tuple = (...,)) -> tuple[np.ndarray, np.ndarray]:
        """Returns where rays enter and leave the three slabs of a box.

        Args:
            box: The box; a slab is the space between two opposite faces.
            pixels: Index of the rays in all axes but the first.

        Returns:
            Distances to the entries and to the exits, float32 `[3, ...]` each.
        """
        inverse = self.inverse(box.yaw)[:, *pixels]
        shape = (3,) + (1,) * (inverse.ndim - 1)
        offset = box.axes @ (np.asarray(box.centre, np.float32) - self.origin)
        half = np.asarray(box.half_size, np.float32)
        first = (offset - half).reshape(shape) * inverse
        second = (offset + half).reshape(shape) * inverse
        return np.minimum(first, second), np.maximum(first, second)

    def passage(
        self, box: Box, pixels: tuple = (...,)
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the last entry into a slab of a box and the first exit from one.

        Args:
            box: The box; a ray hits it if the entry comes before the exit.
            pixels: Index of the rays in all axes but the first.

        Returns:
            Distances along the rays, float32 `[...]` each.
        """
        near, far = self.slabs(box, pixels)
        entry = np.maximum(np.maximum(near[0], near[1]), near[2])
        leave = np.minimum(np.minimum(far[0], far[1]), far[2])
        return entry, leave


def cast_rays(boxes: tuple[Box, ...], camera: Camera, size: tuple[int, int]) -> Hits:
    """Returns the nearest face at every pixel centre and its exact depth.

    Args:
        boxes: The shell of the room, around the camera, and then its contents.
        camera: The camera.
        size: (height, width) of the image.

    Returns:
        Depths and faces.
    """
    rays = Rays(camera.position, camera_rays(camera, size))
    _, far = rays.slabs(boxes[0])
    axis = far.argmin(0)
    depth = np.minimum(np.minimum(far[0], far[1]), far[2])
    away = np.take_along_axis(rays.inverse(boxes[0].yaw), axis[None], 0)[0] < 0
    face = (2 * axis + away).astype(np.int16)
    for index, box in enumerate(boxes[1:], start=1):
        window = _window(box, camera, size)
        if window is None:
            continue
        entry, leave = rays.passage(box, window)
        seen = np.nonzero((entry < leave) & (entry > 0) & (entry < depth[window]))
        depth[window][seen] = entry[seen]
        pixels = (seen[0] + window[0].start, seen[1] + window[1].start)
        axis = rays.slabs(box, pixels)[0].argmax(0)
        away = rays.inverse(box.yaw)[axis, *pixels] < 0  # the normal's sign
        face[pixels] = 6 * index + 2 * axis + away
    return Hits(depth=depth, face=face)


def _window(
    box: Box, camera: Camera, size: tuple[int, int]
) -> tuple[slice, slice] | None:
    """Rows and columns that the box may cover; None if it is not visible."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8)
    corners = box.axes.T @ (signs * np.reshape(box.half_size, (3, 1)))
    corners += np.reshape(box.centre, (3, 1)) - np.reshape(camera.position, (3, 1))
    x, y, z = camera.axes @ corners
    if z.max() <= 0:
        return None
    if z.min() < 0.05:  # partly behind the camera: its projection is not bounded
        return slice(0, size[0]), slice(0, size[1])
    bounds = []
    for at, extent in ((y, size[0]), (x, size[1])):
        pixels = at / z * camera.focal_length(size) + extent / 2
        first = max(0, int(np.floor(pixels.min())) - 1)
        last = min(extent, int(np.ceil(pixels.max())) + 1)
        if first >= last:
            return None
        bounds.append(slice(first, last))
    return bounds[0], bounds[1]
