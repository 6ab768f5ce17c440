"""Tests that the paper map and the `Source:` lines of the code agree."""

import ast
import importlib
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "experiments" / "PAPER_MAP.md").read_text(encoding="utf-8")
SECTION = PAGE.split("# Paper map", 1)[1].split("\n## ", 1)[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in SECTION.splitlines()
    if line.startswith("| ") and not line.startswith("| paper")
]
NAMES = [name for row in ROWS for name in re.findall(r"`([\w.]+)`", row[1])]


def _sourced_objects():
    """Dotted names of what has a `Source: Xu & Liu` line."""
    for folder in ("dpde_tf", "data_prep"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield from _sourced_in(ast.parse(path.read_text(encoding="utf-8")), module)


def _sourced_in(node, prefix):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            name = f"{prefix}.{child.name}"
            if "Source: Xu & Liu" in (ast.get_docstring(child) or ""):
                yield name
            yield from _sourced_in(child, name)


def _resolve(name):
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise AssertionError(name)


def test_map_has_rows():
    assert len(ROWS) >= 15


@pytest.mark.parametrize("name", NAMES)
def test_map_names_what_exists(name):
    _resolve(name)


@pytest.mark.parametrize("name", sorted(set(_sourced_objects())))
def test_every_source_line_is_in_the_map(name):
    # A method is found by its class.
    assert name in NAMES or name.rsplit(".", 1)[0] in NAMES


def test_source_lines_are_one_line_and_parseable():
    pattern = re.compile(r"Source: [A-Z][^\n]*\.")
    for folder in ("dpde_tf", "data_prep"):
        for path in (ROOT / folder).rglob("*.py"):
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.strip().startswith("Source: "):
                    assert pattern.search(line), f"{path}: {line}"
