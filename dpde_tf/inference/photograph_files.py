"""The photographs and videos that a command names, as files and folders."""

import pathlib
from collections.abc import Iterator, Sequence

from dpde_tf.files.folders import repeated
from dpde_tf.files.image_folders import images_of_folder
from dpde_tf.files.images import IMAGE_SUFFIXES
from dpde_tf.files.videos import is_video
from dpde_tf.inference.videos import video_file


def find_photographs(names: Sequence[str], output: pathlib.Path) -> list[pathlib.Path]:
    """Returns the image files among files and folders.

    Args:
        names: Files, or folders whose images are taken; see `images_of_folder`.
        output: Folder of the results, which must not hold any of the images.

    Returns:
        The files.

    Raises:
        FileNotFoundError: If a name does not exist, or a folder has no images.
        ValueError: If two files have the same stem, or the output is their folder.
    """
    paths = list(_expand(names))
    images = (path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES)
    if any(path.parent.resolve() == output.resolve() for path in images):
        raise ValueError(
            f"The folder {output} holds photographs of `images`; its own results "
            "would be among them next time. Use another `output`."
        )
    _check_stems(paths, "file")
    return paths


def find_videos(names: Sequence[str], output: pathlib.Path) -> list[pathlib.Path]:
    """Returns the videos among files and folders.

    Args:
        names: Files and folders; all but videos are ignored.
        output: Folder of the results.

    Returns:
        The files.

    Raises:
        FileNotFoundError: If a video does not exist.
        ValueError: If two videos have the same stem, or one is the result of another.
    """
    paths = [pathlib.Path(name) for name in names if is_video(name)]
    videos = [path for path in paths if not path.is_dir()]
    if missing := [path for path in videos if not path.is_file()]:
        raise _missing_file(str(missing[0]))
    _check_stems(videos, "video")
    results = {video_file(video, output).resolve() for video in videos}
    if taken := [video for video in videos if video.resolve() in results]:
        raise ValueError(
            f"{taken[0]} would be replaced by the result of another video. Use another "
            "`output`."
        )
    return videos


def _check_stems(paths: Sequence[pathlib.Path], kind: str) -> None:
    """Refuses files whose results would have the same names."""
    if twice := repeated([path.stem for path in paths]):
        raise ValueError(
            f"`images` has more than one {kind} named {', '.join(twice)}; their "
            "results would overwrite each other. Predict them to another `output` each."
        )


def skipped_files(names: Sequence[str]) -> dict[pathlib.Path, str]:
    """Returns what `find_photographs` leaves out of the folders that are named.

    Args:
        names: As for `find_photographs`.

    Returns:
        File or folder to the reason, without hidden files.
    """
    folders = (name for name in names if name and pathlib.Path(name).is_dir())
    return {
        path: reason
        for name in folders
        for path, reason in images_of_folder(name)[1].items()
    }


def _missing_file(name: str) -> FileNotFoundError:
    """The error for a name of `images` that does not exist."""
    return FileNotFoundError(
        f"`images` names {name!r}, which does not exist. Check its spelling; the "
        f"current folder is {pathlib.Path.cwd()}."
    )


def _expand(names: Sequence[str]) -> Iterator[pathlib.Path]:
    """The files, and the image files of the folders."""
    for name in names:
        path = pathlib.Path(name)
        if name and path.is_dir():
            images, skipped = images_of_folder(path)
            if not images:
                why = "".join(f" {p.name}: {reason}" for p, reason in skipped.items())
                raise FileNotFoundError(
                    f"The folder '{path}' of `images` has no images.{why} Give a "
                    f"folder with files of the suffixes {', '.join(IMAGE_SUFFIXES)}."
                )
            yield from images
        elif path.is_file():
            yield path
        else:
            raise _missing_file(name)
