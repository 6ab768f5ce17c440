import os
import pathlib
import signal
import sys

import numpy as np
import pytest

from dpde_tf.files.atomic import (
    atomic_write,
    atomic_write_folder,
    check_holds_only,
    partial_folder,
    remove_folder,
    remove_partial,
)
from tests.fixtures.small_training import largest_file


def test_atomic_write_replaces_the_file_and_creates_its_folder(tmp_path):
    for content in ("old", "new"):
        with atomic_write(tmp_path / "a" / "b.txt") as path:
            path.write_text(content)
            assert path != tmp_path / "a" / "b.txt"
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["b.txt"]
    assert (tmp_path / "a" / "b.txt").read_text() == "new"


def test_atomic_write_keeps_the_old_file_if_the_block_fails(tmp_path):
    (tmp_path / "b.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_write(tmp_path / "b.txt") as path:
        path.write_text("ne")
        raise KeyboardInterrupt
    assert [file.name for file in tmp_path.iterdir()] == ["b.txt"]
    assert (tmp_path / "b.txt").read_text() == "old"


def test_atomic_write_on_a_full_disk_names_file_and_remedy(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"old")
    with (
        pytest.raises(OSError, match=r"a.npz could not be written: .*Free space"),
        largest_file(1000),
        atomic_write(tmp_path / "a.npz") as path,
    ):
        np.savez(path, np.zeros(1000))
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]
    assert (tmp_path / "a.npz").read_bytes() == b"old"


def test_failed_write_of_another_file_in_the_block_keeps_its_message(tmp_path):
    with (
        pytest.raises(OSError, match=r"^\S*b.npz could not be written: .* again\.$"),
        largest_file(1000),
        atomic_write(tmp_path / "a.mp4"),
        atomic_write(tmp_path / "b.npz") as path,
    ):
        np.savez(path, np.zeros(1000))


def test_atomic_write_names_a_folder_that_cannot_be_created(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(OSError, match=r"file is a file, where a folder is needed"),
        atomic_write(tmp_path / "file" / "a.txt") as path,
    ):
        path.write_text("a")


def test_atomic_write_folder_replaces_the_folder(tmp_path):
    for name in ("old", "new"):
        with atomic_write_folder(tmp_path / "a" / "b") as folder:
            (folder / name).write_text(name)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["new"]


def test_atomic_write_folder_keeps_the_old_one_if_it_fails(tmp_path):
    (tmp_path / "b").mkdir()
    with (
        pytest.raises(ZeroDivisionError),
        atomic_write_folder(tmp_path / "b") as folder,
    ):
        (folder / "half").touch()
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.rglob("*")] == ["b"]


def test_remove_partial_removes_only_unfinished_files(tmp_path):
    for name in (".partial-a1", "a2", ".lock", ".partial-b"):
        (tmp_path / name).touch()
    for name in (".partial-a3", ".partial-removed-a4"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    remove_partial(tmp_path, "a*")
    remove_partial(tmp_path / "none", "a*")
    assert {path.name for path in tmp_path.iterdir()} == {"a2", ".lock", ".partial-b"}


def test_partial_folder_is_removed_unless_renamed(tmp_path):
    for name in ("b", "c"):
        with partial_folder(tmp_path / name) as folder:
            (folder / "file").touch()
            if name == "c":
                folder.rename(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_folder_with_other_content_must_not_be_replaced(tmp_path):
    names = r"run\.json|part-\d+\.npz"
    check_holds_only(tmp_path / "none", names)
    for name in ("run.json", "part-1.npz", "part-22.npz"):
        (tmp_path / name).touch()
    check_holds_only(tmp_path, names)
    (tmp_path / "part-3.npz").mkdir()
    (tmp_path / "mine.npz").touch()
    match = r"holds mine\.npz, part-3\.npz, which would be lost.*`output"
    with pytest.raises(FileExistsError, match=match):
        check_holds_only(tmp_path, names)


def _replace_everything(folder):
    """Writes a file, a folder, and removes a folder."""
    with atomic_write(folder / "file") as path:
        path.write_text("new" * 9999)
    with atomic_write_folder(folder / "folder") as part:
        for name in ("a", "b"):
            (part / name).write_text("new" * 9999)
    remove_folder(folder / "waste")


def _former(folder):
    """Writes the previous content."""
    for path in (folder / "folder" / "a", folder / "folder" / "b", folder / "file"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("old" * 9999)
    (folder / "waste").mkdir()
    for name in ("a", "b"):
        (folder / "waste" / name).touch()


_FILE_EVENTS = {
    "open",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.scandir",
    "shutil.rmtree",
}


def _killed_at_event(number, folder):
    """Whether a child process that writes is killed at its n-th file system call."""
    child = os.fork()
    if not child:
        left = number

        def kill_in_time(event, arguments):
            nonlocal left
            if event in _FILE_EVENTS:
                left -= 1
                if left == -1:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill_in_time)
        try:
            _replace_everything(folder)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _contents(folder):
    return {path.name: path.read_text()[:3] for path in folder.iterdir()}


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_killed_writer_leaves_complete_files_only(tmp_path):
    for number in range(100):
        folder = tmp_path / str(number)
        _former(folder)
        killed = _killed_at_event(number, folder)
        assert len((folder / "file").read_text()) == 3 * 9999
        # Between removing the old folder and renaming the new one, there is no folder.
        if (folder / "folder").exists():
            assert _contents(folder / "folder") in (
                {"a": "old", "b": "old"},
                {"a": "new", "b": "new"},
            )
        if (folder / "waste").exists():
            assert len(list((folder / "waste").iterdir())) == 2
        remove_partial(folder, "*")
        names = {path.name for path in pathlib.Path(folder).iterdir()}
        assert names <= {"file", "folder", "waste"}
        if not killed:
            break
    assert not killed
    assert number > 15
    assert _contents(folder / "folder") == {"a": "new", "b": "new"}
