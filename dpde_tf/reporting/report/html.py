"""Writes a report as one HTML page with embedded styles, pictures and curves."""

import base64
import html
import re
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
from dpde_tf.reporting.report.style import STYLE

_MEDIA_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}
_CODE = re.compile(r"`([^`]+)`")


def to_html(blocks: Sequence[Block]) -> str:
    """Returns the HTML page of a report.

    Args:
        blocks: Blocks of the report; the first heading of level 1 is the title.

    Returns:
        A self-contained HTML document; 3D pages are linked.
    """
    headings = [block for block in blocks if isinstance(block, Heading)]
    title = next((block.text for block in headings if block.level == 1), "Report")
    links = "".join(
        f'<a href="#{_anchor(block.text)}">{_text(block.text)}</a>'
        for block in headings
        if block.level == 2
    )
    body = [_block(block) for block in blocks]
    first = next((i for i, b in enumerate(blocks) if b in headings and b.level == 2), 0)
    body.insert(first, f"<nav>{links}</nav>")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{chr(10).join(body)}\n</main>\n</body>\n</html>\n"
    )


def _anchor(text: str) -> str:
    """The identifier of a heading."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _text(text: str) -> str:
    """Escapes text and marks back-quoted parts as code."""
    return _CODE.sub(r"<code>\1</code>", html.escape(text))


def _block(block: Block) -> str:
    """HTML of one block."""
    match block:
        case Heading(text, level):
            return f'<h{level} id="{_anchor(text)}">{_text(text)}</h{level}>'
        case Banner(text, items):
            return f'<div class="banner"><p>{_text(text)}</p>{_items(items)}</div>'
        case Paragraph(text):
            return f"<p>{_text(text)}</p>"
        case Items(texts):
            return _items(texts)
        case Figures(pictures):
            figures = "".join(f"<figure>{_picture(p)}</figure>" for p in pictures)
            return f'<div class="figures">{figures}</div>'
        case Links(pages):
            links = (
                f'<a href="{html.escape(address)}">{_text(text)}</a>'
                for text, address in pages
            )
            return f"<p>{' &middot; '.join(links)}</p>"
        case Table():
            return _table(block)


def _items(texts: Sequence[str]) -> str:
    """A list, or nothing for no items."""
    items = "".join(f"<li>{_text(text)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""


def _picture(picture: Picture) -> str:
    """An embedded picture: SVG markup or encoded pixels."""
    if picture.suffix == ".svg":
        return picture.data.decode()
    data = base64.b64encode(picture.data).decode()
    source = f"data:{_MEDIA_TYPES[picture.suffix]};base64,{data}"
    return f'<img src="{source}" alt="{html.escape(picture.text)}">'


def _cell(cell: Cell, is_text: bool) -> str:
    """One cell of a table."""
    style = _class(cell.tone, is_text)
    first, _, rest = cell.text.partition("\n")
    content = _text(first)
    if cell.picture:
        content, rest = _picture(cell.picture), cell.text
    if rest:
        content += f'<span class="caption">{_text(rest)}</span>'
    return f"<td{style}>{content}</td>"


def _class(tone: str, is_text: bool) -> str:
    """The class attribute of a cell, possibly empty."""
    names = " ".join(filter(None, (tone, "text" if is_text else "")))
    return f' class="{names}"' if names else ""


def _table(table: Table) -> str:
    """A table that scrolls horizontally in narrow windows."""
    texts = [table.is_text(index) for index in range(len(table.header))]
    header = "".join(
        f'<th scope="col"{_class("", is_text)}>{_text(title)}</th>'
        for title, is_text in zip(table.header, texts, strict=True)
    )
    rows = "\n".join(
        ('<tr class="first">' if row[0].text else "<tr>")
        + "".join(map(_cell, row, texts))
        + "</tr>"
        for row in table.rows
    )
    note = f'<p class="note">{_text(table.note)}</p>' if table.note else ""
    return (
        f'<div class="scroll"><table class="{table.kind}">\n<thead><tr>{header}</tr>'
        f"</thead>\n<tbody>\n{rows}\n</tbody></table></div>{note}"
    )
