"""Synthetic indoor scenes with exact depth, rendered with NumPy.

A scene is a random room of textured boxes (`rooms`), lit by one or two lamps
with shadows. Its depth is exact: the distance along the optical axis at every pixel
centre, by ray casting. Nothing is downloaded, and a seed always gives the same scene.
"""

import dataclasses
import itertools

import cv2
import numpy as np

from data_prep.synthetic.geometry import (
    Box,
    Hits,
    Rays,
    Vector,
    camera_rays,
    cast_rays,
)
from data_prep.synthetic.rooms import Lamp, Room, make_room
from data_prep.synthetic.textures import Face, Noise, albedo, make_noise

MIN_DEPTH, MAX_DEPTH = 0.7, 10.0  # metres
_SUPERSAMPLING = 2  # samples per pixel along each axis
_AMBIENT = 0.22  # ambient light, as a share of the power of a lamp at one metre
_PREVIEW_SIDE = 48  # pixels of the preview that decides whether a view is used


@dataclasses.dataclass(frozen=True)
class Scene:
    """One rendered scene.

    Attributes:
        image: RGB image, uint8 `[H, W, 3]`.
        depth: Metres along the optical axis, float32 `[H, W]`; all pixels are measured.
        focal_length: Focal length, pixels; the principal point is the image centre.
    """

    image: np.ndarray
    depth: np.ndarray
    focal_length: float


def render_scene(seed: int, *, size: tuple[int, int]) -> Scene:
    """Renders the scene of a seed.

    Args:
        seed: Not negative; the same number always gives the same scene.
        size: (height, width) of the image, 8 by 8 at least.

    Returns:
        The image and its exact depth, from about 0.7 to 10 m.

    Raises:
        ValueError: If the seed is negative or the size is too small.
    """
    if seed < 0 or min(size) < 8:
        raise ValueError(
            "`seed` must not be negative and `size` must be 8x8 at least. "
            f"Received: {seed} and {size}."
        )
    preview_size = tuple(max(1, side * _PREVIEW_SIDE // max(size)) for side in size)
    for attempt in itertools.count():
        generator = np.random.default_rng([seed, attempt])
        room = make_room(generator)
        if _suits(cast_rays(room.boxes, room.camera, preview_size).depth):
            break
    depth = cast_rays(room.boxes, room.camera, size).depth
    image = render_image(room, depth, generator)
    return Scene(image, depth, room.camera.focal_length(size))


def render_image(
    room: Room, depth: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Renders the photograph of a room.

    Args:
        room: The room.
        depth: Depth map of its camera, metres, float32 `[H, W]`; shadows are computed
            at these pixels.
        generator: Random number generator of the textures and the sensor noise.

    Returns:
        RGB, uint8 `[H, W, 3]`.
    """
    noise = make_noise(generator)
    height, width = depth.shape
    fine_size = (_SUPERSAMPLING * height, _SUPERSAMPLING * width)
    hits = cast_rays(room.boxes, room.camera, fine_size)
    visibility = [_visibility(room, lamp, depth) for lamp in room.lamps]
    image = _shade(room, hits, visibility, noise)
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return _photograph(image, generator)


def _suits(depth: np.ndarray) -> bool:
    """Whether the range of depth is that of an indoor photograph."""
    in_range = depth.min() > 1.05 * MIN_DEPTH and depth.max() < 0.97 * MAX_DEPTH
    return in_range and 1.5 < np.median(depth) < 5.5 and depth.max() > 2.5


def _column(vector: Vector) -> np.ndarray:
    return np.asarray(vector, np.float32)[:, None]


def _dot(vector: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Scalar products with points `[3, N]`, without the threads of BLAS."""
    return vector[0] * points[0] + vector[1] * points[1] + vector[2] * points[2]


def _visibility(room: Room, lamp: Lamp, depth: np.ndarray) -> np.ndarray:
    """Share of a lamp's light that reaches each fine pixel, float32 `[fine size]`."""
    every_other = (..., slice(None, None, 2), slice(None, None, 2))  # soft anyway
    rays = camera_rays(room.camera, depth.shape)[every_other]
    start = _column(np.subtract(room.camera.position, lamp.position))[..., None]
    light = Rays(lamp.position, start + depth[every_other] * rays)
    visible = np.ones(rays.shape[1:], np.float32)
    for box in room.boxes[1:]:
        if box.casts_shadow:
            entry, leave = light.passage(box)
            visible[(entry < leave) & (entry > 0) & (entry < 0.985)] = 0
    visible = cv2.GaussianBlur(visible, (0, 0), 0.7)
    fine_size = (_SUPERSAMPLING * depth.shape[1], _SUPERSAMPLING * depth.shape[0])
    return cv2.resize(visible, fine_size, interpolation=cv2.INTER_LINEAR)


def _shade(
    room: Room, hits: Hits, visibility: list[np.ndarray], noise: Noise
) -> np.ndarray:
    """Light that each fine pixel sends to the camera, linear RGB, `[H, W, 3]`."""
    keys = hits.face.ravel()
    order = np.argsort(keys, kind="stable")
    faces, starts = np.unique(keys[order], return_index=True)
    rays = camera_rays(room.camera, hits.depth.shape).reshape(3, -1)
    depth = hits.depth.ravel()
    visibility = [share.ravel() for share in visibility]
    spacing = 1 / room.camera.focal_length(hits.depth.shape)
    image = np.empty((keys.size, 3), np.float32)
    for key, pixels in zip(faces, np.split(order, starts[1:]), strict=True):
        box, side = room.boxes[key // 6], int(key % 6)
        ray = rays[:, pixels]
        points = _column(room.camera.position) + depth[pixels] * ray
        normal = (2 * (side % 2) - 1) * box.axes[side // 2]
        slant = np.abs(_dot(normal, ray)) / np.sqrt(_dot(ray, ray))
        footprint = depth[pixels] * np.float32(spacing) / np.maximum(slant, 0.1)
        shares = [share[pixels] for share in visibility]
        colour = albedo(box.materials[side], _face(box, side, points, footprint), noise)
        image[pixels] = (colour * _irradiance(room, points, normal, shares)).T
    return image.reshape(*hits.depth.shape, 3)


def _face(box: Box, side: int, points: np.ndarray, footprint: np.ndarray) -> Face:
    """World points on a face in the coordinates of its texture."""
    u, v = ((1, 2), (0, 2), (0, 1))[side // 2]
    offset = points - _column(box.centre)
    return Face(
        u=_dot(box.axes[u], offset),
        v=_dot(box.axes[v], offset),
        footprint=footprint,
        half_u=box.half_size[u],
        half_v=box.half_size[v],
    )


def _irradiance(
    room: Room, points: np.ndarray, normal: np.ndarray, visibility: list[np.ndarray]
) -> np.ndarray:
    """Light that falls on points with a common normal, linear RGB, `[3, N]`."""
    ambient = np.full_like(points[0], _AMBIENT)
    shell = room.boxes[0]
    for axis in range(3):  # corners see less of the room
        distance = shell.half_size[axis] - np.abs(points[axis] - shell.centre[axis])
        darkening = np.float32(0.5 * (1 - abs(normal[axis])))
        ambient *= 1 - darkening * np.exp(np.float32(-4) * distance)
    light = np.repeat(ambient[None], 3, axis=0)
    for lamp, visible in zip(room.lamps, visibility, strict=True):
        towards = _column(lamp.position) - points
        square = _dot(towards, towards)
        cosine = np.maximum(_dot(normal, towards), 0) / np.sqrt(square)
        light += _column(lamp.colour) * (visible * cosine / (square + 1.5))
    return light


def _photograph(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Exposure, gamma and sensor noise: linear RGB to uint8."""
    exposure = generator.uniform(0.7, 1.1) / np.percentile(image.max(axis=2), 96)
    image = np.clip(np.float32(exposure) * image, 0, 1) ** np.float32(1 / 2.2)
    grain = generator.standard_normal(image.shape, dtype=np.float32)
    return np.clip(255 * image + 2 * grain + 0.5, 0, 255).astype(np.uint8)
