"""Tests of data_prep.synthetic.{scenes,geometry,rooms,furniture,textures}."""

import math

import numpy as np
import pytest

from data_prep.synthetic import furniture, textures
from data_prep.synthetic.geometry import Box, Camera, camera_rays, cast_rays
from data_prep.synthetic.rooms import Lamp, Room, make_room
from data_prep.synthetic.scenes import render_image, render_scene
from data_prep.synthetic.textures import Face, Material, albedo, make_noise

GREY = (Material("plain", (0.5, 0.5, 0.5), (0.1, 0.1, 0.1), 1.0),) * 6
HALL = Box((20.0, 3.0, 20.0), (20.0, 3.0, 20.0), 0.0, GREY)  # 40 x 6 x 40 m
ALONG_Y = math.pi / 2


def test_cast_rays_of_a_parallel_wall_is_constant():
    # The wall y = 6 seen from y = 1 along y: z = 5 at every pixel, centre or corner.
    camera = Camera((20.0, 1.0, 20.0), ALONG_Y, 0.0)
    hits = cast_rays((HALL,), camera, (12, 16))
    np.testing.assert_allclose(hits.depth, 5.0, rtol=1e-5)  # float32 sines and cosines
    assert np.all(hits.face == 2)  # its normal points at the viewer: -y
    assert hits.depth.dtype == np.float32


def test_cast_rays_of_a_floor_follows_the_height():
    # Level camera, 1.5 m above the floor: z = 1.5 f / (rows below the horizon).
    room = Box((50.0, 50.0, 50.0), (50.0, 50.0, 50.0), 0.0, GREY)
    camera = Camera((50.0, 50.0, 1.5), 0.3, 0.0)
    depth = cast_rays((room,), camera, (240, 320)).depth
    focal_length = 160 * math.sqrt(3)  # 160 / tan 30 degrees
    expected = 1.5 * focal_length / (np.arange(140, 240) + 0.5 - 120)
    np.testing.assert_allclose(depth[140:, 7], expected, rtol=1e-4)
    np.testing.assert_allclose(depth[140:, 300], expected, rtol=1e-4)


def test_cast_rays_of_a_pitched_camera_hits_the_floor():
    # 30 degrees down from 1.5 m: the axis meets the floor after 1.5 / sin 30 = 3 m.
    room = Box((50.0, 50.0, 50.0), (50.0, 50.0, 50.0), 0.0, GREY)
    camera = Camera((50.0, 50.0, 1.5), 1.0, math.radians(-30), roll=0.2)
    hits = cast_rays((room,), camera, (9, 11))
    assert hits.depth[4, 5] == pytest.approx(3.0, rel=1e-5)
    assert hits.face[4, 5] == 5  # the normal of a floor is +z


@pytest.mark.parametrize(("yaw", "expected"), [(0.0, 3.5), (math.pi / 4, 3.292893)])
def test_cast_rays_of_a_turned_box(yaw, expected):
    # A cube of 1 m, 4 m away: its face at 4 - 0.5, its edge at 4 - sqrt(0.5).
    cube = Box((20.0, 5.0, 20.0), (0.5, 0.5, 0.5), yaw, GREY)
    camera = Camera((20.0, 1.0, 20.0), ALONG_Y, 0.0)
    depth = cast_rays((HALL, cube), camera, (33, 45)).depth
    assert depth[16, 22] == pytest.approx(expected, rel=1e-5)
    assert depth[0, 0] == pytest.approx(5.0, rel=1e-5)  # beside it


def test_cast_rays_leaves_out_what_is_behind_the_camera():
    behind = Box((20.0, 0.5, 20.0), (0.2, 0.2, 0.2), 0.0, GREY)
    camera = Camera((20.0, 1.0, 20.0), ALONG_Y, 0.0)
    depth = cast_rays((HALL, behind), camera, (12, 16)).depth
    np.testing.assert_allclose(depth, 5.0, rtol=1e-5)


def _slow_depth(boxes, camera, ray):
    """Depth by cutting the planes of all faces one by one, in float64."""
    nearest = math.inf
    for index, box in enumerate(boxes):
        c, s = math.cos(box.yaw), math.sin(box.yaw)
        turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        start = turn @ (np.array(camera.position) - box.centre)
        direction = turn @ ray.astype(float)
        for axis in range(3):
            for side in (-1, 1):
                z = (side * box.half_size[axis] - start[axis]) / direction[axis]
                point = start + z * direction
                inside = np.abs(point) <= np.array(box.half_size) + 1e-9
                if z > 0 and inside[np.arange(3) != axis].all() and (index or z < 1e9):
                    nearest = min(nearest, z)
    return nearest


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_cast_rays_agrees_with_a_search_over_all_faces(seed):
    room = make_room(np.random.default_rng(seed))
    size = (31, 40)
    depth = cast_rays(room.boxes, room.camera, size).depth
    rays = camera_rays(room.camera, size)
    generator = np.random.default_rng(seed)
    rows, columns = generator.integers(31, size=40), generator.integers(40, size=40)
    expected = [
        _slow_depth(room.boxes, room.camera, rays[:, i, j])
        for i, j in zip(rows, columns, strict=True)
    ]
    # float32 over distances of some metres.
    np.testing.assert_allclose(depth[rows, columns], expected, rtol=1e-4)


def test_camera_focal_length_is_that_of_60_degrees():
    camera = Camera((0.0, 0.0, 0.0), 0.0, 0.0)
    assert camera.focal_length((240, 320)) == pytest.approx(277.128, abs=1e-3)
    assert camera.focal_length((320, 240)) == pytest.approx(277.128, abs=1e-3)


def test_render_scene_gives_an_image_and_indoor_depths():
    for seed in range(12):
        scene = render_scene(seed, size=(36, 48))
        assert scene.image.shape == (36, 48, 3)
        assert scene.image.dtype == np.uint8
        assert scene.depth.shape == (36, 48)
        assert scene.depth.dtype == np.float32
        assert 0.65 < scene.depth.min() < scene.depth.max() < 10
        assert scene.image.std() > 10  # neither black nor burnt out


def test_render_scene_is_determined_by_its_seed():
    first, again = (render_scene(7, size=(24, 32)) for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.depth, again.depth)
    other = render_scene(8, size=(24, 32))
    assert np.abs(first.depth - other.depth).mean() > 0.1


def test_render_scene_keeps_its_scenes():
    # Recorded from the first version: a change of the generator changes the demo.
    scene = render_scene(0, size=(24, 32))
    assert scene.depth.mean() == pytest.approx(4.2857, abs=1e-3)
    assert scene.image.mean() == pytest.approx(194.58, abs=0.5)


def test_render_scene_shows_one_scene_at_all_sizes():
    # The pixels of the smaller image are 4 x 4 of the larger; edges differ.
    small, large = (render_scene(5, size=size) for size in ((24, 32), (96, 128)))
    blocks = large.depth.reshape(24, 4, 32, 4)
    assert np.median(np.abs(blocks.mean((1, 3)) - small.depth)) < 0.02
    assert large.focal_length == pytest.approx(4 * small.focal_length)


@pytest.mark.parametrize("size", [(25, 33), (40, 30), (8, 8)])
def test_render_scene_takes_any_size(size):
    scene = render_scene(2, size=size)
    assert scene.image.shape == (*size, 3)
    assert scene.depth.shape == size


@pytest.mark.parametrize(("seed", "size"), [(-1, (24, 32)), (0, (7, 32))])
def test_render_scene_refuses_bad_arguments(seed, size):
    with pytest.raises(ValueError, match="must not be negative and `size` must be 8x8"):
        render_scene(seed, size=size)


def test_render_image_darkens_the_shadow_of_a_box():
    # A board of 0.8 m hangs half a metre below the lamp, out of the picture. Its shadow
    # is 0.8 * 2.9 / 0.5 m wide: the whole floor that is seen, and nothing of the wall
    # above 1 m. The camera's exposure follows the bright wall.
    shell = Box((3.0, 3.0, 1.5), (3.0, 3.0, 1.5), 0.0, GREY)
    lamp = Lamp((3.0, 3.0, 2.9), (2.0, 2.0, 2.0))
    camera = Camera((3.0, 0.5, 1.2), ALONG_Y, math.radians(-20))
    ratios = []
    for casts_shadow in (True, False):
        board = Box((3.0, 3.0, 2.4), (0.4, 0.4, 0.02), 0.0, GREY, casts_shadow)
        room = Room((shell, board), (lamp,), camera)
        hits = cast_rays(room.boxes, camera, (48, 64))
        image = render_image(room, hits.depth, np.random.default_rng(0))
        floor, wall = image[44, 24:40].mean(), image[4, 24:40].mean()
        ratios.append(floor / wall)
    assert hits.face[44, 32] == 5 and hits.face[4, 32] == 2
    assert ratios[0] < 0.85 * ratios[1]  # 1 if there were no shadow


def _face(footprint):
    u, v = np.meshgrid(np.linspace(-1, 1, 101), np.linspace(-0.5, 0.5, 51))
    values = np.float32(u.ravel()), np.float32(v.ravel())
    return Face(*values, np.full(u.size, footprint, np.float32), 1.0, 0.5)


@pytest.mark.parametrize("pattern", sorted(textures.PATTERNS))
def test_albedo_of_every_pattern_is_a_colour(pattern):
    noise = make_noise(np.random.default_rng(0))
    material = Material(pattern, (0.6, 0.4, 0.2), (0.1, 0.1, 0.1), 0.2)
    colour = albedo(material, _face(0.01), noise)
    assert colour.shape == (3, 101 * 51)
    assert np.all(np.isfinite(colour))
    assert 0 <= colour.min() < colour.max() < 2


def test_albedo_averages_stripes_that_a_pixel_cannot_resolve():
    # Half the wall has each colour, (0.8 + 0.2) / 2; the blotches add 5 % at most.
    noise = make_noise(np.random.default_rng(0))
    material = Material("stripes", (0.8, 0.8, 0.8), (0.2, 0.2, 0.2), 0.1)
    near, far = (albedo(material, _face(size), noise) for size in (0.001, 20.0))
    assert near.std() > 0.25
    np.testing.assert_allclose(far, 0.5, atol=0.15 * 0.5)
    assert far.mean() == pytest.approx(0.5, abs=0.02)


def test_make_noise_is_tileable():
    # Across the seam the noise steps no more than elsewhere.
    fractal = make_noise(np.random.default_rng(0)).fractal
    steps = np.abs(np.diff(fractal, axis=0)).mean()
    assert np.abs(fractal[0] - fractal[-1]).mean() < 1.5 * steps


def test_furniture_stands_on_the_floor_behind_its_wall():
    pieces = furniture.WALL_FURNITURE + furniture.FREE_FURNITURE
    for build in pieces:
        parts = build(np.random.default_rng(0))
        low = np.min([[span[0] for span in part[:3]] for part in parts], axis=0)
        high = np.max([[span[1] for span in part[:3]] for part in parts], axis=0)
        assert low[1] >= 0 and 0 <= low[2] < 0.15
        assert np.all(high - low > 0.2) and np.all(high - low < 3)


def test_make_room_keeps_furniture_inside_and_apart():
    # Free pieces are turned; their corners must lie inside of the walls.
    for seed in range(10):
        room = make_room(np.random.default_rng(seed))
        extent = 2 * np.array(room.boxes[0].half_size)
        for box in room.boxes[1:]:
            reach = np.abs(box.axes.T) @ np.array(box.half_size)
            if box.casts_shadow:
                assert np.all(np.array(box.centre) - reach > -2e-3)
                assert np.all(np.array(box.centre) + reach < extent + 2e-3)
        assert np.all(np.array(room.camera.position) > 0.3)
        assert np.all(np.array(room.camera.position) < extent - 0.3)
