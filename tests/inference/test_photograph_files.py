"""Tests of finding the photographs that a command names."""

import os
import pathlib

import pytest

from dpde_tf.inference.photograph_files import find_photographs, skipped_files

OUTPUT = pathlib.Path("somewhere else")


@pytest.fixture
def photograph(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(b"only its name is looked at")
    return path


def test_find_photographs_takes_files_and_folders(photograph):
    (photograph.parent / "notes.txt").write_text("no image")
    assert find_photographs([str(photograph.parent)], OUTPUT) == [photograph]
    assert find_photographs([str(photograph)], OUTPUT) == [photograph]


def test_find_photographs_refuses_missing_files(photograph, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"`images` names '.*none.jpg', which.*spelling"
    ):
        find_photographs([str(tmp_path / "none.jpg")], OUTPUT)
    with pytest.raises(FileNotFoundError, match=r"`images` names '', which"):
        find_photographs([""], OUTPUT)
    with pytest.raises(ValueError, match=r"Use another `output`"):
        find_photographs([str(photograph)], photograph.parent / ".")
    no_image = tmp_path / "photo.npz"
    no_image.write_bytes(b"no image")
    assert find_photographs([str(no_image)], tmp_path) == [no_image]
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        FileNotFoundError, match=r"empty' of `images` has no images\. Give .*\.png"
    ):
        find_photographs([str(tmp_path / "empty")], OUTPUT)
    other = photograph.with_suffix(".jpg")
    other.write_bytes(photograph.read_bytes())
    with pytest.raises(ValueError, match=r"more than one file named photo"):
        find_photographs([str(photograph), str(other)], OUTPUT)


def test_folders_are_split_into_photographs_and_skipped_files(photograph):
    folder = photograph.parent
    for name in ("._photo.png", ".DS_Store", ".hidden.jpg", "notes.txt"):
        (folder / name).write_text("no image")
    (folder / "x.jpg").mkdir()
    (folder / "dead.jpg").symlink_to("gone.jpg")
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (folder / "clip.MOV").write_bytes(b"\0\0\0\x14ftypqt  \0\0\0\0qt  ")
    (folder / "dead link").symlink_to("gone")
    os.mkfifo(folder / "pipe")
    found = find_photographs([str(folder)], OUTPUT)
    assert found == [folder / "dead.jpg", photograph]
    reasons = skipped_files([str(folder), str(photograph)])
    reasons = {path.name: reason for path, reason in reasons.items()}
    names = ["clip.MOV", "dead link", "notes.txt", "phone.heic", "pipe", "x.jpg"]
    assert list(reasons) == names
    assert (
        "video (MP4 or QuickTime), not a photograph. To predict" in reasons["clip.MOV"]
    )
    assert "HEIC image, which is not supported. Save it" in reasons["phone.heic"]
    assert reasons["x.jpg"] == "folders are not searched."
    for name in ("dead link", "notes.txt"):
        assert reasons[name].startswith("not an image, whose suffixes are .avif, .bmp")


def test_find_photographs_lists_a_folder_without_photographs(tmp_path):
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(FileNotFoundError, match=r"no images\. phone.heic: a HEIC im"):
        find_photographs([str(tmp_path)], OUTPUT)
