"""Rows of pictures with titles and colour bars on white."""

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GAP = 4  # pixels
TITLE_HEIGHT = 20
_BAR_WIDTH = 12
_WHITE, _BLACK = 255, (0, 0, 0)


@dataclasses.dataclass(frozen=True)
class ColorBar:
    """A colour bar with labels in metres.

    Attributes:
        colors: RGB from top to bottom, uint8 `[N, 3]`.
        top: Depth at the top, metres.
        bottom: Depth at the bottom, metres.
        digits: Number of decimals of the labels.
        label_width: Width of the labels beside the colours, pixels.
    """

    colors: np.ndarray
    top: float
    bottom: float
    digits: int = 2
    label_width: int = 58

    def draw(self, height: int) -> np.ndarray:
        """Returns the picture of the bar.

        Args:
            height: Height of the picture, pixels.

        Returns:
            RGB, uint8 `[height, W, 3]`.
        """
        picture = _white((height, _BAR_WIDTH + self.label_width))
        rows = np.linspace(0, len(self.colors) - 1, height).round().astype(int)
        picture[:, :_BAR_WIDTH] = self.colors[rows, np.newaxis]
        for share in np.linspace(0, 1, max(2, min(6, height // 40))):
            depth = self.top + share * (self.bottom - self.top)
            label = f"{depth:.{self.digits}f} m"
            corner = (_BAR_WIDTH + 3, round(10 + share * (height - 12)))
            cv2.putText(picture, label, corner, _FONT, 0.4, _BLACK, 1, cv2.LINE_AA)
        return picture


@dataclasses.dataclass(frozen=True)
class Row:
    """Pictures side by side.

    Attributes:
        pictures: RGB, uint8 `[H, W, 3]`, all of one size; None leaves the place white.
        titles: One text per picture, ASCII, possibly empty.
        bar: Colour bar on the right, or None.
    """

    pictures: Sequence[np.ndarray | None]
    titles: Sequence[str]
    bar: ColorBar | None = None


def stack_rows(rows: Sequence[Row], *, note: str = "") -> np.ndarray:
    """Returns one picture with the rows below each other.

    Args:
        rows: At least one, each with at least one picture.
        note: Text below the last row, ASCII; possibly empty.

    Returns:
        RGB, uint8; narrower rows are padded with white.
    """
    strips = [_draw(row) for row in rows]
    width = max(strip.shape[1] for strip in strips)
    padded = [
        np.pad(s, ((0, _GAP), (0, width - s.shape[1]), (0, 0)), constant_values=_WHITE)
        for s in strips
    ]
    if note:
        padded.append(title_strip(note, width))
    return np.concatenate(padded)


def text_lines(lines: Sequence[str], size: tuple[int, int]) -> np.ndarray:
    """Returns a white picture with centred lines of text.

    Args:
        lines: ASCII.
        size: (height, width).

    Returns:
        RGB, uint8 `[height, width, 3]`.
    """
    picture = _white(size)
    height = min(TITLE_HEIGHT, size[0] // max(len(lines), 1))
    top = (size[0] - height * len(lines)) // 2
    for index, line in enumerate(lines):
        strip = picture[top + index * height : top + (index + 1) * height]
        strip[:] = _centered(strip.copy(), line)
    return picture


def title_strip(text: str, width: int) -> np.ndarray:
    """Returns a white strip with a centred title.

    Args:
        text: ASCII; it is drawn smaller if it does not fit.
        width: Width of the strip, pixels.

    Returns:
        RGB, uint8 `[TITLE_HEIGHT, width, 3]`.
    """
    return _centered(_white((TITLE_HEIGHT, width)), text)


def _white(size: tuple[int, int]) -> np.ndarray:
    """A white picture of (height, width)."""
    return np.full((*size, 3), _WHITE, np.uint8)


def _draw(row: Row) -> np.ndarray:
    """Draws a row with its titles and its bar."""
    height, width = next(p.shape[:2] for p in row.pictures if p is not None)
    parts = []
    for picture, title in zip(row.pictures, row.titles, strict=True):
        if picture is None:
            picture = _white((height, width))
        gap = _white((TITLE_HEIGHT + height, _GAP))
        parts += [np.concatenate([title_strip(title, width), picture]), gap]
    if row.bar:
        bar = row.bar.draw(height)
        parts.append(np.concatenate([_white((TITLE_HEIGHT, bar.shape[1])), bar]))
    return np.concatenate(parts, axis=1)


def _centered(picture: np.ndarray, text: str) -> np.ndarray:
    """Draws a centred text into a picture, smaller if it would not fit."""
    height, width = picture.shape[:2]
    (text_width, _), _ = cv2.getTextSize(text, _FONT, 1.0, 1)
    scale = min(0.5, (width - 4) / max(text_width, 1))
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    corner = ((width - text_width) // 2, (height + text_height) // 2)
    return cv2.putText(picture, text, corner, _FONT, scale, _BLACK, 1, cv2.LINE_AA)
