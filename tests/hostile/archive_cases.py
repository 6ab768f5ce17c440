"""Downloaded archives: ZIP and tar."""

import io
import struct
import tarfile
import zipfile

from data_prep.downloading.unpacking import unpack

from .array_cases import _case
from .files import cuts, flips, patched

_FILES = {"scene/view1.png": b"pixels" * 50, "scene/deep/dmin.txt": b"270"}


def _unpack(path):
    """The files of the folder, after the archive was unpacked into `output`."""
    folder = unpack(path, path.parent / "output", "scene")
    return {
        f"scene/{file.relative_to(folder)}": file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _zip(members, *, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def _tar(members, mode="w"):
    """A tar archive of (name, content) or of tarfile's own headers."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                header = tarfile.TarInfo(member[0])
                header.size = len(member[1])
                archive.addfile(header, io.BytesIO(member[1]))
    return file.getvalue()


def _link(name, target, kind=tarfile.SYMTYPE):
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, target
    return header


def _symbolic(name, target):
    header = zipfile.ZipInfo(name)
    header.create_system, header.external_attr = 3, 0o120777 << 16
    return header, target


def archive_cases():
    """ZIP and tar archives."""
    yield from _zip_cases()
    yield from _tar_cases()


def _zip_cases():
    members = list(_FILES.items())
    good = _zip(members)
    entry, file = "ZIP archive", "scene.zip"
    yield _case(entry, "whole", file, good, _unpack, _FILES)
    outside = (
        "../evil",
        "scene/../../evil",
        "/tmp/evil/../../evil",
        "scene/../../../x",
    )
    for name in outside:
        data = _zip([*members, (name, b"evil")])
        yield _case(entry, f"a file {name}", file, data, _unpack)
    absolute = _zip([*members, ("/evil-of-a-test", b"evil")])
    yield _case(entry, "an absolute path", file, absolute, _unpack)
    # Python writes the target of a link as a file's content.
    linked = _zip([*members, _symbolic("scene/link", "/etc/passwd")])
    right = {**_FILES, "scene/link": b"/etc/passwd"}
    yield _case(entry, "a symbolic link", file, linked, _unpack, right)
    through = _zip([_symbolic("scene", "/tmp"), ("scene/evil", b"evil")])
    yield _case(entry, "a file through a symbolic link", file, through, _unpack)
    backslashes = _zip([*members, ("..\\..\\evil", b"evil")])
    yield _case(entry, "backslashes", file, backslashes, _unpack, _FILES)
    for name, data in (
        ("empty", b""),
        ("a web page", b"<html>404</html>"),
        ("without members", _zip([])),
        ("another folder", _zip([("other/a", b"")])),
        ("a file for the folder", _zip([("scene", b"")])),
    ):
        yield _case(entry, name, file, data, _unpack)
    directory = good.index(b"PK\1\2")
    for name, offset, new in (
        ("a password", 8, b"\1\0"),
        ("an unknown compression", 10, b"\x63\0"),
        ("Deflate64", 10, b"\x09\0"),
        ("another checksum", 16, b"\1\2\3\4"),
        ("a place behind the end", 42, b"\0\0\0\x7f"),
    ):
        data = patched(good, directory + offset, new)
        yield _case(entry, name, file, data, _unpack)
    # Bit 11 of the flags says that names are UTF-8, which this one is not.
    data = patched(patched(good, directory + 9, b"\x08"), directory + 46, b"\xb6")
    yield _case(entry, "a name that is no text", file, data, _unpack)
    yield _case(entry, "declares 10^15 bytes", file, _zip64(), _unpack)
    for length, data in cuts(good, 12):
        yield _case(entry, f"cut after {length}", file, data, _unpack)
    for position, data in flips(_zip(members, method=zipfile.ZIP_STORED), 25):
        yield _case(
            entry,
            f"byte {position} changed",
            file,
            data,
            _unpack_contents,
            True,
            may_refuse=True,
        )


def _unpack_contents(path):
    """Whether each unpacked file has the content of a packed one."""
    return set(_unpack(path).values()) <= set(_FILES.values())


def _zip64():
    """A ZIP whose directory declares a file of 10^15 bytes."""
    data = _zip(_FILES.items(), method=zipfile.ZIP_STORED)
    start, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    name_length = struct.unpack("<H", data[start + 28 : start + 30])[0]
    place = start + 46 + name_length
    extra = struct.pack("<HHQ", 1, 8, 10**15)
    data = patched(data, start + 24, b"\xff\xff\xff\xff")
    data = patched(data, start + 30, struct.pack("<H", len(extra)))
    data = patched(data, end + 12, struct.pack("<I", end - start + len(extra)))
    return data[:place] + extra + data[place:]


def _tar_cases():
    members = list(_FILES.items())
    entry = "tar archive"
    for mode in ("gz", "bz2", "xz", ""):
        file, data = f"scene.tar.{mode}", _tar(members, f"w:{mode}")
        yield _case(entry, f"whole {mode}", file, data, _unpack, _FILES)
        for length, part in cuts(data, 8 if mode else 5):
            # The blocks of zeros at the end of a bare tar are of no use.
            yield _case(
                entry,
                f"{mode} cut after {length}",
                file,
                part,
                _unpack,
                _FILES,
                may_refuse=True,
            )
    part = _tar(members)[:1024]
    yield _case(entry, "the first file alone", "scene.tar", part, _unpack)
    for name, header in (
        ("a symbolic link outside", _link("scene/link", "/etc/passwd")),
        ("a symbolic link above", _link("scene/link", "../../..")),
        ("a symbolic link inside", _link("scene/link", "view1.png")),
        ("a hard link", _link("scene/link", "/etc/passwd", tarfile.LNKTYPE)),
        ("a device", _link("scene/null", "", tarfile.CHRTYPE)),
        ("a pipe", _link("scene/pipe", "", tarfile.FIFOTYPE)),
    ):
        data = _tar([*members, header])
        yield _case(entry, name, "scene.tar", data, _unpack)
    chain = [_link("scene/a", "."), _link("scene/a/b", ".."), ("scene/a/b/evil", b"x")]
    yield _case(entry, "a chain of links", "scene.tar", _tar(chain), _unpack)
    through = [_link("scene", "/tmp"), ("scene/evil", b"x")]
    yield _case(entry, "a file through a link", "scene.tar", _tar(through), _unpack)
    for name in ("../evil", "scene/../../evil", "scene/../../../tmp/evil"):
        data = _tar([*members, (name, b"evil")])
        yield _case(entry, f"a file {name}", "scene.tar", data, _unpack)
    absolute = _tar([*members, ("/evil-of-a-test", b"evil")])
    # Its slash is taken off: it stays within the temporary folder.
    yield _case(entry, "an absolute path", "scene.tar", absolute, _unpack, _FILES)
    huge = tarfile.TarInfo("scene/huge")
    huge.size = 10**11
    lie = huge.tobuf() + b"\0" * 2048
    yield _case(entry, "declares 100 GB", "scene.tar", lie, _unpack)
    yield _case(entry, "empty", "scene.tar", b"", _unpack)
    yield _case(entry, "a web page", "scene.tar.gz", b"<html>404</html>", _unpack)
    yield _case(entry, "another folder", "scene.tar", _tar([("b/a", b"")]), _unpack)
