"""Writes reconstructions as PLY, GLB and a page for the browser."""

import pathlib
import types
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from dpde_tf.files.atomic import atomic_write
from dpde_tf.visualization.reconstruction.cameras import Camera
from dpde_tf.visualization.reconstruction.geometry import (
    back_project,
    connected_squares,
    square_triangles,
)
from dpde_tf.visualization.reconstruction.unlit_glb import mesh_as_glb
from dpde_tf.visualization.reconstruction.viewer_page import viewer_page

FORMATS = ("ply", "glb", "html")


def write_reconstruction(
    output: pathlib.Path,
    name: str,
    image: np.ndarray,
    depths: Mapping[str, np.ndarray],
    camera: Camera,
    *,
    formats: Sequence[str] = FORMATS,
) -> list[pathlib.Path]:
    """Writes a reconstruction of an image from each of its depth maps.

    `ply`: `<name>_<key>_points.ply`, a coloured point cloud, and `<name>_<key>.ply`, a
    mesh with its depth edges cut; `glb`: the same mesh as `<name>_<key>.glb`; `html`:
    `<name>.html`, a self-contained page on which the mouse turns the surfaces of all
    depth maps. Metres; x right, y up, -z ahead, the camera at the origin.

    Args:
        output: Folder, created if missing.
        name: Name of the image.
        image: RGB, uint8 `[H, W, 3]`.
        depths: Depth maps by key, such as `fused`; metres, `[H, W]`, 0 = no
            measurement.
        camera: Camera at the size of the image.
        formats: Names in `FORMATS`.

    Returns:
        The written files.

    Raises:
        ValueError: If a format is unknown or needs a library that is not installed, or
            a depth map has another size or no measured pixel.

    Source: Xu & Liu (2021), Fig. 6 and Fig. 7.
    """
    check_formats(formats)
    paths = []
    for key, depth in depths.items():
        points = back_project(depth, camera)
        measured = np.isfinite(points[..., 2])
        if not measured.any():
            raise ValueError(f"The depth {key!r} of {name} has no measured pixel.")
        stem = output / f"{name}_{key}"
        if "ply" in formats:
            paths.append(_write_points(stem, points[measured], image[measured]))
        meshes = [suffix for suffix in ("ply", "glb") if suffix in formats]
        if meshes:
            paths += _write_mesh(stem, points, image, depth, meshes)
    if "html" in formats:
        paths.append(output / f"{name}.html")
        with atomic_write(paths[-1]) as path:
            page = viewer_page(image, depths, camera, title=name)
            path.write_bytes(page.encode("utf-8", "replace"))  # Names need not be text.
    return paths


def reconstruction_files(
    output: pathlib.Path,
    name: str,
    keys: Iterable[str],
    *,
    formats: Sequence[str] = FORMATS,
) -> list[pathlib.Path]:
    """Returns the files that `write_reconstruction` may write.

    Args:
        output: Folder, as for `write_reconstruction`.
        name: Name of the image, as for `write_reconstruction`.
        keys: Names of the depth maps.
        formats: Names in `FORMATS`.

    Returns:
        The files, whether they are there or not.
    """
    ends = [f"_{key}{end}" for key in keys for end in ("_points.ply", ".ply", ".glb")]
    files = [output / f"{name}{end}" for end in (*ends, ".html")]
    return [path for path in files if path.suffix[1:] in formats]


def check_formats(formats: Sequence[str]) -> None:
    """Checks that files in the given formats can be written.

    Args:
        formats: Names in `FORMATS`.

    Raises:
        ValueError: If a format is unknown, or its library is not installed.
    """
    if unknown := sorted(set(formats) - set(FORMATS)):
        raise ValueError(
            f"The formats of `export` must be among {', '.join(FORMATS)}. Received: "
            f"{', '.join(unknown)}."
        )
    if set(formats) & {"ply", "glb"}:
        _trimesh()


def _trimesh() -> types.ModuleType:
    """Imports trimesh, which is optional."""
    try:
        import trimesh
    except ImportError as error:
        raise ValueError(
            "PLY and GLB files need the library trimesh. Run "
            "`pip install 'dpde_tf[figures]'`, or leave out those formats."
        ) from error
    return trimesh


def _write_points(
    stem: pathlib.Path, points: np.ndarray, colors: np.ndarray
) -> pathlib.Path:
    """Writes a coloured point cloud as PLY."""
    cloud = _trimesh().PointCloud(points, colors=colors)
    path = stem.with_name(f"{stem.name}_points.ply")
    return _write(path, cloud.export(file_type="ply"))


def _write_mesh(
    stem: pathlib.Path,
    points: np.ndarray,
    image: np.ndarray,
    depth: np.ndarray,
    suffixes: Sequence[str],
) -> list[pathlib.Path]:
    """Writes the mesh without unused points; nothing if there is no triangle."""
    triangles = square_triangles(connected_squares(depth))
    if not len(triangles):
        return []
    used, triangles = np.unique(triangles, return_inverse=True)
    vertices, colors = (values.reshape(-1, 3)[used] for values in (points, image))
    export = {"ply": _mesh_as_ply, "glb": mesh_as_glb}
    return [
        _write(
            stem.with_name(f"{stem.name}.{suffix}"),
            export[suffix](vertices, triangles.reshape(-1, 3), colors),
        )
        for suffix in suffixes
    ]


def _mesh_as_ply(
    vertices: np.ndarray, triangles: np.ndarray, colors: np.ndarray
) -> bytes:
    """Encodes a mesh with the colours of the image as PLY."""
    mesh = _trimesh().Trimesh(vertices, triangles, vertex_colors=colors, process=False)
    return mesh.export(file_type="ply")


def _write(path: pathlib.Path, content: bytes) -> pathlib.Path:
    """Writes one file atomically."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return path
