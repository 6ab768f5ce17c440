"""Procedural textures of the synthetic scenes: a pattern over a face, in metres.

A pattern maps coordinates on the face to the share of the accent colour and a factor of
brightness. It has a period in metres, so that its size in the image depends on the
distance. Lines narrower than a pixel are averaged over the pixel.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

_CELLS, _FRACTAL = 64, 256  # sides of the tables of noise, powers of two

Colour = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Material:
    """The appearance of a face.

    Attributes:
        pattern: Key of `PATTERNS`.
        colour: Linear albedo of the background, RGB in [0, 1]; above 1 for a lamp.
        accent: Linear albedo of lines, joints and frames.
        scale: Width of one plank, tile, stripe or book, metres.
    """

    pattern: str
    colour: Colour
    accent: Colour
    scale: float = 0.1


@dataclasses.dataclass(frozen=True)
class Noise:
    """Random numbers of the patterns.

    Attributes:
        cells: Uniform in [0, 1), float32 `[64, 64]`.
        fractal: Tileable 1/f noise, about [-1, 1], float32 `[256, 256]`.
    """

    cells: np.ndarray
    fractal: np.ndarray


@dataclasses.dataclass(frozen=True)
class Face:
    """The visible pixels of one face of a box.

    Attributes:
        u: Metres along the face from its centre, float32 `[N]`.
        v: Metres across the face from its centre, float32 `[N]`; up on walls.
        footprint: Metres of the face that one sample covers, float32 `[N]`.
        half_u: Half the extent of the face along `u`, metres.
        half_v: Half the extent of the face along `v`, metres.
    """

    u: np.ndarray
    v: np.ndarray
    footprint: np.ndarray
    half_u: float
    half_v: float


Pattern = tuple[np.ndarray | float, np.ndarray | float]  # share, brightness


def make_noise(generator: np.random.Generator) -> Noise:
    """Returns the tables of random numbers of one scene.

    Args:
        generator: Random number generator.

    Returns:
        The tables; the noise is made in the frequency domain, so that it is periodic.
    """
    cells = generator.random((_CELLS, _CELLS), dtype=np.float32)
    white = np.fft.rfft2(generator.standard_normal((_FRACTAL, _FRACTAL)))
    rows, columns = np.fft.fftfreq(_FRACTAL), np.fft.rfftfreq(_FRACTAL)
    frequency = np.hypot(rows[:, None], columns[None, :])
    frequency[0, 0] = np.inf  # no constant part
    fractal = np.fft.irfft2(white / frequency, s=(_FRACTAL, _FRACTAL))
    fractal /= 2.5 * fractal.std()
    return Noise(cells=cells, fractal=fractal.astype(np.float32))


def albedo(material: Material, face: Face, noise: Noise) -> np.ndarray:
    """Returns the linear colour of a face at its visible pixels.

    Args:
        material: Material of the face.
        face: Its visible pixels.
        noise: Random numbers of the scene.

    Returns:
        Linear RGB, float32 `[3, N]`.
    """
    share, brightness = PATTERNS[material.pattern](face, material.scale, noise)
    colour = np.asarray(material.colour, np.float32)[:, None]
    accent = np.asarray(material.accent, np.float32)[:, None]
    return (colour + (accent - colour) * share) * brightness


def _cell(noise: Noise, i: np.ndarray, j: np.ndarray | int) -> np.ndarray:
    """Random number of the integer cell (i, j)."""
    mask = _CELLS - 1
    return noise.cells[i.astype(np.int32) & mask, np.int32(j) & mask]


def _grain(noise: Noise, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Fractal noise at (x, y), with a period of 1."""
    mask = _FRACTAL - 1
    i = (x * _FRACTAL).astype(np.int32) & mask
    return noise.fractal[i, (y * _FRACTAL).astype(np.int32) & mask]


def _lines(x: np.ndarray, width: float, footprint: np.ndarray) -> np.ndarray:
    """Coverage by lines of a width at whole x, averaged over a pixel, in [0, 1]."""
    half = 0.5 * np.maximum(footprint, 1e-4)

    def integral(at: np.ndarray) -> np.ndarray:
        whole = np.floor(at)
        return whole * width + np.minimum(at - whole, width)

    return (integral(x + half) - integral(x - half)) / (2 * half)


def _fade(footprint: np.ndarray, period: float) -> np.ndarray:
    """1 where the pixels resolve the period, and less where they do not."""
    return np.clip(1.5 - 1.5 * footprint / period, 0.0, 1.0)


def _plain(face: Face, scale: float, noise: Noise) -> Pattern:
    """Plaster or paint: faint blotches with a period of `scale` metres."""
    return 0.0, 1 + 0.06 * _grain(noise, face.u / scale, face.v / scale)


def _wood(face: Face, scale: float, noise: Noise) -> Pattern:
    """Grain along u."""
    grain = _grain(noise, face.u / (8 * scale), face.v / scale)
    return np.clip(0.35 + 0.5 * grain, 0, 1), 1.0


def _planks(face: Face, scale: float, noise: Noise) -> Pattern:
    """Floor boards `scale` wide and nine times as long, staggered."""
    across = face.v / scale
    row = np.floor(across)
    along = face.u / (9 * scale) + 7 * _cell(noise, row, 0)
    board = _cell(noise, row, np.floor(along))
    grain = _grain(noise, along + board, across / 5 + board)
    footprint = face.footprint / scale
    joints = _lines(across, 0.05, footprint) + _lines(along, 0.006, footprint / 9)
    tone = (board - 0.5) * _fade(face.footprint, 2 * scale)
    return np.minimum(joints, 1), 1 + 0.55 * tone + 0.22 * grain


def _tiles(
    face: Face, scale: float, noise: Noise, height: float = 1.0, contrast: float = 0.2
) -> Pattern:
    """Square tiles, or bricks of a height per width, with joints in the accent."""
    v = face.v / (height * scale)
    row = np.floor(v)
    u = face.u / scale + 0.5 * (row % 2) * (height < 1)
    footprint = face.footprint / scale
    joints = _lines(u, 0.05, footprint) + _lines(v, 0.05 / height, footprint / height)
    tone = (_cell(noise, row, np.floor(u)) - 0.5) * _fade(face.footprint, 2 * scale)
    grain = _grain(noise, face.u / scale / 3, face.v / scale / 3)
    return np.minimum(joints, 1), 1 + contrast * (tone + 0.5 * grain)


def _bricks(face: Face, scale: float, noise: Noise) -> Pattern:
    """Staggered bricks, twice as long as a tile and about a third as high."""
    return _tiles(face, 2 * scale, noise, height=0.35, contrast=0.45)


def _checks(face: Face, scale: float, noise: Noise) -> Pattern:
    """Two-coloured squares: a chequered floor or cloth."""
    footprint = face.footprint / (2 * scale)
    u = _lines(face.u / (2 * scale), 0.5, footprint)
    v = _lines(face.v / (2 * scale), 0.5, footprint)
    grain = _grain(noise, face.u / scale / 5, face.v / scale / 5)
    return u + v - 2 * u * v, 1 + 0.1 * grain


def _stripes(face: Face, scale: float, noise: Noise) -> Pattern:
    """Upright stripes of wallpaper, every other one in the accent colour."""
    share = _lines(face.u / (2 * scale), 0.5, face.footprint / (2 * scale))
    return share, 1 + 0.05 * _grain(noise, face.u / scale / 4, face.v / scale / 4)


def _books(face: Face, scale: float, noise: Noise) -> Pattern:
    """Spines of books in different colours, with a title band."""
    u = face.u / scale + 40
    book = np.floor(u)
    colour = np.stack([_cell(noise, book, channel) for channel in range(3)])
    colour = 0.6 * colour + 0.25 * colour.mean(0) + 0.1
    gap = _lines(u, 0.12, face.footprint / scale)
    band = np.abs(face.v / face.half_v - 1.2 * _cell(noise, book, 3)) < 0.15
    return 0.6 * band * _fade(face.footprint, scale), colour * (1 - 0.8 * gap)


def _panels(face: Face, scale: float, noise: Noise) -> Pattern:
    """Doors of a cupboard, about `scale` wide: dark gaps, an inset and a handle."""
    count = max(1, round(2 * face.half_u / scale))
    u = (face.u / (2 * face.half_u) + 0.5) * count
    width = 2 * face.half_u / count
    x = np.abs(u - np.floor(u) - 0.5) * width
    edge = np.minimum(width / 2 - x, face.half_v - np.abs(face.v))
    groove = (edge < 0.01) | (np.abs(edge - 0.07) < 0.006)
    handle = (np.abs(width / 2 - x - 0.045) < 0.012) & (np.abs(face.v) < 0.06)
    grain = _grain(noise, face.u / 0.5, face.v / 4)
    return 0.8 * (groove | handle), 1 + 0.08 * grain


def _picture(face: Face, scale: float, noise: Noise) -> Pattern:
    """A framed print: frame in the accent colour, white mat, blots of colour."""
    edge = np.minimum(face.half_u - np.abs(face.u), face.half_v - np.abs(face.v))
    x, y = face.u / 2 + scale, face.v / 2
    blots = np.stack([_grain(noise, x + s, y - s) for s in (0.0, 0.3, 0.6)])
    print_ = np.clip(0.7 + 0.35 * blots + 0.4 * blots.mean(0), 0.05, 1.4)
    return (edge < 0.03) * 1.0, np.where(edge < 0.08, 1.2, print_)


def _window(face: Face, scale: float, noise: Noise) -> Pattern:
    """Bright sky over dim ground behind glazing bars in the accent colour."""
    u, v = np.abs(face.u), face.v
    edge = np.minimum(face.half_u - u, face.half_v - np.abs(v))
    bars = (edge < 0.05) | (u < 0.02) | (np.abs(v - 0.25 * face.half_v) < 0.02)
    outside = 1.5 + 0.4 * v / face.half_v
    trees = v / face.half_v + 0.6 < 1.5 * _grain(noise, face.u / 3, v / 3 + scale)
    return bars * 1.0, np.where(bars, 1.0, np.where(trees, 0.5, outside))


def _rug(face: Face, scale: float, noise: Noise) -> Pattern:
    """A band around a field of diamonds."""
    edge = np.minimum(face.half_u - np.abs(face.u), face.half_v - np.abs(face.v))
    border = (edge > 0.06) & (edge < 0.14)
    x, y, footprint = face.u / scale, face.v / scale, face.footprint / scale
    diamonds = _lines(x + y, 0.3, footprint) * _lines(x - y, 0.3, footprint)
    grain = _grain(noise, face.u, face.v)
    return np.where(border, 1.0, diamonds * (edge > 0.2)), 1 + 0.25 * grain


_FUNCTIONS = (_plain, _wood, _planks, _tiles, _bricks, _checks, _stripes, _books)
_FUNCTIONS += (_panels, _picture, _window, _rug)
PATTERNS: dict[str, Callable[[Face, float, Noise], Pattern]] = {
    function.__name__[1:]: function for function in _FUNCTIONS
}
