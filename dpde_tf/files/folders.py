"""Folders of files that belong together by their stems."""

import pathlib
import unicodedata
from collections.abc import Collection, Mapping


def normalized(name: str) -> str:
    """Returns a name in the form in which names are compared.

    An accented letter can be one character or two, and file systems, archives and
    editors change one into the other.

    Args:
        name: Of a file or record.

    Returns:
        The name in Unicode's normal form C.
    """
    return unicodedata.normalize("NFC", name)


def stem_of(path: pathlib.Path) -> str:
    """Returns the stem of a file, normalized.

    Args:
        path: The file.

    Returns:
        Its name without folder and suffix, as `files_by_stem` has it.
    """
    return normalized(path.stem)


def files_by_stem(
    folder: str | pathlib.Path, suffixes: Collection[str], *, remedy: str
) -> dict[str, pathlib.Path]:
    """Returns the files of a folder with one of the suffixes.

    Args:
        folder: The folder; its subfolders and its hidden files are not looked at.
        suffixes: In lower case, such as `.png`.
        remedy: What to do if the folder is missing, a whole sentence.

    Returns:
        Normalized stem to file, in the order of the names.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If two of the files have the same stem.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"The folder {folder} does not exist. {remedy}")
    files = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes or path.name.startswith("."):
            continue
        if path.is_dir():
            continue
        other = files.setdefault(stem_of(path), path)
        if other is not path:
            raise ValueError(
                f"Each stem must be there once in {folder}; {path.name} and "
                f"{other.name} have the same{_unlike(path, other)}. Remove one of them."
            )
    return files


def partner(files: Mapping[str, pathlib.Path], stem: str, kind: str) -> pathlib.Path:
    """Returns the file that belongs to a stem.

    Args:
        files: As `files_by_stem` returns them.
        stem: As `stem_of` returns it.
        kind: What the file is called in the message.

    Returns:
        The file.

    Raises:
        FileNotFoundError: If there is none.
    """
    if stem not in files:
        raise FileNotFoundError(f"There is no {kind} of the same stem, {stem!r}.")
    return files[stem]


def _unlike(path: pathlib.Path, other: pathlib.Path) -> str:
    """Why two names that look alike are two."""
    if path.stem == other.stem:
        return ""
    return f" in other Unicode characters ({path.name!a} and {other.name!a})"
