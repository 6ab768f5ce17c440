"""Lists the images of a folder, and the files that are skipped."""

import contextlib
import pathlib

from dpde_tf.files.file_formats import START_BYTES, unsupported_format
from dpde_tf.files.images import IMAGE_SUFFIXES


def images_of_folder(
    folder: str | pathlib.Path,
) -> tuple[list[pathlib.Path], dict[pathlib.Path, str]]:
    """Returns the images of a folder, and everything else in it.

    Args:
        folder: The folder; hidden files are ignored.

    Returns:
        The files with one of `IMAGE_SUFFIXES`, including broken links, in the order of
        their names; and for each other file or folder, the reason why it is skipped.

    Raises:
        OSError: If the folder cannot be read.
    """
    images, skipped = [], {}
    for path in sorted(pathlib.Path(folder).iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            skipped[path] = "folders are not searched."
        elif path.suffix.lower() in IMAGE_SUFFIXES:
            images.append(path)
        else:
            skipped[path] = _why_no_image(path)
    return images, skipped


def _why_no_image(path: pathlib.Path) -> str:
    """Describes a file without the suffix of an image."""
    start = b""
    if path.is_file():  # A pipe would wait for somebody who writes.
        with contextlib.suppress(OSError), path.open("rb") as file:
            start = file.read(START_BYTES)
    suffixes = ", ".join(IMAGE_SUFFIXES)
    return unsupported_format(start) or f"not an image, whose suffixes are {suffixes}."
