"""Strict readers of all files that a program leaves in its output folder."""

import json
import os
import pathlib

import cv2
import h5py
import numpy as np

from dpde_tf.data.manifest import check_shards, read_manifest
from dpde_tf.files.checksums import check_checksums


def _read_json_lines(path):
    for line in path.read_text().splitlines():
        json.loads(line)


def _read_npz(path):
    with np.load(path) as arrays:
        assert all(np.isfinite(arrays[key]).all() for key in arrays), path


def _read_weights(path):
    with h5py.File(path) as file:
        file.visititems(
            lambda _, item: item[()] if isinstance(item, h5py.Dataset) else None
        )


def _read_manifest(path):
    described = read_manifest(path.parent)
    for split in described.splits.values():
        check_shards(path.parent, split)


def _read_picture(path):
    data = np.frombuffer(path.read_bytes(), np.uint8)
    assert cv2.imdecode(data, cv2.IMREAD_UNCHANGED) is not None, path


def _read_page(path):
    assert path.read_text().rstrip().endswith("</html>"), path


_READERS = {
    ".json": lambda path: json.loads(path.read_text()),
    ".jsonl": _read_json_lines,
    ".npz": _read_npz,
    ".h5": _read_weights,
    ".png": _read_picture,
    ".html": _read_page,
}
_BY_NAME = {
    "manifest.json": _read_manifest,
    "SHA256SUMS": lambda path: check_checksums(path.parent),
}


def _visible(path, folder):
    """Whether the name does not mark the file as unfinished."""
    return not any(part.startswith(".") for part in path.relative_to(folder).parts)


def _files(folder):
    """All files below a folder; unlike `rglob`, it tolerates files that vanish."""
    for root, _, names in os.walk(folder):
        yield from (pathlib.Path(root) / name for name in names)


def check_everything(folder):
    """Reads every visible file below a folder; returns their number.

    Files may go while they are read, but what is there must be whole.
    """
    count = 0
    for path in _files(folder):
        read = _BY_NAME.get(path.name) or _READERS.get(path.suffix)
        if not read or not _visible(path, folder):
            continue
        try:
            read(path)
        except Exception as error:  # Whatever a library says of half a file.
            assert not path.is_file(), f"{path} is not whole: {error!r}"
        count += 1
    return count
