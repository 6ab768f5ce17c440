"""Tests that the layers of the project depend on each other in one direction only."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent

# Module or package -> what of the project it may import, besides itself.
ALLOWED = {
    "dpde_tf.atomic_files": set(),
    "dpde_tf.checksums": set(),
    "dpde_tf.compact_weights": {"dpde_tf.checksums", "dpde_tf.data"},
    "dpde_tf.config": set(),
    "dpde_tf.bootstrap": {"dpde_tf.metrics"},
    "dpde_tf.depth_alignment": {"dpde_tf.image_gradients", "dpde_tf.scale_and_shift"},
    "dpde_tf.depth_refinement": {
        "dpde_tf.config",
        "dpde_tf.depth_alignment",
        "dpde_tf.fusion",
    },
    "dpde_tf.error_messages": set(),
    "dpde_tf.feature_similarity": set(),
    "dpde_tf.gradient_similarity": {
        "dpde_tf.grey_image_pair",
        "dpde_tf.similarity_constants",
    },
    "dpde_tf.grey_image_pair": set(),
    "dpde_tf.image_gradients": set(),
    "dpde_tf.initial_weights": {
        "dpde_tf.trained_networks",
        "dpde_tf.weight_files",
        "dpde_tf.config",
        "dpde_tf.released_weights",
        "dpde_tf.run_folder",
    },
    "dpde_tf.magnification": set(),
    "dpde_tf.metrics": {"dpde_tf.similarity_constants"},
    "dpde_tf.network_costs": {"dpde_tf.models"},
    "dpde_tf.paper_values": set(),
    "dpde_tf.published_searches": set(),
    "dpde_tf.published_values": set(),
    "dpde_tf.keras_settings": set(),
    "dpde_tf.json_files": {"dpde_tf.error_messages"},
    "dpde_tf.run_folder": {"dpde_tf.json_files"},
    "dpde_tf.folder_lock": {"dpde_tf.atomic_files"},
    "dpde_tf.data": {
        "dpde_tf.atomic_files",
        "dpde_tf.checksums",
        "dpde_tf.config",
        "dpde_tf.error_messages",
        "dpde_tf.json_files",
    },
    "dpde_tf.evaluation": {
        "dpde_tf.atomic_files",
        "dpde_tf.bootstrap",
        "dpde_tf.data",
        "dpde_tf.metrics",
        "dpde_tf.prediction_files",
        "dpde_tf.protocols",
        "dpde_tf.scoring",
    },
    "dpde_tf.figures": {
        "dpde_tf.magnification",
        "dpde_tf.reconstruction",
        "dpde_tf.visualization",
    },
    "dpde_tf.fusion": {"dpde_tf.image_gradients"},
    "dpde_tf.losses": {"dpde_tf.feature_similarity"},
    "dpde_tf.models": {
        "dpde_tf.keras_settings",
        "dpde_tf.config",
        "dpde_tf.image_gradients",
    },
    "dpde_tf.photographs": {
        "dpde_tf.data",
        "dpde_tf.prediction",
        "dpde_tf.prediction_files",
        "dpde_tf.reconstruction",
        "dpde_tf.visualization",
    },
    "dpde_tf.prediction": {
        "dpde_tf.config",
        "dpde_tf.data",
        "dpde_tf.fusion",
        "dpde_tf.image_gradients",
    },
    "dpde_tf.prediction_files": {"dpde_tf.atomic_files", "dpde_tf.data"},
    "dpde_tf.presets": {"dpde_tf.config"},
    "dpde_tf.protocols": {"dpde_tf.scale_and_shift"},
    "dpde_tf.released_weights": {
        "dpde_tf.config",
        "dpde_tf.data",
        "dpde_tf.error_messages",
        "dpde_tf.models",
    },
    "dpde_tf.report": {
        "dpde_tf.json_files",
        "dpde_tf.config",
        "dpde_tf.data",
        "dpde_tf.metrics",
        "dpde_tf.paper_values",
        "dpde_tf.published_values",
        "dpde_tf.run_folder",
        "dpde_tf.visualization",
    },
    "dpde_tf.reconstruction": {"dpde_tf.atomic_files"},
    "dpde_tf.refinement_files": {
        "dpde_tf.image_gradients",
        "dpde_tf.prediction",
        "dpde_tf.config",
        "dpde_tf.data",
        "dpde_tf.depth_alignment",
        "dpde_tf.depth_refinement",
        "dpde_tf.refinement_pictures",
        "dpde_tf.visualization",
    },
    "dpde_tf.refinement_pictures": {
        "dpde_tf.magnification",
        "dpde_tf.visualization",
    },
    "dpde_tf.scale_and_shift": set(),
    "dpde_tf.score_text": set(),
    "dpde_tf.scoring": {
        "dpde_tf.metrics",
        "dpde_tf.protocols",
        "dpde_tf.scale_and_shift",
    },
    "dpde_tf.similarity_constants": set(),
    "dpde_tf.structural_similarity": {
        "dpde_tf.grey_image_pair",
        "dpde_tf.similarity_constants",
    },
    "dpde_tf.substitute_gradients": {"dpde_tf.image_gradients"},
    "dpde_tf.tables": {
        "dpde_tf.atomic_files",
        "dpde_tf.config",
        "dpde_tf.models",
        "dpde_tf.network_costs",
        "dpde_tf.paper_values",
        "dpde_tf.published_searches",
        "dpde_tf.published_values",
        "dpde_tf.report",
        "dpde_tf.run_folder",
    },
    "dpde_tf.weight_files": {"dpde_tf.data", "dpde_tf.error_messages"},
    "dpde_tf.trained_networks": {
        "dpde_tf.checksums",
        "dpde_tf.compact_weights",
        "dpde_tf.weight_files",
        "dpde_tf.config",
        "dpde_tf.models",
        "dpde_tf.run_folder",
    },
    "dpde_tf.training": {
        "dpde_tf.atomic_files",
        "dpde_tf.checksums",
        "dpde_tf.config",
        "dpde_tf.data",
        "dpde_tf.image_gradients",
        "dpde_tf.losses",
        "dpde_tf.metrics",
        "dpde_tf.run_folder",
        "dpde_tf.visualization",
        "dpde_tf.weight_files",
    },
    "dpde_tf.visualization": {"dpde_tf.atomic_files"},
}


def _imports(path):
    """Dotted names of the project's modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(module):
    path = ROOT / module.replace(".", "/")
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def _inside(name, modules):
    return any(name == module or name.startswith(module + ".") for module in modules)


def _part(name):
    """`dpde_tf.data` for `dpde_tf.data.records.encode_record`, and so on."""
    return ".".join(name.split(".")[:2])


@pytest.mark.parametrize("module", sorted(ALLOWED))
def test_module_imports_only_what_it_may(module):
    files = _files(module)
    assert files
    for path in files:
        parts = {_part(name) for name in _imports(path) if name.startswith("dpde_tf.")}
        assert parts <= {module, *ALLOWED[module]}, path.name


def test_every_part_of_the_library_has_its_place():
    names = {path.stem for path in (ROOT / "dpde_tf").iterdir()}
    names -= {"__init__", "__pycache__", "weights"}
    assert {f"dpde_tf.{name}" for name in names} == set(ALLOWED)


def test_library_knows_neither_programs_nor_flags():
    for path in _files("dpde_tf"):
        for name in _imports(path):
            assert not _inside(name, {"experiments", "data_prep"}), path
            assert not name.startswith("absl.flags"), path
            assert name != "absl.app", path


def test_converters_need_only_the_data_part_of_the_library():
    allowed = {
        "dpde_tf.atomic_files",
        "dpde_tf.data",
        "dpde_tf.error_messages",
        "dpde_tf.folder_lock",
        "dpde_tf.keras_settings",
    }
    for path in _files("data_prep"):
        for name in _imports(path):
            assert not _inside(name, {"experiments"}), path
            if name.startswith("dpde_tf."):
                assert _inside(name, allowed), f"{path.name} imports {name}"
