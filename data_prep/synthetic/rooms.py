"""Random furnished rooms: a shell, furniture, lamps and a camera."""

import dataclasses
import math

import numpy as np

from data_prep.synthetic import furniture
from data_prep.synthetic.geometry import Box, Camera, Vector
from data_prep.synthetic.textures import Colour, Material

_TRIES = 12  # positions tried for a piece before it is left out


@dataclasses.dataclass(frozen=True)
class Lamp:
    """A point light.

    Attributes:
        position: World position, metres.
        colour: Linear RGB power.
    """

    position: Vector
    colour: Colour


@dataclasses.dataclass(frozen=True)
class Room:
    """A furnished room with a camera.

    Attributes:
        boxes: The shell of the room, and then its contents.
        lamps: One or two lamps.
        camera: A camera inside the room.
    """

    boxes: tuple[Box, ...]
    lamps: tuple[Lamp, ...]
    camera: Camera


def make_room(generator: np.random.Generator) -> Room:
    """Returns a random furnished room.

    Args:
        generator: Random number generator.

    Returns:
        A room of 3 to 8 m by 3.5 to 8 m, with a camera near a wall that looks across
        the room.
    """
    extent = (
        float(generator.uniform(3, 8)),
        float(generator.uniform(3.5, 8)),
        float(generator.uniform(2.4, 3.1)),
    )
    camera = _camera(generator, extent)
    x, y, _ = camera.position
    taken = [(x - 0.6, y - 0.6, x + 0.6, y + 0.6)]
    boxes = [_shell(generator, extent)]
    boxes += _wall_hangings(generator, extent)
    boxes += _along_walls(generator, extent, taken)
    boxes += _free_standing(generator, extent, taken)
    lamps = _lamps(generator, extent)
    boxes += [_lamp_box(lamp) for lamp in lamps]
    return Room(boxes=tuple(boxes), lamps=tuple(lamps), camera=camera)


def _shell(generator: np.random.Generator, extent: Vector) -> Box:
    """The walls, the floor and the ceiling."""
    tint = furniture.random_colour(generator, 0.45, 0.8)
    other = tuple(float(c) for c in np.clip(np.multiply(tint, 0.8), 0, 1))
    patterns = ["plain", "stripes", "bricks", "tiles"]
    pattern = str(generator.choice(patterns, p=[0.5, 0.25, 0.12, 0.13]))
    wall = Material(pattern, tint, other, generator.uniform(0.1, 0.2))
    plain = dataclasses.replace(wall, pattern="plain", scale=2.0)
    walls = [wall if generator.random() < 0.7 else plain for _ in range(4)]
    if pattern == "plain":
        walls = [plain] * 4
    ceiling = Material("plain", (0.8, 0.8, 0.78), furniture.DARK, 3.0)
    centre = tuple(side / 2 for side in extent)
    return Box(centre, centre, 0.0, (*walls, ceiling, _floor(generator)))


def _floor(generator: np.random.Generator) -> Material:
    kinds = ["planks", "tiles", "checks", "plain"]
    kind = str(generator.choice(kinds, p=[0.5, 0.25, 0.1, 0.15]))
    if kind == "planks":
        wood = furniture.random_wood(generator)
        return dataclasses.replace(
            wood,
            pattern=kind,
            accent=furniture.DARK,
            scale=generator.uniform(0.09, 0.18),
        )
    colour = furniture.random_colour(generator, 0.2, 0.6)
    joint = tuple(0.5 * c for c in colour)
    return Material(kind, colour, joint, generator.uniform(0.25, 0.45))


def _camera(generator: np.random.Generator, extent: Vector) -> Camera:
    """A camera about half a metre from a wall that looks across the room and down."""
    width, length, _ = extent
    along = generator.uniform(0.25, 0.75)
    side = generator.integers(4)
    inset = generator.uniform(0.35, 0.8)
    x, y = [
        (inset, along * length),
        (width - inset, along * length),
        (along * width, inset),
        (along * width, length - inset),
    ][side]
    target = generator.uniform(0.25, 0.75, 2) * (width, length)
    return Camera(
        position=(float(x), float(y), float(generator.uniform(1.0, 1.8))),
        yaw=math.atan2(target[1] - y, target[0] - x),
        pitch=math.radians(generator.uniform(-25, 0)),
        roll=math.radians(generator.uniform(-3, 3)),
        field_of_view=math.radians(generator.uniform(57, 63)),
    )


def _lamps(generator: np.random.Generator, extent: Vector) -> list[Lamp]:
    lamps = []
    for _ in range(generator.integers(1, 3)):
        x, y = generator.uniform(0.2, 0.8, 2) * extent[:2]
        warmth = generator.uniform(0, 0.35)
        power = generator.uniform(1.5, 3.0)
        colour = (power, power * (1 - 0.5 * warmth), power * (1 - warmth))
        z = extent[2] - generator.uniform(0.15, 0.5)
        lamps.append(Lamp((float(x), float(y), float(z)), colour))
    return lamps


def _lamp_box(lamp: Lamp) -> Box:
    """The visible body of a lamp, brighter than white."""
    glow = Material("plain", tuple(2 * c for c in lamp.colour), furniture.WHITE)
    return Box(lamp.position, (0.13, 0.13, 0.05), 0.0, (glow,) * 6, casts_shadow=False)


def _wall_frame(wall: int, extent: Vector) -> tuple[float, float, np.ndarray]:
    """Yaw of furniture at a wall, and the length and left end of the wall."""
    width, length, _ = extent
    ends = [(0, 0), (width, 0), (width, length), (0, length)]
    lengths = [width, length, width, length]
    return wall * math.pi / 2, lengths[wall], np.array(ends[wall], float)


def _place(
    parts: list[furniture.Part], yaw: float, position: np.ndarray, **options: bool
) -> list[Box]:
    """The parts of a piece as boxes in world coordinates."""
    turn = np.array([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
    boxes = []
    for (x0, x1), (y0, y1), (z0, z1), material in parts:
        x, y = turn @ ((x0 + x1) / 2, (y0 + y1) / 2) + position
        half_size = ((x1 - x0) / 2, (y1 - y0) / 2, (z1 - z0) / 2)
        centre = (float(x), float(y), (z0 + z1) / 2)
        boxes.append(Box(centre, half_size, yaw, (material,) * 6, **options))
    return boxes


def _footprint(boxes: list[Box]) -> tuple[float, float, float, float]:
    """Bounding rectangle of boxes on the floor: x0, y0, x1, y1."""
    low, high = [], []
    for box in boxes:
        reach = np.abs(box.axes[:2, :2].T) @ box.half_size[:2]
        low.append(box.centre[:2] - reach)
        high.append(box.centre[:2] + reach)
    return (*np.min(low, 0), *np.max(high, 0))


def _claim(boxes: list[Box], extent: Vector, taken: list) -> bool:
    """Reserves the place of a piece; False if it does not fit beside the others."""
    x0, y0, x1, y1 = _footprint(boxes)
    if x0 < -1e-3 or y0 < -1e-3 or x1 > extent[0] + 1e-3 or y1 > extent[1] + 1e-3:
        return False
    for a0, b0, a1, b1 in taken:
        if x0 < a1 and a0 < x1 and y0 < b1 and b0 < y1:
            return False
    taken.append((x0, y0, x1, y1))
    return True


def _along_walls(
    generator: np.random.Generator, extent: Vector, taken: list
) -> list[Box]:
    """Four to nine pieces along the walls."""
    boxes = []
    for _ in range(generator.integers(4, 10)):
        kind = generator.integers(len(furniture.WALL_FURNITURE))
        parts = furniture.WALL_FURNITURE[kind](generator)
        for _ in range(_TRIES):
            yaw, length, end = _wall_frame(generator.integers(4), extent)
            direction = np.array([math.cos(yaw), math.sin(yaw)])
            at = end + direction * generator.uniform(0, length)
            piece = _place(parts, yaw, at)
            if _claim(piece, extent, taken):
                boxes += piece
                break
    return boxes


def _free_standing(
    generator: np.random.Generator, extent: Vector, taken: list
) -> list[Box]:
    """One to five pieces anywhere on the floor, and sometimes a rug."""
    boxes = []
    for _ in range(generator.integers(1, 6)):
        kind = generator.integers(len(furniture.FREE_FURNITURE))
        parts = furniture.FREE_FURNITURE[kind](generator)
        for _ in range(_TRIES):
            at = generator.uniform(0.1, 0.9, 2) * extent[:2]
            piece = _place(parts, generator.uniform(-math.pi, math.pi), at)
            if _claim(piece, extent, taken):
                boxes += piece
                break
    if generator.random() < 0.5:
        at = generator.uniform(0.4, 0.6, 2) * extent[:2]
        parts = [furniture.rug(generator)]
        boxes += _place(parts, generator.uniform(-0.3, 0.3), at, casts_shadow=False)
    return boxes


def _wall_hangings(generator: np.random.Generator, extent: Vector) -> list[Box]:
    """Pictures, windows and doors, side by side on the walls."""
    boxes = []
    for wall in range(4):
        yaw, length, end = _wall_frame(wall, extent)
        direction = np.array([math.cos(yaw), math.sin(yaw)])
        slots = int(length // 1.3)
        for slot in range(slots):
            if generator.random() < 0.45:
                at = end + direction * (slot + 0.5) * length / slots
                part = furniture.wall_hanging(generator)
                boxes += _place([part], yaw, at, casts_shadow=False)
    return boxes
