"""Tests of the command `dpde`, which hands its arguments on."""

import importlib
import logging as std_logging
import sys
import types

import pytest
from absl import app, logging

from dpde_tf.cli import main, program


def test_command_is_handed_on(monkeypatch):
    ran = []
    command = types.SimpleNamespace(run=lambda: ran.append(sys.argv))
    find = types.SimpleNamespace(import_module=lambda name: ran.append(name) or command)
    monkeypatch.setattr(main, "importlib", find)
    monkeypatch.setattr("sys.argv", ["dpde", "fuse", "--depth=d"])
    main.main()
    assert ran == ["dpde_tf.cli.fuse", ["dpde fuse", "--depth=d"]]


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_is_a_program(name):
    assert callable(importlib.import_module(f"dpde_tf.cli.{name}").run)


@pytest.mark.parametrize("arguments", [["predcit"], ["--help"], []])
def test_help_lists_the_commands(monkeypatch, capsys, arguments):
    monkeypatch.setattr("sys.argv", ["dpde", *arguments])
    if arguments == ["predcit"]:
        with pytest.raises(SystemExit, match=r"'predcit'\. Did you mean 'predict'\?"):
            main.main()
    else:
        main.main()
    shown = capsys.readouterr().out
    assert all(name in shown for name in main.COMMANDS)


def _interrupted(argv):
    raise KeyboardInterrupt


@pytest.fixture
def absl_handler():
    """The handler of absl, which gets its format back."""
    handler = logging.get_absl_handler()
    before = handler.python_handler.formatter
    yield handler
    handler.setFormatter(before)


def test_interrupted_program_ends_with_one_line(monkeypatch, capsys, absl_handler):
    parts = {"run": lambda f: f([]), "define_help_flags": lambda: None}
    fake = types.SimpleNamespace(**parts, UsageError=app.UsageError)
    monkeypatch.setattr(program, "app", fake)
    monkeypatch.setattr(program.flags, "DEFINE_flag", lambda flag: None)
    with pytest.raises(SystemExit) as end:
        program.run_main(_interrupted)
    assert end.value.code == 130
    assert capsys.readouterr().err == "Interrupted.\n"
    warning = types.SimpleNamespace(msg="far away", levelname="WARNING", levelno=30)
    record = std_logging.makeLogRecord(vars(warning))
    assert absl_handler.python_handler.format(record) == "WARNING: far away"
