"""Tests of data_prep.conversion.raw_files."""

import hashlib

import pytest

from data_prep.conversion import raw_files
from data_prep.conversion.raw_files import check_split_size, describe_files


def test_describe_files_hashes_the_lines_of_sha256sum(tmp_path):
    paths = [tmp_path / "b", tmp_path / "a"]
    for path in paths:
        path.write_text(path.name)
    lines = "".join(
        f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in "ab"
    )
    assert describe_files(paths) == {
        "num_files": 2,
        "num_bytes": 2,
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
    }


def test_describe_files_announces_large_files_only(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(raw_files, "_LARGE_BYTES", 10**6)
    (tmp_path / "small").write_bytes(bytes(10**6))
    (tmp_path / "large").write_bytes(bytes(2 * 10**6))
    describe_files([tmp_path / "small", tmp_path / "large"])
    (line,) = capsys.readouterr().out.splitlines()
    assert line == f"Computing the SHA-256 of {tmp_path / 'large'} (2 MB) ..."


def test_check_split_size_allows_a_part_only_if_asked():
    check_split_size("train", 5, 5, "raw", allow_partial=False)
    check_split_size("train", 4, 5, "raw", allow_partial=True)
    for found, allow_partial in ((4, False), (0, True), (6, True), (6, False)):
        with pytest.raises(ValueError, match=rf"raw must hold 5 .*{found}") as caught:
            check_split_size("train", found, 5, "raw", allow_partial=allow_partial)
        # No remedy that is in use.
        assert ("--allow_partial" in str(caught.value)) != allow_partial
