"""SHA-256 checksums of files and folders."""

import hashlib
import pathlib

FILE_NAME = "SHA256SUMS"


def file_sha256(path: str | pathlib.Path) -> str:
    """Returns the checksum of a file.

    Args:
        path: The file.

    Returns:
        64 hexadecimal digits.
    """
    with pathlib.Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checksums(folder: str | pathlib.Path) -> None:
    """Writes `SHA256SUMS` for the files of a folder, in the format of `sha256sum`.

    Args:
        folder: The folder, without subfolders; hidden files are ignored.
    """
    folder = pathlib.Path(folder)
    sums = {name: file_sha256(folder / name) for name in sorted(_listed_names(folder))}
    text = "".join(f"{value}  {name}\n" for name, value in sums.items())
    (folder / FILE_NAME).write_text(text, encoding="utf-8")


def check_checksums(folder: str | pathlib.Path) -> None:
    """Checks the files of a folder against its `SHA256SUMS`.

    Args:
        folder: A folder with `SHA256SUMS`.

    Raises:
        ValueError: If a file is missing, was added or was changed.
    """
    folder = pathlib.Path(folder)
    listed = folder / FILE_NAME
    if not listed.is_file():
        raise ValueError(f"{listed} is missing")
    # A damaged byte may become any character; the comparisons below detect it.
    lines = listed.read_text(encoding="utf-8", errors="replace").splitlines()
    sums = {name: value for value, _, name in (line.partition("  ") for line in lines)}
    if _listed_names(folder) != set(sums):
        raise ValueError(f"{listed} does not list the files that are there")
    for name, value in sums.items():
        if file_sha256(folder / name) != value:
            raise ValueError(f"{folder / name} does not have the SHA-256 of {listed}")


def _listed_names(folder: pathlib.Path) -> set[str]:
    """The names in a folder, without hidden files, which desktops may have added."""
    names = {path.name for path in folder.iterdir()} - {FILE_NAME}
    return {name for name in names if not name.startswith(".")}
