"""Folders of files that belong together by their stems."""

import pathlib
from collections.abc import Collection


def files_by_stem(
    folder: str | pathlib.Path, suffixes: Collection[str], *, remedy: str
) -> dict[str, pathlib.Path]:
    """Returns the files of a folder with one of the suffixes.

    Args:
        folder: The folder; its subfolders and its hidden files are not looked at.
        suffixes: In lower case, such as `.png`.
        remedy: What to do if the folder is missing, a whole sentence.

    Returns:
        Stem to file, in the order of the names.

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
        if path.stem in files:
            raise ValueError(
                f"Each stem must be there once in {folder}; {path.name} and "
                f"{files[path.stem].name} have the same. Remove one of them."
            )
        files[path.stem] = path
    return files
