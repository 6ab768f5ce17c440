import pytest

from dpde_tf.atomic_files import write_whole


def test_write_whole_replaces_the_file_and_makes_its_folder(tmp_path):
    for content in ("old", "new"):
        with write_whole(tmp_path / "a" / "b.txt") as path:
            path.write_text(content)
            assert path != tmp_path / "a" / "b.txt"
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["b.txt"]
    assert (tmp_path / "a" / "b.txt").read_text() == "new"


def test_write_whole_keeps_the_former_file_when_the_block_fails(tmp_path):
    (tmp_path / "b.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), write_whole(tmp_path / "b.txt") as path:
        path.write_text("ne")
        raise KeyboardInterrupt
    assert [file.name for file in tmp_path.iterdir()] == ["b.txt"]
    assert (tmp_path / "b.txt").read_text() == "old"
