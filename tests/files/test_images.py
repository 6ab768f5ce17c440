"""Tests of dpde_tf.files.images."""

import struct

import cv2
import numpy as np
import pytest
from absl import logging

from dpde_tf.files.images import IMAGE_SUFFIXES, read_image, resize_image


def test_resize_image_halves_to_the_rounded_mean_of_four(rng):
    image = rng.integers(0, 256, (6, 8, 3), np.uint8)
    mean = image.reshape(3, 2, 4, 2, 3).mean((1, 3))
    resized = resize_image(image, (3, 4))
    assert resized.dtype == np.uint8
    # Both are exact up to the rounding of halves.
    assert np.abs(resized - mean).max() <= 0.5
    linear = cv2.resize(image, (4, 3), interpolation=cv2.INTER_LINEAR)
    assert np.abs(linear - mean).max() <= 0.5


def test_resize_image_shrinks_by_area_and_enlarges_bilinearly():
    stripes = np.tile(np.uint8([0, 255, 0]), 4)[np.newaxis, :, np.newaxis]
    stripes = np.repeat(stripes, 3, axis=2)
    np.testing.assert_array_equal(resize_image(stripes, (1, 4)), np.full((1, 4, 3), 85))
    pixels = np.uint8([[[0] * 3, [100] * 3]])
    enlarged = resize_image(pixels, (1, 4))[0, :, 0]
    np.testing.assert_array_equal(enlarged, [0, 25, 75, 100])
    assert resize_image(pixels, (1, 2)) is pixels


def test_read_image_is_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.uint8([[[0, 0, 255]]]))  # BGR
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), [[[255, 0, 0]]])


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_read_image_reads_every_suffix(tmp_path, suffix):
    written = ".jpg" if suffix == ".jfif" else suffix
    _, data = cv2.imencode(written, np.full((8, 8, 3), 255, np.uint8))
    (tmp_path / f"a{suffix}").write_bytes(data.tobytes())
    image = read_image(tmp_path / f"a{suffix}")
    # Lossy formats may change a constant by one or two levels, and the palette of GIF
    # ends at 252.
    assert image.shape == (8, 8, 3) and image.min() >= 252


def test_read_image_takes_the_first_frame_of_a_gif(tmp_path):
    animation = cv2.Animation()
    animation.frames = [np.full((8, 9, 3), value, np.uint8) for value in (255, 0)]
    animation.durations = [100, 100]
    cv2.imwriteanimation(str(tmp_path / "a.gif"), animation)
    image = read_image(tmp_path / "a.gif")
    assert image.shape == (8, 9, 3) and image.min() >= 252


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".ppm", ".gif", ".avif"])
@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_read_image_rejects_a_truncated_file(tmp_path, rng, suffix, keep):
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), rng.integers(0, 256, (40, 50, 3), np.uint8))
    assert read_image(path).shape == (40, 50, 3)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(ValueError, match=f"a{suffix} must be a complete image"):
        read_image(path)


@pytest.mark.parametrize("progressive", [0, 1])
def test_read_image_reads_a_jpeg_with_appended_data(tmp_path, rng, progressive):
    """Phones append the video of a motion photo; it may hold any bytes."""
    path, pixels = tmp_path / "a.jpg", rng.integers(0, 256, (40, 50, 3), np.uint8)
    cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])
    whole, data = read_image(path), path.read_bytes()
    for tail in (b"\xff\xda", b"\xff\xd9\xff\xda", rng.bytes(100_000)):
        path.write_bytes(data + tail)
        np.testing.assert_array_equal(read_image(path), whole)


def test_read_image_tells_other_files_from_damaged_images(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(ValueError, match=r"notes.txt is not an image.*\.avif, \.bmp"):
        read_image(tmp_path / "notes.txt")
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 50, 3), np.uint8))
    (tmp_path / "a").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    with pytest.raises(ValueError, match=r"a must be a complete image file"):
        read_image(tmp_path / "a")


def test_read_image_says_that_a_folder_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is a folder, not a file\.$"):
        read_image(tmp_path)


def test_read_image_names_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.png does not exist"):
        read_image(tmp_path / "none.png")
    (tmp_path / "dead.png").symlink_to("gone.png")
    with pytest.raises(FileNotFoundError, match=r"dead.png is a link to gone.png, wh"):
        read_image(tmp_path / "dead.png")


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
            r"HEIC image, which.*JPEG or PNG",
        ),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", r"HEIC image, which is not supported"),
        (
            b"\0\0\0\x18ftypisom\0\0\2\0isommp41",
            r"video \(MP4 or .*give the video itself",
        ),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", r"video \(MP4 or QuickTime\)"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", r"video \(MP4 or QuickTime\)"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", r"raw file of a camera"),
        (b"RIFF\x24\0\0\0AVI LIST", r"AVI video"),
        (b"\x1aE\xdf\xa3\x01\0\0\0", r"Matroska or WebM video"),
        (b"\xff\x0a\xfa\x1f", r"JPEG XL"),
        (b"%PDF-1.7", r"PDF"),
    ],
)
def test_read_image_names_unsupported_formats(tmp_path, start, message):
    (tmp_path / "a.jpg").write_bytes(start + bytes(200))
    with pytest.raises(ValueError, match=rf"a\.jpg is an? {message}"):
        read_image(tmp_path / "a.jpg")


def test_read_image_accepts_an_avif_with_the_brand_heif(tmp_path):
    _, data = cv2.imencode(".avif", np.full((8, 8, 3), 90, np.uint8))
    (tmp_path / "a.avif").write_bytes(data.tobytes().replace(b"ftypavif", b"ftypmif1"))
    assert read_image(tmp_path / "a.avif").shape == (8, 8, 3)


@pytest.fixture
def warnings_of(monkeypatch):
    """The logged warnings."""
    texts = []
    monkeypatch.setattr(logging, "warning", lambda text, *v: texts.append(text % v))
    return texts


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".ppm"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_read_image_finds_the_bit_depth_of_a_16_bit_file(
    tmp_path, warnings_of, bits, suffix
):
    # In steps of one level of 256, from black to white.
    levels = np.arange(256, dtype=np.uint16).reshape(16, 16)
    white = 2**bits - 1
    pixels = (levels.astype(np.uint32) * white // 255).astype(np.uint16)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), cv2.merge([pixels] * 3))
    image = read_image(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(image[..., 0], levels)
    if bits == 16:
        assert not warnings_of
    else:
        (text,) = warnings_of
        assert f"a{suffix} has 16 bits per channel, but no number over {white};" in text
        assert f"of {bits} bits. Use `image_bits` to change" in text


def test_read_image_uses_the_given_bit_depth(tmp_path, warnings_of):
    path = tmp_path / "dark.png"
    cv2.imwrite(str(path), np.full((4, 4, 3), 800, np.uint16))
    # 800 of 1024, of 4096, of 65536, in 256ths.
    assert [read_image(path, bits=b)[0, 0, 0] for b in (10, 12, 16)] == [200, 50, 3]
    assert not warnings_of
    with pytest.raises(ValueError, match=r"dark.png holds 800, more than the 9 bit"):
        read_image(path, bits=9)
    cv2.imwrite(str(path), np.full((4, 4, 3), 90, np.uint8))
    assert read_image(path, bits=12)[0, 0, 0] == 90


def test_read_image_uses_the_bit_depth_that_a_pnm_declares(tmp_path):
    data = b"P6\n# dark\n2 1\n4095\n" + (800).to_bytes(2) * 6
    (tmp_path / "a.ppm").write_bytes(data)
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.ppm"), np.full((1, 2, 3), 50)
    )


def test_read_image_knows_the_bit_depth_of_an_avif(tmp_path, warnings_of):
    pixels = np.full((16, 16, 3), 200, np.uint16)  # Of 1023.
    cv2.imwrite(str(tmp_path / "a.avif"), pixels, [cv2.IMWRITE_AVIF_DEPTH, 10])
    assert np.abs(read_image(tmp_path / "a.avif").astype(int) - 50).max() <= 2
    assert not warnings_of


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16, np.int32])
def test_read_image_rejects_types_of_unknown_white(tmp_path, kind):
    cv2.imwrite(str(tmp_path / "a.tiff"), np.full((4, 4, 3), 0.5).astype(kind))
    name = np.dtype(kind).name
    with pytest.raises(ValueError, match=rf"a.tiff holds {name} numbers, whose value"):
        read_image(tmp_path / "a.tiff")


@pytest.mark.parametrize(
    ("suffix", "white"),
    [
        *(
            (suffix, white)
            for suffix in (".png", ".tiff")
            for white in (255, 1023, 65535)
        ),
        (".webp", 255),
    ],
)
def test_read_image_composites_over_grey(tmp_path, rng, suffix, white):
    kind = np.uint8 if white == 255 else np.uint16
    pixels = np.zeros((8, 9, 4), kind)
    pixels[..., :3] = white * 51 // 255
    pixels[..., 3] = white
    pixels[-1, :, :3] = white
    plain = pixels.copy()
    pixels[:4, :, 3] = 0
    # Invisible noise in all 16 bits.
    pixels[:4, :, :3] = rng.integers(0, np.iinfo(kind).max, (4, 9, 3))
    pixels[4, :, 3] = (white + 1) // 2
    options = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else []
    images = []
    for name, written in (("opaque", plain), ("clear", pixels)):
        cv2.imwrite(str(tmp_path / f"{name}{suffix}"), written, options)
        images.append(read_image(tmp_path / f"{name}{suffix}"))
    assert (images[0][:7] == 51).all() and (images[0][7] == 255).all()
    assert (images[1][:4] == 128).all()
    # Half of 51, half of 128.
    np.testing.assert_allclose(images[1][4], 89.5, atol=1)
    np.testing.assert_array_equal(images[1][5:], images[0][5:])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("extra_samples", [0, 1, 2])
def test_read_image_composites_tiff_of_every_kind_of_opacity(
    tmp_path, extra_samples, kind
):
    """Associated opacity (1) is stored with colours that are multiplied by it."""
    white = np.iinfo(kind).max
    colour, share = np.float64([0.8, 0.4, 0.2]), 128 / 255
    stored = colour * (share if extra_samples == 1 else 1)
    pixel = np.rint(white * np.append(stored, share)).astype(kind)
    (tmp_path / "a.tif").write_bytes(_tiff(np.tile(pixel, (2, 3, 1)), extra_samples))
    expected = 255 * colour * share + 128 * (1 - share)
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_allclose(image, np.broadcast_to(expected, (2, 3, 3)), atol=1)


def _tiff(pixels, extra_samples):
    """An uncompressed RGBA TIFF (Adobe, TIFF 6.0), little-endian."""
    height, width, _ = pixels.shape
    bits = 8 * pixels.itemsize
    fields = [(256, 4, width), (257, 4, height), (259, 3, 1), (262, 3, 2)]
    fields += [(277, 3, 4), (278, 4, height), (279, 4, pixels.nbytes)]
    fields += [(338, 3, extra_samples)] if extra_samples else []
    start = 8 + 2 + 12 * (len(fields) + 2) + 4
    fields += [(258, 3, start), (273, 4, start + 8)]  # Both are beside the folder.
    folder = struct.pack("<H", len(fields))
    for tag, kind, value in sorted(fields):
        folder += struct.pack("<HHII", tag, kind, 4 if tag == 258 else 1, value)
    data = struct.pack("<4H", *[bits] * 4) + pixels.astype(f"<u{bits // 8}").tobytes()
    return b"II*\0" + struct.pack("<I", 8) + folder + bytes(4) + data


def test_read_image_orients_transparency_as_exif_says(tmp_path):
    pixels = np.full((4, 6, 4), 255, np.uint8)
    pixels[..., 0] = np.arange(24).reshape(4, 6) * 10  # Blue.
    pixels[0, :2, 3] = 0
    # Orientation 6: to be turned clockwise for display.
    exif = b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHIHHI", 0x0112, 3, 1, 6, 0, 0)
    metadata = [cv2.IMAGE_METADATA_EXIF], [np.frombuffer(exif, np.uint8)]
    _, data = cv2.imencodeWithMetadata(".png", pixels, *metadata)
    (tmp_path / "a.png").write_bytes(data.tobytes())
    expected = np.rot90(np.where(pixels[..., 3:], pixels, 128)[..., 2::-1], -1)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)


def test_read_image_ignores_an_empty_alpha_channel(tmp_path):
    pixels = np.full((4, 6, 4), 90, np.uint8)
    pixels[..., 3] = 0
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    assert (read_image(tmp_path / "a.png") == 90).all()
