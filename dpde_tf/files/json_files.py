"""Reads JSON files, which may have been edited or damaged."""

import json
import pathlib

from dpde_tf.files.errors import one_line


def read_json_object(path: str | pathlib.Path, *, remedy: str) -> dict:
    """Returns the object that a JSON file holds.

    Args:
        path: The file, in UTF-8.
        remedy: Remedy for a damaged file, a whole sentence.

    Returns:
        The fields of the object.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file does not hold a JSON object.
    """
    try:
        fields = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    # Deeply nested brackets raise a RecursionError.
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged: it must hold a JSON object ({one_line(error)}). "
            f"{remedy}"
        ) from error
    if not isinstance(fields, dict):
        raise ValueError(f"{path} is damaged: it must hold a JSON object. {remedy}")
    return fields
