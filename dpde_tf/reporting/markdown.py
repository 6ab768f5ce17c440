"""Writes a report as one Markdown page with its pictures beside it."""

import os
import re
import urllib.parse
from collections.abc import Sequence

from dpde_tf.reporting.blocks import (
    Banner,
    Block,
    Cell,
    Figures,
    Heading,
    Items,
    Links,
    Paragraph,
    Picture,
    Table,
)

IMAGE_FOLDER = "images"
_CODE = re.compile(r"(`[^`]+`)")
_MARKUP = re.compile(r"([\\`*\[\]<>])")


def to_markdown(blocks: Sequence[Block]) -> str:
    """Returns a Markdown page that refers to pictures in `IMAGE_FOLDER`.

    Args:
        blocks: Blocks of the report.

    Returns:
        GitHub-flavoured Markdown.
    """
    return "\n\n".join(_block(block) for block in blocks) + "\n"


def _block(block: Block) -> str:
    """Markdown of one block."""
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_text(text)}"
        case Banner(text, items):
            lines = (f"> - {_text(item)}" for item in items)
            return "\n".join([f"> **{_text(text)}**", ">", *lines])
        case Paragraph(text):
            return _text(text)
        case Items(texts):
            return "\n".join(f"- {_text(text)}" for text in texts)
        case Figures(pictures):
            return "\n".join(map(_picture, pictures))
        case Links(pages):
            links = (f"- [{_literal(text)}]({address})" for text, address in pages)
            return "\n".join(links)
        case Table():
            return _table(block)


def _picture(picture: Picture) -> str:
    """A reference to the picture's file."""
    address = urllib.parse.quote(os.fsencode(picture.file))
    return f"![{_literal(picture.text)}]({IMAGE_FOLDER}/{address})"


def _literal(text: str) -> str:
    """Escapes all markup and joins the lines."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _text(text: str) -> str:
    """Escapes all markup except `code`."""
    parts = _CODE.split(text)  # Every other part is code.
    return "".join(
        part if index % 2 else _MARKUP.sub(r"\\\1", part)
        for index, part in enumerate(parts)
    )


def _cell(cell: Cell) -> str:
    """Picture and text of a cell on one line."""
    text = _text(cell.text).replace("\n", "<br>")
    text = f"**{text}**" if cell.tone == "strong" and text else text
    parts = ([_picture(cell.picture)] if cell.picture else []) + [text]
    return "<br>".join(part for part in parts if part).replace("|", "\\|")


def _table(table: Table) -> str:
    """A table with its note; numbers are aligned to the right."""
    numbers = [
        table.kind == "numbers" and index > 0 and not table.is_text(index)
        for index in range(len(table.header))
    ]
    rule = ["---:" if is_number else "---" for is_number in numbers]
    header = [Cell(title) for title in table.header]
    header, *rows = ([_cell(cell) for cell in row] for row in (header, *table.rows))
    rows = [header, rule, *rows]
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{text}\n\n{_text(table.note)}" if table.note else text
