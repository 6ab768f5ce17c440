"""Adds figures and 3D pages of `experiments.figures` to the report."""

import dataclasses
import os
import pathlib
import urllib.parse

from dpde_tf.files.images import read_image
from dpde_tf.files.json_files import read_json_object
from dpde_tf.reporting.blocks import (
    Block,
    Cell,
    Heading,
    Links,
    Paragraph,
    Picture,
    Table,
)
from dpde_tf.visualization.colours import encode_jpeg

LIST_FILE = "figures.json"


@dataclasses.dataclass(frozen=True)
class FigureSet:
    """A folder of figures.

    Attributes:
        figures: Pictures; their texts are the titles.
        pages: Text and URL of each 3D page, relative to the report.
    """

    figures: tuple[Picture, ...]
    pages: tuple[tuple[str, str], ...]


def read_figures(
    directory: str | pathlib.Path, output: str | pathlib.Path
) -> FigureSet:
    """Returns the figures and the pages of a folder.

    Args:
        directory: Folder that `experiments.figures` wrote.
        output: Folder of the report.

    Returns:
        Figures as JPEG, pages as links.

    Raises:
        FileNotFoundError: If the folder has no list of figures.
        ValueError: If a figure cannot be read.
    """
    directory = pathlib.Path(directory)
    path = directory / LIST_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist, so {directory} is not a folder of figures. Run "
            "`python -m experiments.figures`, or choose another with `figures`."
        )
    remedy = "Run `python -m experiments.figures` again."
    listed = read_json_object(path, remedy=remedy)
    figures = [_picture(directory / f, title) for f, title in listed["figures"].items()]
    base = pathlib.Path(os.path.relpath(directory, output))
    pages = [(pathlib.Path(p).stem, _address(base / p)) for p in listed["pages"]]
    return FigureSet(tuple(figures), tuple(pages))


def figure_blocks(figures: FigureSet | None) -> list[Block]:
    """Returns the section of figures, empty if there are none.

    Args:
        figures: Figures to show, or None.

    Returns:
        Blocks of the section.
    """
    if figures is None:
        return []
    blocks: list[Block] = [Heading("Figures")]
    for picture in figures.figures:
        blocks.append(Table((picture.text,), ((Cell(picture=picture),),), "pictures"))
    if figures.pages:
        blocks += [Paragraph("Interactive 3D views:"), Links(figures.pages)]
    return blocks


def _address(path: pathlib.Path) -> str:
    """The URL of a file with any name."""
    return urllib.parse.quote(os.fsencode(path.as_posix()))


def _picture(path: pathlib.Path, title: str) -> Picture:
    """A figure as JPEG, which is much smaller than the PNG."""
    return Picture(f"{path.stem}.jpg", encode_jpeg(read_image(path)), title)
