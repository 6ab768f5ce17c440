"""A report as one Markdown page with its pictures beside it."""

from collections.abc import Sequence

from dpde_tf.report.blocks import (
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


def to_markdown(blocks: Sequence[Block]) -> str:
    """Returns the page, which expects its pictures in the folder `IMAGE_FOLDER`.

    Args:
        blocks: The report.

    Returns:
        GitHub-flavoured Markdown.
    """
    return "\n\n".join(_block(block) for block in blocks) + "\n"


def _block(block: Block) -> str:
    """Markdown of one block."""
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Banner(text, items):
            return "\n".join([f"> **{text}**", ">", *(f"> - {item}" for item in items)])
        case Paragraph(text):
            return text
        case Items(texts):
            return "\n".join(f"- {text}" for text in texts)
        case Figures(pictures):
            return "\n".join(map(_picture, pictures))
        case Links(pages):
            return "\n".join(f"- [{text}](<{address}>)" for text, address in pages)
        case Table():
            return _table(block)


def _picture(picture: Picture) -> str:
    """A reference to the picture's file."""
    return f"![{picture.text}]({IMAGE_FOLDER}/{picture.file})"


def _cell(cell: Cell) -> str:
    """The picture and the text of a cell, on one line."""
    text = cell.text.replace("|", "\\|").replace("\n", "<br>")
    text = f"**{text}**" if cell.tone == "strong" and text else text
    parts = ([_picture(cell.picture)] if cell.picture else []) + [text]
    return "<br>".join(part for part in parts if part)


def _table(table: Table) -> str:
    """A table with its note; the first column to the left, numbers to the right."""
    numbers = [
        table.kind == "numbers" and index > 0 and not table.is_text(index)
        for index in range(len(table.header))
    ]
    rule = ["---:" if is_number else "---" for is_number in numbers]
    rows = [table.header, rule, *([_cell(cell) for cell in row] for row in table.rows)]
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{text}\n\n{table.note}" if table.note else text
