"""Writes coloured meshes as unlit binary glTF 2.0."""

import numpy as np

# A photograph already contains its lighting.
_MATERIAL = {
    "doubleSided": True,
    "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0},
    "extensions": {"KHR_materials_unlit": {}},
}
# trimesh writes colours with 8 bits, but custom attributes unchanged.
_STAND_IN = "_COLOR_0"
_LEVELS = np.iinfo(np.uint16).max


def mesh_as_glb(
    vertices: np.ndarray, triangles: np.ndarray, colors: np.ndarray
) -> bytes:
    """Returns a mesh as a GLB file, unlit and visible from both sides.

    Viewers without the unlit extension show a rough surface instead of a metallic one.

    Args:
        vertices: Metres; x right, y up, z to the viewer, `[N, 3]`.
        triangles: Indices of vertices, int `[M, 3]`.
        colors: sRGB, uint8 `[N, 3]`. The file stores linear values, as the format
            requires, with 16 bits: 8 bits would merge the darkest levels.

    Returns:
        The bytes of the file.

    Raises:
        ImportError: If trimesh is not installed.

    Source: Khronos, glTF 2.0 specification, Sect. 3.7.2 and 3.9; KHR_materials_unlit.
    """
    import trimesh  # Optional, see `check_formats`.

    opaque = np.full((len(colors), 1), _LEVELS, np.uint16)
    mesh = trimesh.Trimesh(vertices, triangles, process=False)
    mesh.vertex_attributes[_STAND_IN] = np.hstack([_linear_levels()[colors], opaque])
    return mesh.export(file_type="glb", tree_postprocessor=_complete)


def _linear_levels() -> np.ndarray:
    """Table of the linear 16-bit level of each 8-bit sRGB level (IEC 61966-2-1)."""
    encoded = np.arange(256) / 255
    power = ((encoded + 0.055) / 1.055) ** 2.4
    linear = np.where(encoded <= 0.04045, encoded / 12.92, power)
    return np.rint(linear * _LEVELS).astype(np.uint16)


def _complete(tree: dict) -> None:
    """Adds colours and material to the only mesh of a file."""
    (primitive,) = tree["meshes"][0]["primitives"]
    colors = primitive["attributes"].pop(_STAND_IN)
    primitive["attributes"]["COLOR_0"] = colors
    tree["accessors"][colors]["normalized"] = True
    primitive["material"] = 0
    tree["materials"] = [_MATERIAL]
    tree["extensionsUsed"] = list(_MATERIAL["extensions"])
