"""What a report is made of: headings, text, tables and pictures, before any markup.

Text may hold `code` in back-quotes; nothing else in it is markup.
"""

import dataclasses
import pathlib

NOT_RUN = "not run"
LONG_TEXT = 40
"""Characters, from which a text in a table needs more than one line."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """An encoded picture.

    Attributes:
        file: Name for it, unique in the report; its suffix says its format: `.jpg`,
            `.png` or `.svg`.
        data: The encoded bytes.
        text: What it shows, for readers who do not see it.
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
        text: Its text, below the picture if there is one; what follows a line break
            is of less weight.
        tone: `better`, `worse`, `missing`, `strong` or empty.
        picture: A picture, or None.
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
    """What a reader has to know before anything else."""

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
        rows: Cells of each row, as many as columns; a row with an empty first cell
            goes on with the row before.
        kind: `numbers`, `settings` or `pictures`.
        note: Text below it.
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
    """Pages beside the report, each a text and an address."""

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
