"""Folders with a label, as flags name them: LABEL=DIR."""


def split_label(text: str, *, flag: str, example: str) -> tuple[str, str]:
    """Returns label and folder of a flag's value.

    Args:
        text: `LABEL=DIR`; the folder may have more of `=`.
        flag: Name of the flag, for the message.
        example: A right value of it, for the message.

    Returns:
        Label and folder.

    Raises:
        ValueError: If one of them is missing.
    """
    label, _, folder = text.partition("=")
    if not (label and folder):
        raise ValueError(
            f"--{flag} must be LABEL=DIR, such as --{flag}={example}. Received: "
            f"{text!r}."
        )
    return label, folder
