"""Tests of dpde_tf.files.folders."""

import pytest

from dpde_tf.files.folders import files_by_stem, normalized, partner, stem_of


def test_files_by_stem_accepts_suffixes_in_any_case(tmp_path):
    for name in ("b.PNG", "a.npy", "notes.txt", ".partial-c.npy", "d.e.png"):
        (tmp_path / name).touch()
    (tmp_path / "f").mkdir()
    files = files_by_stem(str(tmp_path), (".png", ".npy"), remedy="")
    assert list(files) == ["a", "b", "d.e"]
    assert files["b"] == tmp_path / "b.PNG"


def test_files_by_stem_rejects_missing_folder_and_duplicates(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none does not exist. Give --depth."):
        files_by_stem(tmp_path / "none", (".png",), remedy="Give --depth.")
    (tmp_path / "a.npy").touch()
    (tmp_path / "a.png").touch()
    with pytest.raises(NotADirectoryError, match=r"a.png is a file, where a folder"):
        files_by_stem(tmp_path / "a.png", (".png",), remedy="")
    with pytest.raises(ValueError, match=r"a.png and a.npy have the same"):
        files_by_stem(tmp_path, (".png", ".npy"), remedy="")


def test_partner_names_the_folder(tmp_path):
    files = {"a": tmp_path / "a.png"}
    assert partner(files, "a", "image") == files["a"]
    with pytest.raises(FileNotFoundError, match=f"stem, 'b' in {tmp_path}. Add"):
        partner(files, "b", "image")
    with pytest.raises(FileNotFoundError, match=r"stem, 'b'. Add the file"):
        partner({}, "b", "image")


def test_files_by_stem_ignores_folders_and_normalizes_names(tmp_path):
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    (tmp_path / "x.png").mkdir()
    (tmp_path / f"{decomposed}.png").touch()
    files = files_by_stem(tmp_path, (".png",), remedy="")
    assert files == {composed: tmp_path / f"{decomposed}.png"}
    assert stem_of(files[composed]) == composed == normalized(decomposed)
    # Different letters that only look alike do not match.
    assert normalized("\u0430") != "a" and normalized("\ufb01") != "fi"
    (tmp_path / f"{composed}.png").touch()
    with pytest.raises(ValueError, match=r"the same in other Unicode .*\\xe9.*\\u0301"):
        files_by_stem(tmp_path, (".png",), remedy="")
