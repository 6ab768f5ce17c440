"""Furniture of the synthetic rooms, built from cuboids of random size.

Each builder returns the parts of one piece in its own frame, in metres: x along the
wall from the centre of the piece, y away from the wall, and z up from the floor.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from data_prep.synthetic.textures import Colour, Material

WHITE = (0.8, 0.79, 0.76)
DARK = (0.06, 0.05, 0.05)
_WOODS = ((0.42, 0.25, 0.12), (0.28, 0.15, 0.07), (0.62, 0.45, 0.26), (0.2, 0.11, 0.06))

# One cuboid: (x0, x1), (y0, y1), (z0, z1) and its material.
Part = tuple[tuple[float, float], tuple[float, float], tuple[float, float], Material]


def random_colour(generator: np.random.Generator, low: float, high: float) -> Colour:
    """Returns a random colour of a given brightness.

    Args:
        generator: Random number generator.
        low: Smallest mean albedo.
        high: Largest mean albedo.

    Returns:
        Linear RGB.
    """
    grey = generator.uniform(low, high)
    warmth, green = generator.normal(0.05, 0.15), generator.normal(0, 0.07)
    tint = np.array([warmth - green, green, -warmth - green])
    return tuple(float(c) for c in np.clip(grey * (1 + tint), 0.02, 0.9))


def random_wood(generator: np.random.Generator) -> Material:
    """Returns a random kind of wood with its grain along the width.

    Args:
        generator: Random number generator.

    Returns:
        The material.
    """
    wood = np.array(_WOODS[generator.integers(len(_WOODS))])
    tone = generator.uniform(0.8, 1.2)
    return Material("wood", tuple(tone * wood), tuple(0.6 * tone * wood), 0.12)


def _paint(generator: np.random.Generator) -> Material:
    return Material("plain", random_colour(generator, 0.08, 0.7), DARK, 1.0)


def _cupboard(generator: np.random.Generator) -> list[Part]:
    w, d = generator.uniform(0.4, 0.9), generator.uniform(0.35, 0.6)
    h = generator.choice([0.75, 0.9, 1.3, 1.9, 2.1]) * generator.uniform(0.95, 1.05)
    body = random_wood(generator) if generator.random() < 0.6 else _paint(generator)
    front = dataclasses.replace(body, pattern="panels", accent=DARK, scale=0.5)
    parts = [
        ((-w, w), (0, d), (0.06, h), front),
        ((-w, w), (0, d - 0.04), (0, 0.06), body),
    ]
    parts.append(((-w - 0.02, w + 0.02), (0, d + 0.02), (h, h + 0.03), body))
    return parts + (_things(generator, w, d, h + 0.03) if h < 1.4 else [])


def _things(generator: np.random.Generator, w: float, d: float, z: float) -> list[Part]:
    """A few small objects on a surface at height z."""
    parts = []
    for x in np.arange(-w + 0.15, w - 0.1, 0.32):
        if generator.random() < 0.55:
            half, height = generator.uniform(0.05, 0.12), generator.uniform(0.06, 0.35)
            y = d * generator.uniform(0.4, 0.6)
            span = (y - 0.6 * half, y + 0.6 * half)
            things = ("plain", "checks", "stripes", "books")
            pattern = things[generator.integers(len(things))]
            material = Material(
                pattern, random_colour(generator, 0.1, 0.7), WHITE, 0.04
            )
            parts.append(((x - half, x + half), span, (z, z + height), material))
    return parts


def _shelf(generator: np.random.Generator) -> list[Part]:
    w, d = generator.uniform(0.35, 0.7), generator.uniform(0.25, 0.35)
    levels = int(generator.integers(2, 6))
    wood = random_wood(generator) if generator.random() < 0.7 else _paint(generator)
    h, t = 0.36 * levels, 0.02
    parts = [((s * w - t, s * w + t), (0, d), (0, h + t), wood) for s in (-1, 1)]
    parts.append(((-w, w), (0, t), (0, h), wood))
    for level in range(levels + 1):
        z = 0.36 * level
        parts.append(((-w, w), (0, d), (z, z + t), wood))
        if level < levels and generator.random() < 0.85:
            left, right = np.sort(generator.uniform(-w + t, w - t, 2))
            books = Material("books", random_colour(generator, 0.4, 0.8), WHITE, 0.04)
            top = z + generator.uniform(0.2, 0.3)
            parts.append(
                ((left, max(right, left + 0.1)), (t, d - 0.05), (z + t, top), books)
            )
    return parts


def _legs(w: float, y0: float, y1: float, h: float, wood: Material) -> list[Part]:
    t = 0.05
    return [
        (x, y, (0, h), wood)
        for x in ((-w, -w + t), (w - t, w))
        for y in ((y0, y0 + t), (y1 - t, y1))
    ]


def _table(generator: np.random.Generator) -> list[Part]:
    w, d = generator.uniform(0.45, 0.95), generator.uniform(0.6, 1.0)
    h = generator.choice([0.42, 0.72, 0.76])
    wood = random_wood(generator) if generator.random() < 0.7 else _paint(generator)
    top = ((-w, w), (0, d), (h, h + 0.04), wood)
    things = _things(generator, w, d, h + 0.04)
    return [top, *_legs(w - 0.04, 0.04, d - 0.04, h, wood), *things]


def _chair(generator: np.random.Generator) -> list[Part]:
    w, h = generator.uniform(0.2, 0.26), generator.uniform(0.42, 0.48)
    wood, cloth = random_wood(generator), _paint(generator)
    back = ((-w, w), (0, 0.05), (h + 0.12, h + generator.uniform(0.35, 0.5)), wood)
    posts = [
        (x, (0, 0.05), (h, h + 0.3), wood) for x in ((-w, -w + 0.05), (w - 0.05, w))
    ]
    seat = ((-w, w), (0, 0.45), (h, h + 0.05), cloth)
    return [seat, back, *posts, *_legs(w, 0, 0.45, h, wood)]


def _sofa(generator: np.random.Generator) -> list[Part]:
    w, arm = generator.uniform(0.5, 1.1), generator.uniform(0.14, 0.22)
    pattern = generator.choice(["plain", "checks", "stripes"], p=[0.6, 0.2, 0.2])
    colour = random_colour(generator, 0.08, 0.5)
    cloth = Material(str(pattern), colour, random_colour(generator, 0.1, 0.6), 0.09)
    cushion = Material("checks", random_colour(generator, 0.2, 0.7), colour, 0.05)
    parts = [
        ((-w, w), (0, 0.85), (0.08, 0.42), cloth),
        ((-w, w), (0, 0.22), (0.42, 0.85), cloth),
        ((-w - arm, -w), (0, 0.85), (0.04, 0.6), cloth),
        ((w, w + arm), (0, 0.85), (0.04, 0.6), cloth),
    ]
    for x in (-w + 0.24, w - 0.24):
        parts.append(((x - 0.2, x + 0.2), (0.22, 0.34), (0.42, 0.78), cushion))
    return parts


def _bed(generator: np.random.Generator) -> list[Part]:
    w, wood = generator.uniform(0.45, 0.9), random_wood(generator)
    pattern = str(generator.choice(["plain", "checks", "stripes"]))
    spread = Material(
        pattern, random_colour(generator, 0.2, 0.7), random_colour(generator, 0.2, 0.7)
    )
    parts = [
        ((-w, w), (0.05, 2.0), (0.1, 0.3), wood),
        ((-w - 0.03, w + 0.03), (0, 0.05), (0, generator.uniform(0.8, 1.2)), wood),
        ((-w - 0.01, w + 0.01), (0.06, 2.02), (0.3, 0.52), spread),
    ]
    pillow = Material("plain", WHITE, DARK)
    for x in (-w / 2, w / 2):
        parts.append(
            ((x - 0.8 * w / 2, x + 0.8 * w / 2), (0.1, 0.45), (0.52, 0.62), pillow)
        )
    return parts


def _crates(generator: np.random.Generator) -> list[Part]:
    parts, z = [], 0.0
    half = generator.uniform(0.18, 0.32)
    for _ in range(generator.integers(1, 4)):
        h = generator.uniform(0.2, 0.4)
        cardboard = Material("wood", (0.45, 0.3, 0.17), (0.38, 0.25, 0.14), 0.3)
        box = cardboard if generator.random() < 0.6 else _paint(generator)
        parts.append(((-half, half), (0, 1.6 * half), (z, z + h), box))
        z, half = z + h, half * generator.uniform(0.7, 1.0)
    return parts


def rug(generator: np.random.Generator) -> Part:
    """Returns a rug on the floor, centred at the origin.

    Args:
        generator: Random number generator.

    Returns:
        Its only part, a thin cuboid.
    """
    w, d = generator.uniform(0.6, 1.2), generator.uniform(0.9, 1.6)
    colour = random_colour(generator, 0.1, 0.5)
    accent = random_colour(generator, 0.3, 0.8)
    return (-w, w), (-d, d), (0, 0.012), Material("rug", colour, accent, 0.25)


def wall_hanging(generator: np.random.Generator) -> Part:
    """Returns a picture, a window or a door on the wall.

    Args:
        generator: Random number generator.

    Returns:
        Its only part, a thin, textured cuboid.
    """
    kind = generator.random()
    if kind < 0.2:
        door = Material("panels", random_colour(generator, 0.3, 0.75), DARK, 1.0)
        return (-0.45, 0.45), (0, 0.04), (0, 2.05), door
    if kind < 0.5:
        window = Material("window", (0.75, 0.85, 1.0), WHITE, generator.uniform(0, 9))
        w = generator.uniform(0.4, 0.6)
        return (-w, w), (0, 0.03), (generator.uniform(0.8, 1.0), 2.1), window
    w, h = generator.uniform(0.15, 0.5), generator.uniform(0.15, 0.4)
    z = generator.uniform(1.4, 1.7)
    frame = (random_wood(generator).colour, DARK, WHITE)[generator.integers(3)]
    colour = random_colour(generator, 0.4, 0.7)
    picture = Material("picture", colour, frame, generator.uniform(0, 9))
    return (-w, w), (0, 0.03), (z - h, z + h), picture


WALL_FURNITURE: tuple[Callable[[np.random.Generator], list[Part]], ...] = (
    _cupboard,
    _cupboard,
    _shelf,
    _shelf,
    _sofa,
    _bed,
    _table,
)
FREE_FURNITURE: tuple[Callable[[np.random.Generator], list[Part]], ...] = (
    _table,
    _table,
    _chair,
    _chair,
    _crates,
    _sofa,
)
