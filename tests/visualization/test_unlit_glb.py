"""Tests of GLB files, by a reader of the format's text alone."""

import json
import struct

import cv2
import numpy as np
import pytest

# Component types of the glTF 2.0 specification, Sect. 3.6.2.2.
_TYPES = {5123: "<u2", 5125: "<u4", 5126: "<f4"}
_LENGTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}
VERTICES = np.float32([[0, 0, -1], [1, 0, -1], [0, 1, -1], [1, 1, -2]])
TRIANGLES = np.array([[0, 1, 2], [2, 1, 3]])
COLORS = np.uint8([[0, 255, 128], [188, 10, 11], [1, 2, 3], [12, 13, 64]])


@pytest.fixture
def mesh_as_glb():
    pytest.importorskip("trimesh")
    from dpde_tf.visualization.reconstruction.unlit_glb import mesh_as_glb

    return mesh_as_glb


def read_glb(data):
    """The JSON of a GLB, and a function that gives the array of an accessor."""
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    chunks, position = {}, 12
    while position < length:
        size, kind = struct.unpack_from("<I4s", data, position)
        assert size % 4 == 0  # Chunks begin and end at multiples of four bytes.
        chunks[kind] = data[position + 8 : position + 8 + size]
        position += 8 + size
    assert list(chunks) == [b"JSON", b"BIN\0"]
    tree = json.loads(chunks[b"JSON"])

    def array(index):
        accessor = tree["accessors"][index]
        view = tree["bufferViews"][accessor["bufferView"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        dtype = np.dtype(_TYPES[accessor["componentType"]])
        assert start % dtype.itemsize == 0 and "byteStride" not in view
        shape = accessor["count"], _LENGTHS[accessor["type"]]
        count = shape[0] * shape[1]
        assert count * dtype.itemsize <= view["byteLength"]
        return np.frombuffer(chunks[b"BIN\0"], dtype, count, start).reshape(shape)

    return tree, array


def test_glb_has_linear_colours(mesh_as_glb):
    tree, array = read_glb(mesh_as_glb(VERTICES, TRIANGLES, COLORS))
    (primitive,) = tree["meshes"][0]["primitives"]
    assert set(primitive["attributes"]) == {"POSITION", "COLOR_0"}
    index = primitive["attributes"]["COLOR_0"]
    assert tree["accessors"][index]["normalized"] is True
    levels = array(index)
    assert levels.dtype == np.uint16 and (levels[:, 3] == 65535).all()
    # By hand: ((128 / 255 + 0.055) / 1.055) ** 2.4 = 0.21586, 10 / 255 / 12.92 =
    # 0.0030353; 188 is the level of half the light.
    share = levels[:, :3] / 65535
    np.testing.assert_allclose(share[0], [0, 1, 0.21586], atol=1e-5)
    np.testing.assert_allclose(share[1, :2], [0.50289, 0.0030353], atol=1e-5)
    # OpenCV's L of Lab is that of the light of greys: 116 Y^(1/3) - 16, or 903.3 Y.
    grey = np.float32(COLORS.reshape(-1, 1, 1) / 255).repeat(3, axis=2)
    lightness = cv2.cvtColor(grey, cv2.COLOR_RGB2Lab)[..., 0].ravel()
    light = np.where(
        lightness > 8, ((lightness + 16) / 116) ** 3, lightness / (24389 / 27)
    )
    np.testing.assert_allclose(share.ravel(), light, atol=2e-3)


def test_glb_keeps_all_levels_apart(mesh_as_glb):
    colors = np.arange(256, dtype=np.uint8).repeat(3).reshape(256, 3)
    vertices = np.float32(np.arange(768).reshape(256, 3))
    tree, array = read_glb(mesh_as_glb(vertices, TRIANGLES, colors))
    index = tree["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]
    assert np.all(np.diff(array(index)[:, 0].astype(int)) > 0)


def test_glb_is_unlit_rough_and_two_sided(mesh_as_glb):
    tree, array = read_glb(mesh_as_glb(VERTICES, TRIANGLES, COLORS))
    (primitive,) = tree["meshes"][0]["primitives"]
    material = tree["materials"][primitive["material"]]
    assert material["doubleSided"] is True
    assert material["extensions"] == {"KHR_materials_unlit": {}}
    # An extension must be listed; nobody is required to know it.
    assert tree["extensionsUsed"] == ["KHR_materials_unlit"]
    assert "extensionsRequired" not in tree
    # The extension's fallback: no metal (the format's default), and rough.
    assert material["pbrMetallicRoughness"] == {
        "metallicFactor": 0.0,
        "roughnessFactor": 1.0,
    }
    np.testing.assert_array_equal(array(primitive["attributes"]["POSITION"]), VERTICES)
    np.testing.assert_array_equal(
        array(primitive["indices"]).ravel(), TRIANGLES.ravel()
    )
    assert primitive.get("mode", 4) == 4


def test_glb_has_no_transformation(mesh_as_glb):
    tree, _ = read_glb(mesh_as_glb(VERTICES, TRIANGLES, COLORS))
    (node,) = tree["nodes"]
    assert not set(node) & {"matrix", "rotation", "scale", "translation"}
    assert tree["asset"]["version"] == "2.0"
