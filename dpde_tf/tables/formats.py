"""A table as Markdown, CSV and LaTeX."""

import csv
import io
import pathlib
import re

from dpde_tf.atomic_files import write_whole
from dpde_tf.report.blocks import Heading, Table
from dpde_tf.report.markdown import to_markdown

_LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "δ": r"$\delta$",
    "−": "$-$",
    "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}

_LONG = 40
"""Characters, from which a text needs more than one line; ten need a centimetre."""


def to_csv(table: Table) -> str:
    """Returns comma-separated values, numbers without thousands separators.

    Args:
        table: The table; its note is left out.

    Returns:
        A line a row, the header first; an empty first cell repeats the one above.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.header)
    first = ""
    for row in table.rows:
        cells = [_csv_cell(cell.text) for cell in row]
        first = cells[0] or first
        writer.writerow([first, *cells[1:]])
    return text.getvalue()


def _csv_cell(text: str) -> str:
    """The text of a cell on one line, without markup."""
    if re.fullmatch(r"\d{1,3}(,\d{3})+", text):
        return text.replace(",", "")
    return text.replace("\n", "; ").replace("`", "")


def to_latex(table: Table, caption: str) -> str:
    """Returns a `table` environment; it needs the package booktabs.

    Args:
        table: The table; its note follows the caption.
        caption: Text above it.

    Returns:
        LaTeX, the first column to the left, numbers to the right, long texts in
        paragraphs.
    """
    columns = "".join(_latex_column(table, i) for i in range(len(table.header)))
    rows = [[_latex_text(cell.text) for cell in row] for row in table.rows]
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex_text(f'{caption}. {table.note}'.strip())}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        rf"{' & '.join(map(_latex_text, table.header))} \\",
        r"\midrule",
        *(rf"{' & '.join(row)} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_column(table: Table, index: int) -> str:
    """How a column is set."""
    longest = max((len(row[index].text) for row in table.rows), default=0)
    if longest > _LONG:
        return rf"p{{{_LONG / 10:g}cm}}"
    return "l" if index == 0 or table.kind != "numbers" else "r"


def _latex_text(text: str) -> str:
    """Text with LaTeX's special characters escaped, and code in typewriter."""
    escaped = "".join(_LATEX.get(character, character) for character in text)
    escaped = re.sub("`([^`]*)`", r"\\texttt{\1}", escaped)
    return escaped.replace("\n", "; ")


def write_table(table: Table, folder: pathlib.Path, name: str, title: str) -> None:
    """Writes `<name>.md`, `<name>.csv` and `<name>.tex`.

    Args:
        table: The table.
        folder: Where to; made if need be.
        name: Of the files.
        title: Heading and caption.
    """
    texts = {
        "md": to_markdown((Heading(title), table)),
        "csv": to_csv(table),
        "tex": to_latex(table, title),
    }
    for suffix, text in texts.items():
        with write_whole(folder / f"{name}.{suffix}") as path:
            path.write_text(text, encoding="utf-8")
