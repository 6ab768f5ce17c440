"""Writes a table as Markdown, CSV and LaTeX."""

import csv
import io
import pathlib
import re

from dpde_tf.files.atomic import atomic_write
from dpde_tf.reporting.blocks import LONG_TEXT, Cell, Heading, Table
from dpde_tf.reporting.markdown import to_markdown

_LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#{}"},
    # URLs, paths and names are wider than a column.
    "/": r"/\allowbreak{}",
    "_": r"\_\allowbreak{}",
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


def to_csv(table: Table) -> str:
    """Returns a table as CSV with numbers without thousands separators.

    Args:
        table: Table; its note is left out.

    Returns:
        One line per row after the header; an empty first cell repeats the cell above.
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
    """Returns a LaTeX `longtable`, which continues on the next page.

    It needs the packages booktabs and longtable. All tables fit on A3 in landscape with
    margins of 1.5 cm, most of them on A4.

    Args:
        table: Table; its note follows the caption.
        caption: Text above the table.

    Returns:
        LaTeX in small type, with numbers aligned to the right and long texts in
        paragraphs.
    """
    columns = "".join(_latex_column(table, i) for i in range(len(table.header)))
    rows = [
        [_latex_cell(table, *cell) for cell in enumerate(row)] for row in table.rows
    ]
    header = " & ".join(map(_latex_text, table.header))
    lines = [
        r"{\scriptsize",
        r"\setlength{\tabcolsep}{2pt}",
        r"\setlength{\LTcapwidth}{\linewidth}",
        rf"\begin{{longtable}}{{{columns}}}",
        rf"\caption{{{_latex_text(f'{caption}. {table.note}'.strip())}}} \\",
        r"\toprule",
        rf"{header} \\",
        r"\midrule",
        r"\endfirsthead",
        r"\toprule",
        rf"{header} \\",
        r"\midrule",
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *(rf"{' & '.join(row)} \\" for row in rows),
        r"\end{longtable}}",
    ]
    return "\n".join(lines) + "\n"


def _latex_column(table: Table, index: int) -> str:
    """The LaTeX specification of a column."""
    if table.is_text(index):
        return rf"p{{{LONG_TEXT / 10:g}cm}}"  # one centimetre per ten characters
    return "l" if index == 0 or table.kind != "numbers" else "r"


def _latex_cell(table: Table, index: int, cell: Cell) -> str:
    """A cell; the lines of narrow columns stand below the line of the row."""
    lines = [_latex_text(line) for line in cell.text.split("\n")]
    if len(lines) == 1 or table.is_text(index):
        return r" \newline ".join(lines)
    # A bracket at the start of a line would be read as an option of the line break.
    stacked = r"\\{}".join(lines)
    column = rf"@{{}}{_latex_column(table, index)}@{{}}"
    return rf"\begin{{tabular}}[t]{{{column}}}{stacked}\end{{tabular}}"


def _latex_text(text: str) -> str:
    """Escapes special characters and sets code in typewriter."""
    escaped = "".join(_LATEX.get(character, character) for character in text)
    return re.sub("`([^`]*)`", r"\\texttt{\1}", escaped)


def write_table(table: Table, folder: pathlib.Path, name: str, title: str) -> None:
    """Writes `<name>.md`, `<name>.csv` and `<name>.tex`.

    Args:
        table: Table to write.
        folder: Output folder, created if missing.
        name: Name of the files without suffix.
        title: Heading and caption of the table.
    """
    texts = {
        "md": to_markdown((Heading(title), table)),
        "csv": to_csv(table),
        "tex": to_latex(table, title),
    }
    for suffix, text in texts.items():
        with atomic_write(folder / f"{name}.{suffix}") as path:
            path.write_text(text, encoding="utf-8")
