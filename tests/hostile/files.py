"""Malformed files."""

import io
import struct
import zipfile
import zlib

import numpy as np

HUGE = 25 * 10**9  # Numbers: 100 GB of float32.


def npy_header(text, *, version=1, length=None, data=b""):
    """An NPY file with this text as its header."""
    head = text.encode("latin1")
    head += b" " * (-(11 + len(head)) % 64) + b"\n"
    form = "<H" if version == 1 else "<I"
    size = struct.pack(form, len(head) if length is None else length)
    return b"\x93NUMPY" + bytes([version, 0]) + size + head + data


def npy_declaring(shape, *, descr="<f4", data=b"\0" * 64, order=False):
    """An NPY file whose header declares a shape, and that holds these bytes."""
    text = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}}}"
    return npy_header(text, data=data)


def npy_of(array):
    """What `numpy.save` writes."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npz_of(members, *, compression=zipfile.ZIP_STORED):
    """A ZIP archive of members, name to bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def pfm_of(values, *, header=None):
    """A PFM file, little-endian."""
    height, width = values.shape
    header = header or f"Pf\n{width} {height}\n-1.0\n".encode()
    return header + values[::-1].astype("<f4").tobytes()


def png_chunk(kind, content):
    """One chunk of a PNG with its checksum."""
    size, check = len(content), zlib.crc32(kind + content)
    return struct.pack(">I", size) + kind + content + struct.pack(">I", check)


def png_of(width, height, rows, *, bits=16, colour=0, extra=b"", interlace=0):
    """A PNG of these unfiltered rows (bytes without the filter's)."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    head, body, end = (png_chunk(*chunk) for chunk in chunks)
    return b"\x89PNG\r\n\x1a\n" + head + extra + body + end


def exif_jpeg(jpeg, orientation):
    """A JPEG whose EXIF segment declares its orientation."""
    tiff = b"II*\0\x08\0\0\0\x01\0" + struct.pack(
        "<HHIHH", 0x0112, 3, 1, orientation, 0
    )
    content = b"Exif\0\0" + tiff + b"\0\0\0\0"
    segment = b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
    return jpeg[:2] + segment + jpeg[2:]


def patched(data, position, new):
    """The bytes with some of them replaced."""
    return data[:position] + new + data[position + len(new) :]


def flips(data, count):
    """(position, data with one byte changed), spread evenly."""
    for position in np.linspace(0, len(data) - 1, count).astype(int):
        yield int(position), patched(data, position, bytes([data[position] ^ 0x55]))


def cuts(data, count):
    """(length, the first bytes), spread evenly, never all of them."""
    for length in np.linspace(0, len(data) - 1, count).astype(int):
        yield int(length), data[:length]
