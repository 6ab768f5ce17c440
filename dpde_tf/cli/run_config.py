"""Repeats an earlier run from its record, with `--config=run.json`.

The record of a run holds the flags that were given and the complete configurations.
Both are inserted before the flags of the command line, which therefore take precedence.
A run of an older version is thus repeated with the defaults of that version.
"""

import dataclasses
import difflib
import itertools
import pathlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from absl import app, flags

from dpde_tf.cli.config_flags import defined_configs
from dpde_tf.cli.errors import readable_errors
from dpde_tf.cli.path_flags import define_path, expand_home
from dpde_tf.files.json_files import read_json_object

_NAME = "config"


def run_repeatable(main: Callable[[Sequence[str]], None], program: str) -> None:
    """Runs the main function of a program that writes `run.json`.

    Args:
        main: For `app.run`; all other flags are defined.
        program: Its name in `run.json`.
    """
    define_path(_NAME, None, "run.json of a run of this program, to repeat it.")
    flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[_NAME])
    with readable_errors():
        argv = with_recorded_flags(sys.argv, program)
    app.run(main, argv=argv)


def with_recorded_flags(argv: Sequence[str], program: str) -> list[str]:
    """Returns the command line with the flags of the record that it names.

    Args:
        argv: Program and arguments.
        program: Name of the program in `run.json`.

    Returns:
        The program, the flags of the record that `argv` does not give, and the
        arguments in `argv`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is the record of another program, or has a flag or field that
            this version does not have.
    """
    given = _given(argv[1:])
    if _NAME not in given:
        return list(argv)
    path = pathlib.Path(expand_home(given[_NAME] or ""))
    path = path / "run.json" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"--config names {path}, which does not exist.")
    record = read_json_object(path, remedy="Give the run.json of a run.")
    if record.get("program") != program:
        raise ValueError(
            f"{path} is the record of {record.get('program')}, not of {program}. Give "
            "it to that program."
        )
    recorded = _recorded_fields(path, record.get("config", {}))
    for name, value in record.get("flags", {}).items():
        if name != _NAME:
            _check_known(path, name, "flag", flags.FLAGS)
            recorded[name] = value
    names = [name for name in recorded if name not in given]
    former = [text for name in names for text in _arguments(name, recorded[name])]
    return [argv[0], *former, *argv[1:]]


def is_of_record(name: str) -> bool:
    """Returns whether the command line has --config but not a certain flag.

    Args:
        name: Name of the flag.
    """
    given = _given(sys.argv[1:])
    return _NAME in flags.FLAGS and _NAME in given and name not in given


def _given(arguments: Sequence[str]) -> dict[str, str | None]:
    """The names of the flags in arguments, with their values after `=` or a space."""
    given = {}
    for argument, following in itertools.zip_longest(arguments, arguments[1:]):
        if argument == "--":
            break
        if not argument.startswith("-"):
            continue
        name, equals, value = argument.lstrip("-").partition("=")
        if name not in flags.FLAGS and name.removeprefix("no") in flags.FLAGS:
            name = name.removeprefix("no")
        given[name] = value if equals else following
    return given


def _recorded_fields(path: pathlib.Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the recorded configurations that the program has."""
    recorded = {}
    for config_class in defined_configs():
        known = [field.name for field in dataclasses.fields(config_class)]
        for name, value in config.get(config_class.__name__, {}).items():
            _check_known(path, name, f"field of {config_class.__name__}", known)
            recorded[name] = value
    return recorded


def _check_known(
    path: pathlib.Path, name: str, what: str, known: Iterable[str]
) -> None:
    """Refuses what this version of the program does not have."""
    if name in known:
        return
    similar = difflib.get_close_matches(name, list(known), n=1)
    hint = f" It may be {similar[0]} now." if similar else ""
    raise ValueError(
        f"{path} has the {what} {name!r}, which this version does not have.{hint} "
        "Rename it in a copy of the file, or remove it."
    )


def _arguments(name: str, value: Any) -> list[str]:
    """A flag and its value as arguments; nothing for a value that is not set."""
    flag = flags.FLAGS[name]
    is_list = isinstance(flag.parser, flags.ListParser)
    if value is None:
        return [f"--{name}="] if is_list else []
    if isinstance(flag, flags.MultiFlag):
        return [f"--{name}={_text(one)}" for one in value]
    if is_list:
        return [f"--{name}={','.join(map(_text, value))}"]
    return [f"--{name}={_text(value)}"]


def _text(value: Any) -> str:
    """A value as an argument."""
    return str(value).lower() if isinstance(value, bool) else str(value)
