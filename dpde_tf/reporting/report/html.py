"""Writes a report as one HTML page with embedded styles, pictures and curves."""

import base64
import functools
import html
import mimetypes
import pathlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dpde_tf.reporting.blocks import Block, Heading, Picture
from dpde_tf.reporting.extra import import_extra

if TYPE_CHECKING:
    import jinja2

_CODE = re.compile(r"`([^`]+)`")


def to_html(blocks: Sequence[Block]) -> str:
    """Returns the HTML page of a report.

    Args:
        blocks: Blocks of the report; the first heading of level 1 is the title.

    Returns:
        A self-contained HTML document; 3D pages are linked.

    Raises:
        ValueError: If Jinja2 is not installed.
    """
    headings = [block for block in blocks if isinstance(block, Heading)]
    title = next((block.text for block in headings if block.level == 1), "Report")
    sections = [block for block in headings if block.level == 2]
    return _template().render(title=title, sections=sections, blocks=blocks)


@functools.cache
def _template() -> "jinja2.Template":
    """The template of the page."""
    jinja2 = import_extra("jinja2")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=lambda name: name.endswith(".jinja"),
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "anchor": _anchor,
        "data_url": _data_url,
        "kind": lambda block: type(block).__name__,
        "marked": lambda text: jinja2.utils.markupsafe.Markup(_marked(text)),
    }
    return environment.get_template("page.html.jinja")


def _anchor(text: str) -> str:
    """The identifier of a heading."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _marked(text: str) -> str:
    """Escapes text and marks back-quoted parts as code."""
    return _CODE.sub(r"<code>\1</code>", html.escape(text))


def _data_url(picture: Picture) -> str:
    """The picture as an address that holds it."""
    data = base64.b64encode(picture.data).decode()
    return f"data:{mimetypes.types_map[picture.suffix]};base64,{data}"
