"""Command-line flags made from the configuration dataclasses.

Each field becomes a flag of the same name, with the field's description as its help.
A flag that is not given keeps the value of the preset.
"""

import dataclasses
import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from absl import flags

from dpde_tf.cli.path_flags import define_joined_paths, define_path

Config = TypeVar("Config")

_DEFINITIONS = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
    tuple: flags.DEFINE_list,
}
_DEFINED: list[type] = []
# Texts that may be the path of a file or folder, or several.
_PATHS = {
    "encoder_weights": define_path,
    "context_encoder_weights": define_path,
    "init_from": define_path,
    "coarse_predictions": define_joined_paths,
}

_NOT_RECORDED = ("config", "v", "verbosity")


def define_config_flags(*config_classes: type) -> None:
    """Defines a flag for each field of the given dataclasses.

    Args:
        *config_classes: Dataclasses with an `Attributes:` section in the docstring.
    """
    _DEFINED.extend(c for c in config_classes if c not in _DEFINED)
    for config_class in config_classes:
        hints = typing.get_type_hints(config_class)
        descriptions = _field_descriptions(config_class)
        for field in dataclasses.fields(config_class):
            plain = _DEFINITIONS[_plain_type(hints[field.name])]
            define = _PATHS.get(field.name, plain)
            text = f"{descriptions[field.name]} [{config_class.__name__}]"
            define(field.name, None, text)
            flags.declare_key_flag(field.name)


def defined_configs() -> list[type]:
    """Returns the dataclasses whose fields are flags of this process."""
    return list(_DEFINED)


def config_from_flags(preset: Config, values: Mapping[str, Any]) -> Config:
    """Returns a configuration with the given flags in place of the preset's values.

    Args:
        preset: A dataclass for which `define_config_flags` was called.
        values: Flag name to value, such as `flags.FLAGS.flag_values_dict()`; None
            means that the flag was not given.

    Returns:
        The changed copy.
    """
    hints = typing.get_type_hints(type(preset))
    given = {}
    for field in dataclasses.fields(preset):
        value = values.get(field.name)
        if value is None:
            continue
        if _plain_type(hints[field.name]) is tuple:
            value = parse_size(value, flag=field.name) if value else None
        given[field.name] = value
    return dataclasses.replace(preset, **given)


def given_flags() -> dict[str, Any]:
    """Returns the flags that were given, and their values, for the record of a run."""
    values = flags.FLAGS
    given = (n for n in values if values[n].present and n not in _NOT_RECORDED)
    return {name: values[name].value for name in given}


def parse_size(values: Sequence[str], *, flag: str, least: int = 1) -> tuple[int, int]:
    """Returns the value of a flag for a size as numbers.

    Args:
        values: Height and width as texts.
        flag: Name of the flag, for the message.
        least: Smallest height and width that are allowed.

    Returns:
        (height, width).

    Raises:
        ValueError: If the value is not two whole numbers of at least `least`.
    """
    numbers = [int(text) for text in values if text.strip().isdecimal()]
    if not len(numbers) == len(values) == 2 or min(numbers) < least:
        raise ValueError(
            f"--{flag} must be height and width, each at least {least}, such as "
            f"240,320. Received: {','.join(values)}."
        )
    return numbers[0], numbers[1]


def parse_counts(values: Sequence[str], *, flag: str) -> list[int]:
    """Returns the value of a flag for a list of numbers of things.

    Args:
        values: Numbers as texts.
        flag: Name of the flag, for the message.

    Returns:
        The numbers.

    Raises:
        ValueError: If one is not a whole number of at least 1, or there is none.
    """
    numbers = [int(text) for text in values if text.strip().isdecimal()]
    if not numbers or len(numbers) < len(values) or min(numbers) < 1:
        raise ValueError(
            f"--{flag} must be whole numbers from 1, such as 1,8. Received: "
            f"{','.join(values)}."
        )
    return numbers


def _plain_type(hint: Any) -> type:
    """`float` for `float | None`, `tuple` for `tuple[int, int] | None`, and so on."""
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    return typing.get_origin(hint) or hint


def _field_descriptions(config_class: type) -> dict[str, str]:
    """The texts of the `Attributes:` section of a docstring, on one line each."""
    section = config_class.__doc__.split("Attributes:", 1)[1]
    entries = re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
