"""Tests of the command `dpde`, which hands its arguments on."""

import importlib
import sys
import types

import pytest

from dpde_tf.cli import main


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
        with pytest.raises(SystemExit, match="no command 'predcit'"):
            main.main()
    else:
        main.main()
    shown = capsys.readouterr().out
    assert all(name in shown for name in main.COMMANDS)
