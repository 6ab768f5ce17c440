"""Blocks of a report before any markup: headings, text, tables and pictures.

Text may contain `code` in back-quotes and no other markup.
"""

import dataclasses
import pathlib

NOT_RUN = "not run"
LONG_TEXT = 40
"""Number of characters above which a text in a table is wrapped."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """An encoded picture.

    Attributes:
        file: File name, unique in the report; the suffix gives the format: `.jpg`,
            `.png` or `.svg`.
        data: Encoded bytes.
        text: Alternative text.
    """

    file: str
    data: bytes
    text: str

    @property
    def suffix(self) -> str:
        """The suffix with its dot."""
        return pathlib.PurePath(self.file).suffix


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: Text, below the picture if there is one; the part after a line break is
            shown smaller.
        tone: `better`, `worse`, `missing`, `strong` or empty.
        picture: Picture, or None.
    """

    text: str = ""
    tone: str = ""
    picture: Picture | None = None


@dataclasses.dataclass(frozen=True)
class Heading:
    """The heading of a section; level 1 is the report's title."""

    text: str
    level: int = 2


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A paragraph of text."""

    text: str


@dataclasses.dataclass(frozen=True)
class Banner:
    """A notice at the top of the report."""

    text: str
    items: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Items:
    """A list of sentences."""

    texts: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        header: Titles of the columns.
        rows: Cells of each row, one per column; a row with an empty first cell
            continues the row above.
        kind: `numbers`, `settings` or `pictures`.
        note: Text below the table.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    kind: str = "numbers"
    note: str = ""

    def is_text(self, column: int) -> bool:
        """Returns whether a column holds text of several lines."""
        return any(len(row[column].text) > LONG_TEXT for row in self.rows)


@dataclasses.dataclass(frozen=True)
class Figures:
    """Pictures side by side."""

    pictures: tuple[Picture, ...]


@dataclasses.dataclass(frozen=True)
class Links:
    """Links to pages beside the report, each a text and an address."""

    pages: tuple[tuple[str, str], ...]


Block = Heading | Paragraph | Banner | Items | Table | Figures | Links


def pictures_of(blocks: tuple[Block, ...]) -> tuple[Picture, ...]:
    """Returns all pictures of a report, in order."""
    found = []
    for block in blocks:
        if isinstance(block, Figures):
            found += block.pictures
        elif isinstance(block, Table):
            cells = (cell for row in block.rows for cell in row)
            found += [cell.picture for cell in cells if cell.picture]
    return tuple(found)
