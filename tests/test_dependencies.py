"""Tests that the packages depend on each other in one direction only."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent

# Package or module -> what of the library it may use, besides `files` and `config`.
MAY_USE = {
    "files": set(),
    "config": set(),
    "keras_settings": set(),
    "fusion": set(),
    "metrics": set(),
    "losses": {"fusion", "metrics"},
    "models": {"fusion", "keras_settings"},
    "data": set(),
    "runs": {"models", "keras_settings"},
    "visualization": set(),
    "evaluation": {"data", "metrics"},
    "inference": {"data", "runs", "fusion", "metrics", "visualization"},
    "training": {
        *("data", "runs", "models", "losses", "fusion", "metrics", "visualization"),
    },
    "reporting": {
        *("data", "runs", "models", "metrics", "evaluation", "visualization"),
    },
}
EVERYWHERE = {"files", "config"}
# Flags of commands that a message tells to run.
_OF_COMMANDS = {"--overwrite", "--split", "--held_out", "--help"}


def _imports(path):
    """Dotted names of the project's modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(part):
    path = ROOT / "dpde_tf" / part
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def _used_parts(part):
    names = {name for path in _files(part) for name in _imports(path)}
    return {name.split(".")[1] for name in names if name.startswith("dpde_tf.")}


@pytest.mark.parametrize("part", sorted(MAY_USE))
def test_part_uses_only_what_it_may(part):
    assert _used_parts(part) <= {part, *EVERYWHERE, *MAY_USE[part]}


def test_rows_are_all_parts_and_have_no_circle():
    entries = {path.stem for path in (ROOT / "dpde_tf").iterdir()}
    assert entries - {"__init__", "__pycache__", "cli"} == set(MAY_USE)
    assert len(entries - {"__pycache__"}) <= 16
    order = []
    while len(order) < len(MAY_USE):
        ready = [
            p for p, used in MAY_USE.items() if p not in order and used <= {*order}
        ]
        assert ready, f"a circle among {set(MAY_USE) - {*order}}"
        order += ready


def test_every_package_says_what_is_in_it_and_what_it_may_use():
    for part in MAY_USE:
        path = ROOT / "dpde_tf" / part / "__init__.py"
        if path.is_file():
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            uses = text.split("\n\n")[-1]
            assert uses.startswith("Uses "), part
            for other in MAY_USE[part] - {"keras_settings"}:
                assert f"`{other}`" in uses, f"{part} does not name {other}"


def test_library_knows_neither_programs_nor_flags():
    for part in MAY_USE:
        for path in _files(part):
            for name in _imports(path):
                assert not name.startswith(("experiments", "data_prep")), path
                assert not name.startswith(("absl.flags", "absl.app")), path


# The messages name parameters; `dpde_tf.cli.errors` turns these into flags.
@pytest.mark.parametrize("part", sorted(MAY_USE))
def test_messages_of_the_library_name_no_flags(part):
    for path in _files(part):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        errors = (node for node in ast.walk(tree) if isinstance(node, ast.Raise))
        texts = (text for error in errors for text in ast.walk(error))
        constants = (str(t.value) for t in texts if isinstance(t, ast.Constant))
        for text in constants:
            found = set(re.findall(r"(?<![-\w])--[a-z]\w*", text))
            assert found <= _OF_COMMANDS, (path, text)


def test_converters_need_only_records_and_files_of_the_library():
    allowed = ("dpde_tf.data", "dpde_tf.files", "dpde_tf.cli", "dpde_tf.keras_settings")
    for path in sorted((ROOT / "data_prep").rglob("*.py")):
        for name in _imports(path):
            assert not name.startswith("experiments"), path
            if name.startswith("dpde_tf."):
                assert name.startswith(allowed), f"{path.name} imports {name}"
