import hashlib
import shutil
import subprocess

import pytest

from dpde_tf.files.checksums import check_checksums, file_sha256, write_checksums
from tests.fixtures.small_training import flip_a_bit


@pytest.fixture
def folder(tmp_path):
    for name, content in (("a", b"abc"), ("b", b"x" * 1000)):
        (tmp_path / name).write_bytes(content)
    write_checksums(tmp_path)
    return tmp_path


def test_file_sha256_is_the_published_value(folder):
    # FIPS 180-2, Appendix B.1: the message "abc".
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(folder / "a") == expected
    assert file_sha256(folder / "b") == hashlib.sha256(b"x" * 1000).hexdigest()


def test_check_checksums_accepts_intact_files(folder):
    check_checksums(folder)


def test_hidden_files_are_ignored(folder):
    written = (folder / "SHA256SUMS").read_text()
    (folder / ".DS_Store").touch()
    check_checksums(folder)
    write_checksums(folder)
    assert (folder / "SHA256SUMS").read_text() == written


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum is not there")
def test_checksums_can_be_verified_by_sha256sum(folder):
    subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, check=True)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: flip_a_bit(folder / "b"), r"b does not have the SHA-256"),
        (lambda folder: (folder / "b").unlink(), r"does not list the files"),
        (lambda folder: (folder / "c").touch(), r"does not list the files"),
        (lambda folder: (folder / "SHA256SUMS").unlink(), r"SHA256SUMS is missing"),
        (lambda folder: (folder / "SHA256SUMS").write_text(""), r"does not list"),
        (lambda folder: flip_a_bit(folder / "SHA256SUMS", 0), r"a does not have"),
        (lambda folder: flip_a_bit(folder / "SHA256SUMS", 0.99), r"does not list"),
    ],
)
def test_check_checksums_detects_all_damage(folder, damage, message):
    damage(folder)
    with pytest.raises(ValueError, match=message):
        check_checksums(folder)
