"""Tests of the conversion with Apache Beam, which `pip install ".[beam]"` brings."""

import cv2
import numpy as np
import pytest

from data_prep import rgbd_folder
from data_prep.conversion.record_sets import Options
from tests.fixtures.programs import run_program

pytestmark = pytest.mark.slow


@pytest.fixture
def folders(tmp_path, rng):
    """Nine pairs of PNG files in millimetres, with lists."""
    for name in ("rgb", "depth"):
        (tmp_path / name).mkdir()
    for stem in "abcdefghi":
        image = rng.integers(0, 256, (8, 12, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "rgb" / f"{stem}.png"), image)
        depth = rng.integers(1000, 9000, (8, 12)).astype(np.uint16)
        cv2.imwrite(str(tmp_path / "depth" / f"{stem}.png"), depth)
    (tmp_path / "train.txt").write_text("\n".join("hgfedcb"))
    (tmp_path / "test.txt").write_text("a\ni\n")
    return tmp_path


def _flags(folder, name):
    return {
        "images": folder / "rgb",
        "depths": folder / "depth",
        "depth_scale": 0.001,
        "train_list": folder / "train.txt",
        "test_list": folder / "test.txt",
        "image_size": "4,6",
        "name": "mine",
        "num_shards": 3,
        "output": folder / name,
    }


def _files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_beam_writes_the_same_bytes_as_the_plain_converter(folders):
    pytest.importorskip("apache_beam", reason="needs the extra beam")
    run_program("data_prep.beam_rgbd_folder", fresh=True, **_flags(folders, "beam"))
    run_program("data_prep.rgbd_folder", **_flags(folders, "plain"))
    plain = _files(folders / "plain")
    assert len(plain) == 3 + 2 + 1
    assert _files(folders / "beam") == plain


def test_beam_leaves_nothing_behind_if_a_pair_is_broken(folders):
    pytest.importorskip("apache_beam", reason="needs the extra beam")
    path = folders / "depth" / "d.png"
    path.write_bytes(path.read_bytes()[:40])
    flags = _flags(folders, "beam")
    result = run_program("data_prep.beam_rgbd_folder", check=False, fresh=True, **flags)
    assert result.returncode == 1
    assert str(path) in result.stderr and "Traceback" not in result.stderr
    assert {p.name for p in folders.iterdir()} == {
        "rgb",
        "depth",
        "train.txt",
        "test.txt",
    }


def test_without_beam_the_program_says_what_to_install(folders, monkeypatch):
    (folders / "apache_beam.py").write_text("raise ImportError('no apache_beam')")
    monkeypatch.setenv("PYTHONPATH", str(folders))
    flags = _flags(folders, "beam")
    result = run_program("data_prep.beam_rgbd_folder", check=False, fresh=True, **flags)
    assert result.returncode == 1
    assert "pip install '.[beam]'" in result.stderr


def test_pairs_are_written_by_any_writer_of_splits(folders):
    tasks = []

    def writer(shards, workers):
        tasks.extend(shards)
        raise ValueError("stop")

    flags = _flags(folders, "set")
    for name in ("images", "depths", "output", "image_size", "name", "num_shards"):
        del flags[name]
    with pytest.raises(ValueError, match="stop"):
        rgbd_folder.convert(
            folders / "rgb",
            folders / "depth",
            folders / "set",
            options=Options(num_shards=3),
            write_split=writer,
            **flags,
        )
    assert [len(task.pairs) for task in tasks] == [3, 2, 2]
    assert [pair.name for task in tasks for pair in task.pairs] == list("hgfedcb")
