"""Tests that the layers of the project depend on each other in one direction only."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent

# Module or package -> what of the project it may import, besides itself.
ALLOWED = {
    "dpde_tf.config": set(),
    "dpde_tf.atomic_files": set(),
    "dpde_tf.image_gradients": set(),
    "dpde_tf.feature_similarity": set(),
    "dpde_tf.metrics": set(),
    "dpde_tf.paper_values": set(),
    "dpde_tf.losses": {"dpde_tf.feature_similarity"},
    "dpde_tf.models": {"dpde_tf.config"},
    "dpde_tf.fusion": {"dpde_tf.image_gradients"},
    "dpde_tf.visualization": {"dpde_tf.atomic_files"},
    "dpde_tf.data": {"dpde_tf.config", "dpde_tf.atomic_files"},
    "dpde_tf.prediction": {"dpde_tf.config", "dpde_tf.fusion"},
}


def _imports(path):
    """Dotted names of the project's modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(module):
    path = ROOT / module.replace(".", "/")
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def _inside(name, modules):
    return any(name == module or name.startswith(module + ".") for module in modules)


@pytest.mark.parametrize("module", sorted(ALLOWED))
def test_module_imports_only_what_it_may(module):
    files = _files(module)
    assert files
    for path in files:
        for name in _imports(path):
            if name.startswith("dpde_tf.") and name.count(".") == 1:
                allowed = {module, *ALLOWED[module]}
                package = {".".join(n.split(".")[:2]) for n in allowed}
                assert _inside(name, package), f"{path.name} imports {name}"


def test_library_knows_neither_programs_nor_flags():
    for path in _files("dpde_tf"):
        for name in _imports(path):
            assert not _inside(name, {"experiments", "data_prep"}), path
            assert not name.startswith("absl.flags"), path
            assert name != "absl.app", path


def test_converters_need_only_the_data_part_of_the_library():
    allowed = {"dpde_tf.data", "dpde_tf.atomic_files"}
    for path in _files("data_prep"):
        for name in _imports(path):
            assert not _inside(name, {"experiments"}), path
            if name.startswith("dpde_tf."):
                assert _inside(name, allowed), f"{path.name} imports {name}"
