"""Parses flags of the form LABEL=DIR."""

import pathlib
from collections.abc import Iterable

from dpde_tf.files.folders import repeated


def split_labels(
    texts: Iterable[str], *, flag: str, example: str
) -> dict[str, pathlib.Path]:
    """Returns the folders in the values of a flag by their labels.

    Args:
        texts: `LABEL=DIR` each; a folder may contain `=`.
        flag: Name of the flag, for messages.
        example: Valid value, for messages.

    Returns:
        Folders, in the same order.

    Raises:
        ValueError: If one has another form, or a label comes twice.
    """
    pairs = []
    for text in texts:
        label, _, folder = text.partition("=")
        if not (label and folder):
            raise ValueError(
                f"--{flag} must be LABEL=DIR, such as --{flag}={example}. Received: "
                f"{text!r}."
            )
        pairs.append((label, folder))
    labels = [label for label, _ in pairs]
    if twice := repeated(labels):
        raise ValueError(f"--{flag} has the label {twice[0]!r} twice. Rename one.")
    return {label: pathlib.Path(folder) for label, folder in pairs}
