"""Reads the focal length that a camera stored in an image file (EXIF)."""

import contextlib
import dataclasses
import math
import pathlib
import struct

import cv2
import numpy as np

_ORIENTATION, _EXIF_FOLDER = 0x0112, 0x8769
_WIDTH, _HEIGHT, _FOCAL_35MM = 0xA002, 0xA003, 0xA405
_FORMATS = {3: "H", 4: "I"}  # The types SHORT and LONG.
_MARKERS = (b"Exif", b"EXIF", b"eXIf")
# Orientations for which the height and the width are exchanged.
_TURNED = range(5, 9)
# Diagonal of 35 mm film, 36 x 24 mm.
_FILM_DIAGONAL = math.hypot(36.0, 24.0)
# Sides may be rounded when an image is resized.
_SAME_ASPECT = 0.01


@dataclasses.dataclass(frozen=True)
class ExifCamera:
    """What a camera stored about a picture.

    Attributes:
        focal_35mm: Focal length that has the same diagonal angle of view on 35 mm film.
        size: (height, width) of the picture that the camera took, in the orientation in
            which it is shown; None if it is not stored.
    """

    focal_35mm: float
    size: tuple[int, int] | None = None

    def focal(self, size: tuple[int, int]) -> float | None:
        """Returns the focal length of the image in pixels.

        An image with the aspect ratio of the camera's picture is taken to be resized.
        An image with another aspect ratio that fits into the picture is taken to be
        cropped from it, unless it has the aspect ratio of the picture on its side: then
        a program has turned the picture without noting it.

        Args:
            size: (height, width) of the image as it is shown.

        Returns:
            Pixels; None for an image with another aspect ratio that does not fit or is
            turned, since its angle of view is not known.

        Source: CIPA DCG-001 (2005), the equivalent focal length.
        """
        whole = self.size or size
        aspects = (whole[1] / whole[0], size[1] / size[0])
        turned = abs(aspects[0] * aspects[1] - 1.0) <= _SAME_ASPECT
        if abs(aspects[0] / aspects[1] - 1.0) <= _SAME_ASPECT:
            whole = size
        elif turned or size[0] > whole[0] or size[1] > whole[1]:
            return None
        return self.focal_35mm / _FILM_DIAGONAL * math.hypot(*whole)


def read_exif_camera(path: str | pathlib.Path) -> ExifCamera | None:
    """Returns what the camera noted in an image file.

    Args:
        path: An existing file.

    Returns:
        The camera; None if the file has no equivalent focal length.
    """
    data = pathlib.Path(path).read_bytes()
    if not any(marker in data for marker in _MARKERS):
        return None
    with contextlib.suppress(cv2.error, struct.error, KeyError):
        _, kinds, metadata = cv2.imdecodeWithMetadata(
            np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8
        )
        exif = dict(zip(kinds, metadata, strict=True))[cv2.IMAGE_METADATA_EXIF]
        return _camera(exif.tobytes())
    return None


def tiff_number(data: bytes, tag: int) -> int | None:
    """Returns a whole number of the first folder of a TIFF.

    Args:
        data: All bytes of a file.
        tag: Number of the field.

    Returns:
        Its value; None if the file is no TIFF or has no such number.
    """
    with contextlib.suppress(struct.error, KeyError):
        order = {b"II*\0": "<", b"MM\0*": ">"}[data[:4]]
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        return _numbers(data, order, start).get(tag)
    return None


def _camera(exif: bytes) -> ExifCamera | None:
    """The camera of an EXIF block, which is laid out like a TIFF file."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}[exif[:2]]
    main = _numbers(exif, order, struct.unpack_from(f"{order}I", exif, 4)[0])
    noted = _numbers(exif, order, main[_EXIF_FOLDER])
    if not noted.get(_FOCAL_35MM):  # 0 = unknown.
        return None
    size = (noted.get(_HEIGHT, 0), noted.get(_WIDTH, 0))
    if main.get(_ORIENTATION) in _TURNED:
        size = size[::-1]
    return ExifCamera(float(noted[_FOCAL_35MM]), size if all(size) else None)


def _numbers(exif: bytes, order: str, start: int) -> dict[int, int]:
    """The single whole numbers of a folder of EXIF by their tags."""
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    numbers = {}
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, length = struct.unpack_from(f"{order}HHI", exif, place)
        if kind in _FORMATS and length == 1:
            (numbers[tag],) = struct.unpack_from(
                order + _FORMATS[kind], exif, place + 8
            )
    return numbers
