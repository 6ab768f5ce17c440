"""Images and PNG depth: PNG, JPEG, BMP, TIFF, PPM, WebP, GIF, AVIF."""

import base64
import functools
import struct

import cv2
import numpy as np

from dpde_tf.files.depth_maps import read_depth
from dpde_tf.files.images import read_image

from .array_cases import _case
from .files import cuts, exif_jpeg, flips, patched, png_chunk, png_of

_GREY = (np.arange(24, dtype=np.uint8).reshape(4, 6) * 10).astype(np.uint8)
_COLOUR = np.stack([_GREY, _GREY[::-1], 255 - _GREY], axis=-1)
_MILLIMETRES = np.arange(1, 25, dtype=np.uint16).reshape(4, 6) * 2500
_DEPTH = (_MILLIMETRES / 1000).astype(np.float32)
_read_png_depth = functools.partial(read_depth, depth_scale=0.001)
# A picture of 8x8 in red, (255, 0, 0): cyan 0, magenta 1, yellow 1, black 0, written as
# Adobe does. A JPEG keeps it within 1.
_CMYK = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ"
    "4SEA0OEQ4LCxAWEBETFBUVFQwPFxgWFBgSFBUU/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EABQAAQAA"
    "AAAAAAAAAAAAAAAAAAn/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oADgRDAE0AWQBLAAA/AFTFUKoqb/"
    "/Z"
)


def _encoded(suffix, pixels, *parameters):
    """An image file of RGB or grey pixels."""
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        pixels = pixels[..., ::-1]
    return cv2.imencode(suffix, pixels, list(parameters))[1].tobytes()


def _palette_png(*, transparent=b""):
    """A 2x2 PNG with a palette of red, green and blue."""
    extra = png_chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 0, 0, 0, 255]))
    if transparent:
        extra += png_chunk(b"tRNS", transparent)
    rows = [bytes([0, 1]), bytes([2, 0])]
    return png_of(2, 2, rows, bits=8, colour=3, extra=extra)


def _jpeg_declaring(height, width, *, progressive=0):
    """A small JPEG whose header declares another size."""
    data = _encoded(".jpg", _COLOUR, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    marker = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    return patched(data, marker + 5, struct.pack(">HH", height, width))


def _avif_declaring(side):
    """A small AVIF whose header declares another size."""
    data = _encoded(".avif", _COLOUR)
    return patched(data, data.index(b"ispe") + 8, struct.pack(">II", side, side))


def image_cases():
    """Images for networks and converters."""
    yield from _bad_images()
    yield from _good_images()
    for suffix in (".png", ".jpg", ".bmp", ".tiff", ".ppm", ".webp", ".gif", ".avif"):
        parameters = {".webp": (cv2.IMWRITE_WEBP_QUALITY, 101)}.get(suffix, ())
        data = _encoded(suffix, _COLOUR, *parameters)
        for length, part in cuts(data, 8):
            name = f"{suffix[1:]} cut after {length}"
            right = cv2.imdecode(np.frombuffer(data, np.uint8), 1)[..., ::-1]
            # The last bytes may be unused.
            yield _case(
                "image",
                name,
                f"i{suffix}",
                part,
                read_image,
                right,
                may_refuse=True,
            )
    for position, data in flips(_encoded(".png", _COLOUR), 30):
        name = f"png byte {position} changed"
        yield _case("image", name, "i.png", data, read_image, _COLOUR, may_refuse=True)


def _bad_images():
    """Files that are not images, or declare more than they hold."""
    pixels = [bytes(6)] * 4
    for name, data in (
        ("empty", b""),
        ("text", b"<html>404</html>"),
        ("a NPY", b"\x93NUMPY\1\0"),
        ("PNG 100 GB", png_of(200_000, 170_000, pixels, colour=2)),
        ("PNG 1 gigapixel", png_of(32_768, 32_767, pixels, bits=8)),
        ("PNG 2^31 x 2^31", png_of(2**31 - 1, 2**31 - 1, pixels)),
        ("PNG of no width", png_of(0, 4, pixels)),
        ("PNG of no height", png_of(6, 0, [])),
        ("PNG of 7 bits", png_of(6, 4, pixels, bits=7)),
        ("PNG of too few rows", png_of(6, 4, pixels[:2], bits=8)),
        ("PNG of colour type 9", png_of(6, 4, pixels, bits=8, colour=9)),
        ("palette PNG without one", png_of(6, 4, pixels, bits=8, colour=3)),
        ("JPEG 65500 x 65500", _jpeg_declaring(65_500, 65_500)),
        ("JPEG 17000 x 60000", _jpeg_declaring(17_000, 60_000)),
        (
            "progressive JPEG 17000 x 60000",
            _jpeg_declaring(17_000, 60_000, progressive=1),
        ),
        ("JPEG of no height", _jpeg_declaring(0, 6)),
        ("JPEG of no width", _jpeg_declaring(4, 0)),
        ("JPEG marker alone", b"\xff\xd8\xff"),
        ("JPEG of FF", b"\xff\xd8" + b"\xff" * 99 + b"\xff\xd9"),
        (
            "JPEG segment without an end",
            b"\xff\xd8\xff\xe1\xff\xff" + b"\0" * 50 + b"\xff\xd9",
        ),
        ("float TIFF", _encoded(".tiff", np.ones((4, 6), np.float32))),
    ):
        yield _case("image", name, "i.png", data, read_image)
    for name, data in (
        ("GIF of 30000 x 30000", patched(_encoded(".gif", _COLOUR), 6, b"0u0u")),
        ("AVIF of 16384 x 16384", _avif_declaring(16384)),
        ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99),
        ("video", b"\0\0\0\x18ftypisom\0\0\2\0isommp41" + b"\0" * 99),
        ("ISO file of no brand", b"\0\0\0\0ftyp"),
    ):
        yield _case("image", name, "i.png", data, read_image, virtual=False)
    for name, data in (
        ("PPM 2.7 GB", b"P6\n30000 30000\n255\n" + b"\0" * 99),
        ("PPM 11 GB", b"P6\n60000 60000\n255\n" + b"\0" * 99),
        ("PPM 2^64 wide", b"P6\n18446744073709551617 1\n255\n" + b"\0" * 99),
        ("PGM of text 2.7 GB", b"P2\n30000 30000\n255\n" + b"1 " * 99),
        ("PPM of no width", b"P6\n0 4\n255\n"),
        ("PPM of maximum 0", b"P6\n2 2\n0\n" + b"\0" * 12),
    ):
        yield _case("image", name, "i.ppm", data, read_image, virtual=False)
    bmp = _encoded(".bmp", _COLOUR)
    tiff = _encoded(".tiff", _COLOUR)
    for side in (30_000, 60_000, 0, -(2**31)):
        data = patched(bmp, 18, struct.pack("<ii", side, 30_000))
        yield _case(
            "image", f"BMP {side} wide", "i.bmp", data, read_image, virtual=False
        )
    for value in (30_000, 2**31, 0):
        data = _with_tiff_tags(tiff, {256: value, 257: value})
        yield _case(
            "image", f"TIFF {value} wide", "i.tif", data, read_image, virtual=False
        )
    endless = patched(tiff, struct.unpack("<I", tiff[4:8])[0], b"\xff\xff")
    yield _case("image", "TIFF 65535 tags", "i.tif", endless, read_image, virtual=False)


def _with_tiff_tags(data, values):
    """A little-endian TIFF with other values of some tags."""
    start = struct.unpack("<I", data[4:8])[0]
    (count,) = struct.unpack("<H", data[start : start + 2])
    for index in range(count):
        place = start + 2 + 12 * index
        tag = struct.unpack("<H", data[place : place + 2])[0]
        if tag in values:
            entry = struct.pack("<HHII", tag, 4, 1, values[tag])
            data = patched(data, place, entry)
    return data


def _good_images():
    """Unusual images that are read."""
    wide = np.arange(600_000, dtype=np.uint32).astype(np.uint8).reshape(10, 20_000, 3)
    deep = _COLOUR.astype(np.uint16) * 256 + 255
    turned = np.zeros((16, 32, 3), np.uint8)
    turned[:, :16] = 200
    jpeg = _encoded(".jpg", turned)
    plain = cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1)[..., ::-1]
    red, green, blue = np.eye(3, dtype=np.uint8) * 255
    palette = np.stack([[red, green], [blue, red]])
    # Red is hidden and green half hidden by grey: 127 / 255 of 128, 128 / 255 of 255.
    behind = np.uint8([128, 128, 128])
    clear = np.stack([[behind, np.uint8([64, 192, 64])], [blue, behind]])
    # 7 / 255 of the colour, the rest of 128, rounded.
    nearly_clear = ((_COLOUR * np.int32(7) + 128 * 248 + 127) // 255).astype(np.uint8)
    alpha = np.dstack([_COLOUR[..., ::-1], np.full((4, 6), 7, np.uint8)])
    grey = np.repeat(_GREY[..., None], 3, axis=2)
    blank = png_of(4096, 4096, [bytes(512)] * 4096, bits=1)
    for name, file, data, right in (
        ("1x1", "i.png", _encoded(".png", _COLOUR[:1, :1]), _COLOUR[:1, :1]),
        ("10x20000", "i.png", _encoded(".png", wide), wide),
        (
            "20000x10",
            "i.png",
            _encoded(".png", wide.reshape(20_000, 10, 3)),
            wide.reshape(20_000, 10, 3),
        ),
        ("16 bits", "i.png", _encoded(".png", deep), _COLOUR),
        ("palette", "i.png", _palette_png(), palette),
        ("palette, clear", "i.png", _palette_png(transparent=b"\0\x80"), clear),
        ("alpha", "i.png", cv2.imencode(".png", alpha)[1].tobytes(), nearly_clear),
        ("grey", "i.png", _encoded(".png", _GREY), grey),
        ("all black, 1 bit", "i.png", blank, np.zeros((4096, 4096, 3), np.uint8)),
        ("CMYK", "i.jpg", _CMYK, np.tile(np.uint8([255, 1, 1]), (8, 8, 1))),
        ("BMP upside down", "i.bmp", _encoded(".bmp", _COLOUR), _COLOUR),
        ("another suffix", "i.jpg", _encoded(".png", _COLOUR), _COLOUR),
    ):
        yield _case("image", name, file, data, read_image, right)
    # Orientation 6: turned clockwise to be seen upright; 3: by half; 8: the other way.
    for orientation, turns in ((1, 0), (3, 2), (6, -1), (8, 1), (0, 0), (9, 0)):
        name = f"EXIF orientation {orientation}"
        right = np.ascontiguousarray(np.rot90(plain, turns))
        data = exif_jpeg(jpeg, orientation)
        yield _case("image", name, "i.jpg", data, read_image, right)


def tiff_depth_cases():
    """Depth in TIFF."""
    entry, file, read = "TIFF depth", "d.tif", _read_png_depth
    whole, deep = _encoded(".tiff", _MILLIMETRES), _encoded(".tiff", _DEPTH)
    for name, data in (
        ("empty", b""),
        ("a PNG", _encoded(".png", _MILLIMETRES)),
        ("the mark alone", b"II*\0"),
        ("in colours", _encoded(".tiff", _COLOUR)),
        ("no directory", patched(whole, 4, b"\xff\xff\xff\x7f")),
    ):
        yield _case(entry, name, file, data, read)
    for value in (30_000, 2**31, 0):
        data = _with_tiff_tags(deep, {256: value, 257: value})
        yield _case(entry, f"{value} wide", file, data, read, virtual=False)
    start = struct.unpack("<I", deep[4:8])[0]
    for kind, data in (("integers", whole), ("metres", deep)):
        for length, part in cuts(data, 8):
            # The last bytes may be unused.
            name, options = f"{kind} cut after {length}", {"may_refuse": True}
            yield _case(entry, name, file, part, read, _DEPTH, **options)
        yield _case(entry, kind, file, data, read, _DEPTH)
    (count,) = struct.unpack("<H", deep[start : start + 2])
    endless = patched(deep, start + 2 + 12 * count, struct.pack("<I", start))
    yield _case(
        entry, "a page that is its next", file, endless, read, _DEPTH, may_refuse=True
    )


def png_depth_cases():
    """Depth in 16-bit PNG."""
    entry, read = "PNG depth", _read_png_depth
    good = _encoded(".png", _MILLIMETRES)
    rows = [row.astype(">u2").tobytes() for row in _MILLIMETRES]
    for name, data in (
        ("empty", b""),
        ("a JPEG", _encoded(".jpg", _GREY)),
        ("a PGM", _encoded(".pgm", _MILLIMETRES)),
        ("a TIFF", _encoded(".tiff", _MILLIMETRES)),
        ("in colours", _encoded(".png", _COLOUR)),
        ("with alpha", png_of(3, 4, rows, colour=4)),
        ("with a palette", _palette_png()),
        ("declares 100 GB", png_of(230_000, 230_000, rows)),
        ("declares 2 GB", png_of(32_768, 32_767, rows)),
        ("of no size", png_of(0, 0, [])),
        ("too few rows", png_of(6, 4, rows[:3])),
    ):
        yield _case(entry, name, "d.png", data, read)
    for length, data in cuts(good, 16):
        yield _case(
            entry, f"cut after {length}", "d.png", data, read, _DEPTH, may_refuse=True
        )
    for position, data in flips(good, 50):
        name = f"byte {position} changed"
        yield _case(entry, name, "d.png", data, read, _DEPTH, may_refuse=True)
    tall = (np.arange(200_000) % 60_000).astype(np.uint16).reshape(20_000, 10)
    scaled = (tall / 1000).astype(np.float32)
    for name, data, right in (
        ("whole", good, _DEPTH),
        ("8 bits", _encoded(".png", _GREY), (_GREY / 1000).astype(np.float32)),
        ("1x1", _encoded(".png", _MILLIMETRES[:1, :1]), _DEPTH[:1, :1]),
        ("20000x10", _encoded(".png", tall), scaled),
        ("own rows", png_of(6, 4, rows), _DEPTH),
        ("bytes behind the end", good + b"more", _DEPTH),
        (
            "turned by EXIF",
            png_of(6, 4, rows, extra=png_chunk(b"eXIf", _turned_exif())),
            _DEPTH,
        ),
    ):
        yield _case(entry, name, "d.png", data, read, right)


def _turned_exif():
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", 0x0112, 3, 1, 6, 0, 0)
