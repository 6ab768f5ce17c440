"""Writes JSON files, and reads them; they may have been edited or damaged."""

import json
import pathlib
from typing import Any

from dpde_tf.files.atomic import atomic_write
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


def write_json(path: str | pathlib.Path, fields: dict, **options: Any) -> None:
    """Writes an object as a JSON file, whole or not at all.

    Args:
        path: The file, in UTF-8.
        fields: The object.
        **options: As for `json.dumps`.

    Raises:
        OSError: If the file cannot be written.
    """
    text = json.dumps(fields, indent=1, **options)
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
