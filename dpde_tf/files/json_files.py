"""JSON files that a program wrote, and anybody may have changed."""

import json
import pathlib

from dpde_tf.files.errors import one_line


def read_json_object(path: str | pathlib.Path, *, remedy: str) -> dict:
    """Returns the object that a JSON file holds.

    Args:
        path: The file, UTF-8.
        remedy: What the message says to do if the file is damaged.

    Returns:
        Its fields.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no JSON object.
    """
    try:
        fields = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    # Brackets in brackets in brackets.
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged: it must hold a JSON object ({one_line(error)}). "
            f"{remedy}"
        ) from error
    if not isinstance(fields, dict):
        raise ValueError(f"{path} is damaged: it must hold a JSON object. {remedy}")
    return fields
