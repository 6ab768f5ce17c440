"""Matches files in several folders by their stems, and removes empty folders."""

import collections
import contextlib
import pathlib
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping


def normalized(name: str) -> str:
    """Returns a name in the form in which names are compared.

    An accented letter can be one character or two. File systems, archives and editors
    convert between the two forms.

    Args:
        name: Name of a file or record.

    Returns:
        The name in Unicode normal form C.
    """
    return unicodedata.normalize("NFC", name)


def stem_of(path: pathlib.Path) -> str:
    """Returns the normalized stem of a file.

    Args:
        path: The file.

    Returns:
        The name without folder and suffix, as a key of `files_by_stem`.
    """
    return normalized(path.stem)


def repeated(names: Iterable[str]) -> list[str]:
    """Returns the names that come more than once, sorted.

    Args:
        names: Names, in any order.
    """
    counts = collections.Counter(names)
    return sorted(name for name, count in counts.items() if count > 1)


def files_by_stem(
    folder: str | pathlib.Path, suffixes: Collection[str], *, remedy: str
) -> dict[str, pathlib.Path]:
    """Returns the files of a folder that have one of the suffixes.

    Args:
        folder: The folder; subfolders and hidden files are ignored.
        suffixes: Suffixes in lower case, such as `.png`.
        remedy: Remedy for a missing folder, a whole sentence.

    Returns:
        Files by normalized stem, in the order of their names.

    Raises:
        FileNotFoundError: If the folder does not exist.
        NotADirectoryError: If it is a file.
        ValueError: If two files have the same stem.
    """
    folder = pathlib.Path(folder)
    if folder.is_file():
        raise NotADirectoryError(
            f"{folder} is a file, where a folder is needed. Give the folder that holds "
            "the file."
        )
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
                f"Each stem must be unique in {folder}; {path.name} and {other.name} "
                f"have the same{_unlike(path, other)}. Remove one of them."
            )
    return files


def partner(files: Mapping[str, pathlib.Path], stem: str, kind: str) -> pathlib.Path:
    """Returns the file with the given stem.

    Args:
        files: Files by stem, as `files_by_stem` returns them.
        stem: Stem, as `stem_of` returns it.
        kind: Kind of file, for the message.

    Returns:
        The file.

    Raises:
        FileNotFoundError: If no file has the stem.
    """
    if stem not in files:
        folder = next((f" in {path.parent}" for path in files.values()), "")
        raise FileNotFoundError(
            f"There is no {kind} of the same stem, {stem!r}{folder}. Add the file, or "
            "give another folder."
        )
    return files[stem]


def _unlike(path: pathlib.Path, other: pathlib.Path) -> str:
    """Explains how two stems differ that look alike; an empty string if they do not."""
    if path.stem == other.stem:
        return ""
    return f" in other Unicode characters ({path.name!a} and {other.name!a})"


@contextlib.contextmanager
def removed_if_empty(folder: str | pathlib.Path) -> Iterator[None]:
    """Removes a folder that the block has made, unless it holds something.

    Args:
        folder: The folder; it need not exist.

    Yields:
        Nothing.
    """
    folder = pathlib.Path(folder)
    existed = folder.exists()
    try:
        yield
    finally:
        if not existed:
            with contextlib.suppress(OSError):
                folder.rmdir()
