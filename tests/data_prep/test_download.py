"""Tests of data_prep.download, fetching and unpacking, against a local server."""

import errno
import hashlib
import http.client
import http.server
import io
import tarfile
import threading
import zipfile

import numpy as np
import pytest

from data_prep import download
from data_prep.conversion.middlebury_scenes import FILES, SCENES
from data_prep.downloading import fetching, unpacking
from data_prep.downloading.fetching import fetch
from data_prep.downloading.unpacking import unpack
from dpde_tf.files.locks import LOCK_FILE, lock_file

DATA = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(DATA).hexdigest()


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.files`; can ignore Range and cut every response short."""

    def do_GET(self):
        self.server.requests.append((self.path, self.headers.get("Range")))
        if self.server.login_page:
            self._send_login_page()
            return
        if self.path not in self.server.files:
            self.send_error(404)
            return
        data, start = self.server.files[self.path], 0
        if self.headers.get("Range") and self.server.has_range:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else len(data)
        self.wfile.write(data[start : start + cut])

    def _send_login_page(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        if self.server.page_has_length:
            self.send_header("Content-Length", str(len(self.server.login_page)))
        self.end_headers()
        self.wfile.write(self.server.login_page)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    """A server on 127.0.0.1; `cuts` are the lengths at which responses end early."""
    monkeypatch.setattr(fetching, "_SECONDS_BEFORE_RETRY", 0.0)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.files, server.cuts, server.requests = {"/file.bin": DATA}, [], []
        server.has_range, server.login_page, server.page_has_length = True, b"", True
        server.address = f"http://127.0.0.1:{server.server_address[1]}"
        server.url = server.address + "/file.bin"
        serve = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        serve.start()
        yield server
        server.shutdown()


def test_fetch_gets_the_file_once(server, tmp_path):
    path = tmp_path / "new" / "file.bin"
    for _ in range(2):
        assert fetch(server.url, path, size=len(DATA), sha256=SHA256) == path
    assert path.read_bytes() == DATA
    assert server.requests == [("/file.bin", None)]
    assert [file.name for file in path.parent.iterdir()] == ["file.bin"]


def test_fetch_resumes_after_each_interruption(server, tmp_path):
    server.cuts = [100_000, 50_000]
    fetch(server.url, tmp_path / "file.bin", sha256=SHA256)
    assert (tmp_path / "file.bin").read_bytes() == DATA
    ranges = [requested for _, requested in server.requests]
    assert ranges == [None, "bytes=100000-", "bytes=150000-"]


def test_fetch_resumes_the_download_of_an_earlier_run(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(DATA[:1234])
    fetch(server.url, tmp_path / "file.bin", sha256=SHA256)
    assert server.requests == [("/file.bin", "bytes=1234-")]


def test_fetch_accepts_a_partial_file_that_is_complete(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(DATA)
    fetch(server.url, tmp_path / "file.bin", sha256=SHA256)
    assert (tmp_path / "file.bin").read_bytes() == DATA


def test_fetch_restarts_if_the_partial_file_is_too_long(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(DATA + b"more")
    fetch(server.url, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == DATA


def test_fetch_restarts_without_range_support(server, tmp_path):
    server.has_range = False
    (tmp_path / "file.bin.part").write_bytes(b"x" * 1234)
    fetch(server.url, tmp_path / "file.bin", sha256=SHA256)
    assert (tmp_path / "file.bin").read_bytes() == DATA


def test_fetch_gives_up_when_no_more_data_arrives(server, tmp_path):
    server.cuts = [1000, 0]
    with pytest.raises(ConnectionError, match=r"was cut.*byte 1000.*file\.bin\.$"):
        fetch(server.url, tmp_path / "file.bin")
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin.part"]
    fetch(server.url, tmp_path / "file.bin", sha256=SHA256)


def test_full_disk_is_no_fault_of_the_network(server, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetching, "_receive", full)
    with pytest.raises(OSError, match=r"file.bin.part could not be written: .*No sp"):
        fetch(server.url, tmp_path / "file.bin")


def test_fetch_gives_up_on_interruptions_without_range_support(server, tmp_path):
    server.has_range, server.cuts = False, [1000] * 9
    with pytest.raises(ConnectionError, match="was cut"):
        fetch(server.url, tmp_path / "file.bin")
    assert len(server.requests) == 2


def test_fetch_deletes_a_file_with_a_wrong_checksum(server, tmp_path):
    with pytest.raises(ValueError, match=r"must have the SHA-256 0000.*same command"):
        fetch(server.url, tmp_path / "file.bin", sha256="0" * 64)
    assert not list(tmp_path.iterdir())


def test_fetch_refuses_a_wrong_size_before_the_download(server, tmp_path):
    with pytest.raises(
        ValueError, match="must have 7 bytes; the server's file has 3000"
    ):
        fetch(server.url, tmp_path / "file.bin", size=7)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize("size", [len(DATA), None])
def test_fetch_keeps_the_partial_file_if_a_login_page_answers(
    server, tmp_path, size, has_length
):
    part = tmp_path / "file.bin.part"
    part.write_bytes(DATA[:1234])
    server.login_page, server.page_has_length = b"<html>Log in</html>", has_length
    with pytest.raises(ValueError, match=r"browser.*received before is kept"):
        fetch(server.url, tmp_path / "file.bin", size=size)
    assert part.read_bytes() == DATA[:1234]
    server.login_page = b""
    fetch(server.url, tmp_path / "file.bin", size=size, sha256=SHA256)
    assert server.requests[-1] == ("/file.bin", "bytes=1234-")


def test_fetch_deletes_a_finished_download_of_the_wrong_size(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(DATA)  # whole for the server: status 416
    with pytest.raises(ValueError, match=r"part must have 7 bytes; it has 300000"):
        fetch(server.url, tmp_path / "file.bin", size=7)
    assert not list(tmp_path.iterdir())


def test_fetch_checks_the_sha256_of_a_small_existing_file(
    server, tmp_path, monkeypatch
):
    path, other = tmp_path / "file.bin", b"x" * len(DATA)
    path.write_bytes(other)
    with pytest.raises(ValueError, match=r"must have the SHA-256 .*Delete file\.bin"):
        fetch(server.url, path, size=len(DATA), sha256=SHA256)
    assert path.read_bytes() == other
    monkeypatch.setattr(fetching, "_QUICKLY_HASHED_BYTES", len(DATA))
    fetch(server.url, path, size=len(DATA), sha256=SHA256)  # the size only
    assert path.read_bytes() == other and not server.requests


def test_fetch_refuses_an_existing_file_of_the_wrong_size(server, tmp_path):
    (tmp_path / "file.bin").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"must have 300000 bytes; it has 4.*Delete"):
        fetch(server.url, tmp_path / "file.bin", size=len(DATA))
    assert (tmp_path / "file.bin").read_bytes() == b"half"


def test_fetch_names_address_and_path_without_a_file_or_a_server(server, tmp_path):
    with pytest.raises(ConnectionError, match=r"/none could not .*404.*file\.bin\.$"):
        fetch(server.address + "/none", tmp_path / "file.bin")
    closed = "http://127.0.0.1:9/file.bin"  # the discard port, which nobody serves
    with pytest.raises(ConnectionError, match=r"127.0.0.1:9/file.bin could not be"):
        fetch(closed, tmp_path / "file.bin")
    assert not list(tmp_path.iterdir())


def _tar(members):
    """A compressed tar archive of names and contents."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def _zip(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize("name, pack", [("a.tgz", _tar), ("a.zip", _zip)])
def test_unpack_makes_the_folder_only(tmp_path, name, pack):
    (tmp_path / name).write_bytes(
        pack({"Set/a.txt": b"1", "Set/b/c.txt": b"2", "x": b""})
    )
    assert unpack(tmp_path / name, tmp_path, "Set") == tmp_path / "Set"
    assert (tmp_path / "Set" / "b" / "c.txt").read_bytes() == b"2"
    assert {file.name for file in tmp_path.iterdir()} == {name, "Set"}


@pytest.mark.parametrize("name, pack", [("a.tgz", _tar), ("a.zip", _zip)])
def test_unpack_refuses_members_outside(tmp_path, name, pack):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / name).write_bytes(pack({"Set/a": b"1", "../../evil": b"2"}))
    with pytest.raises(ValueError, match=r"outside|must be a whole archive"):
        unpack(tmp_path / name, inside, "Set")
    assert not list(inside.iterdir())
    assert {file.name for file in tmp_path.iterdir()} == {name, "inside"}


@pytest.mark.parametrize("name, pack", [("a.tgz", _tar), ("a.zip", _zip)])
def test_unpack_refuses_a_damaged_archive(tmp_path, name, pack):
    data = pack({"Set/a": DATA})
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=f"{name} must be a whole archive"):
        unpack(tmp_path / name, tmp_path, "Set")
    assert not (tmp_path / "Set").exists()


def test_full_disk_is_no_damage_of_the_archive(tmp_path, monkeypatch):
    (tmp_path / "a.tgz").write_bytes(_tar({"Set/a": DATA}))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unpacking, "_extract", full)
    with pytest.raises(OSError, match=r"Set could not be written: .*No space left"):
        unpack(tmp_path / "a.tgz", tmp_path, "Set")


def test_file_is_fetched_by_one_process_at_a_time(server, tmp_path):
    path = tmp_path / "file.bin"
    lock = path.with_name(f".file.bin{LOCK_FILE}")
    held, refused = lock_file(lock, guarded=path), pytest.raises(BlockingIOError)
    with held, refused:
        fetch(server.url, path)
    assert not server.requests


def test_unpack_says_what_the_archive_holds_instead(tmp_path):
    (tmp_path / "a.tgz").write_bytes(_tar({"Other/a": b"1"}))
    with pytest.raises(ValueError, match="must hold the folder 'Set'; it holds Other"):
        unpack(tmp_path / "a.tgz", tmp_path, "Set")


def test_download_nyu_checks_the_checksums(server, tmp_path, monkeypatch):
    file = {"url": server.url, "size": len(DATA), "sha256": SHA256}
    monkeypatch.setattr(download, "NYU_FILES", {"splits.mat": file})
    download.download_nyu(tmp_path)
    assert (tmp_path / "splits.mat").read_bytes() == DATA
    monkeypatch.setitem(file, "sha256", "0" * 64)
    with pytest.raises(ValueError, match=r"splits.mat.part must have the SHA-256"):
        download.download_nyu(tmp_path / "again")


def test_download_make3d_unpacks_and_skips_what_is_there(server, tmp_path, monkeypatch):
    server.files["/Test134.tar.gz"] = _tar({"Test134/img-a.jpg": b"1"})
    server.files["/Test134Depth.tar.gz"] = _tar({"Gridlaserdata/depth.mat": b"2"})
    archives = {
        "Test134": server.address + "/Test134.tar.gz",
        "Gridlaserdata": server.address + "/Test134Depth.tar.gz",
    }
    monkeypatch.setattr(download, "MAKE3D_ARCHIVES", archives)
    for _ in range(2):
        download.download_make3d(tmp_path)
    assert (tmp_path / "Gridlaserdata" / "depth.mat").read_bytes() == b"2"
    assert len(server.requests) == 2


def test_download_middlebury_fetches_what_is_missing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MIDDLEBURY_URL", server.address + "/")
    for scene, year in SCENES.items():
        address = "/" + download.MIDDLEBURY_FOLDERS[year]
        names = [*FILES[year], *(["dmin.txt"] if year == 2005 else [])]
        members = {f"{scene}/{name}": b"1" for name in names}
        if year < 2005:
            server.files |= {address + name: data for name, data in members.items()}
        else:
            server.files[f"{address}{scene}-2views.zip"] = _zip(members)
    (tmp_path / "2006_Aloe").mkdir()
    for name in FILES[2006]:
        (tmp_path / "2006_Aloe" / name).touch()
    for _ in range(2):
        download.download_middlebury(tmp_path)
    for scene, year in SCENES.items():
        if scene != "Aloe":
            assert all((tmp_path / scene / name).is_file() for name in FILES[year])
    assert not (tmp_path / "Aloe").exists()
    assert len(server.requests) == 2 * 8 + 26
    (tmp_path / "2006_Aloe" / "disp1.png").unlink()
    with pytest.raises(ValueError, match=r"2006_Aloe lacks disp1\.png\. Move or"):
        download.download_middlebury(tmp_path)
    (tmp_path / "2006_Aloe" / "disp1.png").touch()
    (tmp_path / "Art" / "dmin.txt").unlink()  # The converter needs it.
    with pytest.raises(ValueError, match=r"Art lacks dmin\.txt\. Move or"):
        download.download_middlebury(tmp_path)


@pytest.mark.parametrize(
    "length, match", [("9" * 5000 + "x", "is not HTTP"), ("-5", "is not HTTP")]
)
def test_fetch_refuses_a_length_that_is_no_number(server, tmp_path, length, match):
    response = http.client.HTTPMessage()
    response["Content-Length"] = length
    answer = type("Answer", (), {"headers": response})
    with pytest.raises(ValueError, match=match):
        fetching._check_answer(server.url, answer, 0, None)


def test_fetch_stops_an_endless_response(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "_BLOCK_BYTES", 1000)
    # Without a declared length, and longer than allowed.
    server.login_page, server.page_has_length = DATA, False
    monkeypatch.setattr(fetching, "_check_answer", lambda *_: 5000)
    part = tmp_path / "file.bin.part"
    assert fetching._receive(server.url, part, 5000)
    assert part.stat().st_size == 6000
    with pytest.raises(ValueError, match=r"must have 5000 bytes; it has 6000"):
        fetching._check_file(part, server.url, 5000, None, "")
