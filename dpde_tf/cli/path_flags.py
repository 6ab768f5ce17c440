"""Flags for paths of files and folders, in which `~` stands for the home folder.

A shell expands `~` only at the beginning of a word, and so not in `--output=~/x`.
"""

import pathlib
from collections.abc import Callable, Sequence

from absl import flags

# The flags belong to the modules that call these functions.
flags.disclaim_key_flags()


class _TextParser(flags.ArgumentParser):
    """Reads the text of a flag by a function."""

    def __init__(self, parse: Callable[[str], str]) -> None:
        """Takes the function, which raises a ValueError for a wrong text."""
        self.parse = parse


class _LabelledPathListParser(flags.ListParser):
    """Parses a list of the form LABEL=DIR,LABEL=DIR."""

    def parse(self, argument: str | list[str]) -> list[str]:
        """Returns the items; raises a ValueError for the home of an unknown user."""
        return [_expand_labelled(text) for text in super().parse(argument)]


def expand_home(path: str) -> str:
    """Returns a path with `~` or `~user` at its beginning expanded.

    Args:
        path: Any path, or an empty text.

    Returns:
        The path.

    Raises:
        ValueError: If there is no such user.
    """
    if not path.startswith("~"):
        return path
    try:
        return str(pathlib.Path(path).expanduser())
    except RuntimeError as error:
        raise ValueError(
            f"Nobody has the home folder {pathlib.Path(path).parts[0]}. If a file "
            f"bears that name, write ./{path}."
        ) from error


def _expand_labelled(text: str) -> str:
    """LABEL=DIR, in which the `~` of the folder is expanded."""
    label, equals, path = text.partition("=")
    return label + equals + expand_home(path)


def _expand_joined(text: str) -> str:
    """PATH,PATH, in which each `~` is expanded."""
    return ",".join(map(expand_home, text.split(",")))


def define_path(
    name: str, default: str | None, text: str, *, required: bool = False
) -> None:
    """Defines a flag for a path.

    Args:
        name: Name of the flag.
        default: Default value.
        text: Help text.
        required: Whether the flag must be given.
    """
    flags.DEFINE(_TextParser(expand_home), name, default, text, required=required)


def define_paths(
    name: str,
    default: Sequence[str] | None,
    text: str,
    *,
    labelled: bool = False,
    required: bool = False,
) -> None:
    """Defines a flag for a path, which may be repeated.

    Args:
        name: Name of the flag.
        default: Default values.
        text: Help text.
        labelled: Whether the values have the form LABEL=DIR.
        required: Whether the flag must be given.
    """
    parser = _TextParser(_expand_labelled if labelled else expand_home)
    serializer = flags.ArgumentSerializer()
    flags.DEFINE_multi(parser, serializer, name, default, text, required=required)


def define_joined_paths(name: str, default: str | None, text: str) -> None:
    """Defines a flag of the form PATH,PATH, whose value is a single string.

    Args:
        name: Name of the flag.
        default: Default value.
        text: Help text.
    """
    flags.DEFINE(_TextParser(_expand_joined), name, default, text)


def define_labelled_path_list(name: str, text: str, *, required: bool = True) -> None:
    """Defines a flag of the form LABEL=DIR,LABEL=DIR.

    Args:
        name: Name of the flag.
        text: Help text.
        required: Whether the flag must be given.
    """
    flags.DEFINE(
        _LabelledPathListParser(),
        name,
        None,
        text,
        serializer=flags.CsvListSerializer(","),
        required=required,
    )
