"""Lists of the pairs of a split, as text files."""

import pathlib
from collections.abc import Collection

from data_prep.conversion.raw_files import read_text, require_file
from dpde_tf.files.depth_formats import SUFFIXES
from dpde_tf.files.folders import normalized
from dpde_tf.files.images import IMAGE_SUFFIXES


def read_list(path: str | pathlib.Path, *, known: Collection[str] = ()) -> list[str]:
    """Returns the stems that a list file names, in its order.

    Args:
        path: Text file with one stem or file name per line; empty lines and lines that
            start with `#` are skipped.
        known: Stems of the existing files.

    Returns:
        Normalised stems; only suffixes of images and depth maps are removed, so a dot
        inside a stem is kept.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not UTF-8 text, names no pair, or a comment is also the
            stem of a file.
    """
    path = require_file(pathlib.Path(path), "Give --train_list or --test_list.")
    lines = [line.strip() for line in read_text(path).splitlines()]
    for line in lines:
        if line.startswith("#") and _stem(line) in known:
            raise ValueError(
                f"{path}: the line {line!r} begins with #, as comments do, but is also "
                f"the name of a file. Write './{line}' to name the pair, or another "
                "comment, such as '# without ...'."
            )
    stems = [_stem(line) for line in lines if line and line[0] != "#"]
    if not stems:
        raise ValueError(f"{path} must name a pair at least; it names none.")
    return stems


def _stem(line: str) -> str:
    """The stem that a line of a list names."""
    name = pathlib.PurePath(line)
    has_suffix = name.suffix.lower() in (*IMAGE_SUFFIXES, *SUFFIXES)
    return normalized(name.stem if has_suffix else name.name)
