"""Parses flags of the form LABEL=DIR."""

import pathlib
from collections.abc import Iterable

from dpde_tf.files.folders import repeated


def split_label(text: str, *, flag: str, example: str) -> tuple[str, str]:
    """Returns the label and the folder in the value of a flag.

    Args:
        text: `LABEL=DIR`; the folder may contain `=`.
        flag: Name of the flag, for the message.
        example: Valid value, for the message.

    Returns:
        Label and folder.

    Raises:
        ValueError: If the label or the folder is missing.
    """
    label, _, folder = text.partition("=")
    if not (label and folder):
        raise ValueError(
            f"--{flag} must be LABEL=DIR, such as --{flag}={example}. Received: "
            f"{text!r}."
        )
    return label, folder


def split_labels(
    texts: Iterable[str], *, flag: str, example: str
) -> dict[str, pathlib.Path]:
    """Returns the folders in the values of a flag by their labels.

    Args:
        texts: See `split_label`.
        flag: As there.
        example: As there.

    Returns:
        Folders, in the same order.

    Raises:
        ValueError: If one has another form, or a label comes twice.
    """
    pairs = [split_label(text, flag=flag, example=example) for text in texts]
    labels = [label for label, _ in pairs]
    if twice := repeated(labels):
        raise ValueError(f"--{flag} has the label {twice[0]!r} twice. Rename one.")
    return {label: pathlib.Path(folder) for label, folder in pairs}
