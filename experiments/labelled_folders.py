"""Parses flags of the form LABEL=DIR."""


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
