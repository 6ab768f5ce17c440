"""Unpacks archives safely, and either completely or not at all."""

import pathlib
import shutil
import tarfile
import zipfile

from dpde_tf.files.atomic import OF_THE_DISK, partial_folder, unwritable
from dpde_tf.files.errors import BAD_ZIP

_DAMAGED = (tarfile.TarError, *BAD_ZIP)


def _check_zip_names(archive: zipfile.ZipFile, directory: pathlib.Path) -> None:
    """Raises a ValueError if a member would be written outside of the folder."""
    root = directory.resolve()
    for name in archive.namelist():
        if not (root / name).resolve().is_relative_to(root):
            raise ValueError(
                f"{archive.filename} must not reach outside of its folder; it holds "
                f"{name!r}. Do not use it."
            )


def _check_zip_size(archive: zipfile.ZipFile, directory: pathlib.Path) -> None:
    """Raises a ValueError if a ZIP declares more bytes than are free on the disk."""
    declared = sum(member.file_size for member in archive.infolist())
    free = shutil.disk_usage(directory).free
    if declared > free:
        raise ValueError(
            f"{archive.filename} declares {declared} bytes; {free} are free in "
            f"{directory}. If it should be smaller, delete it and fetch it again."
        )


def _files_and_folders(member: tarfile.TarInfo, directory: str) -> tarfile.TarInfo:
    """Applies the filter of `tarfile`, and also refuses all links and devices.

    No data set needs links, and they have been used to get around that filter.
    """
    if not (member.isfile() or member.isdir()):
        raise ValueError(f"{member.name!r} is neither a file nor a folder")
    return tarfile.data_filter(member, directory)


def _extract(archive: pathlib.Path, directory: pathlib.Path) -> None:
    """Unpacks a zip or tar archive; members outside of the folder are refused."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            _check_zip_names(opened, directory)
            _check_zip_size(opened, directory)
            opened.extractall(directory)
    else:
        with tarfile.open(archive) as opened:
            try:
                opened.extractall(directory, filter=_files_and_folders)
            except (ValueError, tarfile.FilterError) as error:
                raise ValueError(
                    f"{archive} must hold files and folders of its own; it is refused: "
                    f"{error}. Do not use it."
                ) from error
            # tarfile accepts an archive that lacks its last blocks, which are zeros.
            if opened.fileobj.tell() <= opened.offset:
                raise tarfile.ReadError("its end is missing")


def unpack(
    archive: str | pathlib.Path, directory: str | pathlib.Path, folder: str
) -> pathlib.Path:
    """Unpacks the one folder that an archive holds, and returns its path.

    Args:
        archive: `.zip`, or a tar archive compressed in any way.
        directory: Where to put the folder.
        folder: Name of the folder in the archive; everything else is left out.

    Returns:
        `directory / folder`. If it exists already, nothing is unpacked.

    Raises:
        ValueError: If the archive is damaged, reaches outside of its folder, or does
            not hold the folder.
        OSError: If the folder cannot be written.
    """
    archive, target = pathlib.Path(archive), pathlib.Path(directory) / folder
    if target.exists():
        return target
    try:
        with partial_folder(target) as temporary:
            _extract(archive, temporary)
            if not (temporary / folder).is_dir():
                names = sorted(path.name for path in temporary.iterdir())
                raise ValueError(
                    f"{archive} must hold the folder {folder!r}; it holds "
                    f"{', '.join(names[:5])}. Unpack it by hand to {target}."
                )
            (temporary / folder).rename(target)
    except _DAMAGED as error:
        if str(archive) in str(error):  # Ours.
            raise
        if isinstance(error, OSError) and error.errno in OF_THE_DISK:
            raise unwritable(target, error) from error
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(
            f"{archive} must be a whole archive; it cannot be unpacked ({reason}). "
            "Delete it and fetch it again."
        ) from error
    return target
