"""Recognises, by their content, unsupported formats of files given as images."""

# Number of first bytes that suffice to recognise a format.
START_BYTES = 64
_SAVE = "Save it as JPEG or PNG"
_FRAME = (
    "not a photograph. To predict its frames, give the video itself, with its own "
    "suffix, instead of its folder."
)
_STARTS = {
    b"\x1aE\xdf\xa3": f"a Matroska or WebM video, {_FRAME}",
    b"FLV": f"a Flash video, {_FRAME}",
    b"OggS": f"an Ogg file, {_FRAME}",
    b"\0\0\1\xb3": f"an MPEG video, {_FRAME}",
    b"\0\0\1\xba": f"an MPEG video, {_FRAME}",
    b"0&\xb2u": f"a Windows Media video, {_FRAME}",
    b"\xff\x0a": f"a JPEG XL image, which is not supported. {_SAVE}.",
    b"\0\0\0\x0cJXL ": f"a JPEG XL image, which is not supported. {_SAVE}.",
    b"8BPS": f"a Photoshop file, which is not supported. {_SAVE}.",
    b"%PDF": f"a PDF, which is not supported. {_SAVE}.",
}
_HEIC = (
    f"a HEIC image, which is not supported. {_SAVE}, for example with "
    "`heif-convert IMAGE.heic IMAGE.jpg`; iPhones take JPEG with the camera's setting "
    "'Most Compatible'."
)
# Prefixes of brands of the ISO base media file format.
_HEIC_BRANDS = (b"hei", b"hev", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")


def is_avif(start: bytes) -> bool:
    """Returns whether a file is an AVIF image.

    Args:
        start: First `START_BYTES` bytes of the file, or more.

    Returns:
        True for an AVIF image.
    """
    return any(brand in _AVIF_BRANDS for brand in _brands(start))


def unsupported_format(start: bytes) -> str | None:
    """Returns a description of a file in a known but unsupported format.

    Args:
        start: First `START_BYTES` bytes of the file, or more.

    Returns:
        Format and remedy, to be put after "... is "; None for any other format.
    """
    for magic, description in _STARTS.items():
        if start.startswith(magic):
            return description
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return f"an AVI video, {_FRAME}"
    brands = _brands(start)
    if is_avif(start) or not (brands or start[4:8] in (b"moov", b"mdat", b"wide")):
        return None
    if any(brand.startswith(_HEIC_BRANDS) for brand in brands):
        return _HEIC
    if b"crx " in brands:
        return f"a raw file of a camera, which is not supported. {_SAVE}."
    return f"a video (MP4 or QuickTime), {_FRAME}"


def _brands(start: bytes) -> list[bytes]:
    """The brands of an ISO base media file, four bytes each."""
    if start[4:8] != b"ftyp":
        return []
    names = start[8 : min(int.from_bytes(start[:4]), START_BYTES)]
    return [names[i : i + 4] for i in range(0, len(names), 4)]
