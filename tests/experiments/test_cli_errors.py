"""Tests of dpde_tf.cli.errors."""

import sys

import pytest
from absl import app, flags, logging

from dpde_tf.cli.errors import flags_only, name_flags, readable_errors


@pytest.fixture
def size_flags(monkeypatch):
    """A program whose flags are --size and --flip."""
    values = flags.FlagValues()
    flags.DEFINE_integer("size", None, "Size.", flag_values=values)
    flags.DEFINE_bool("flip", None, "Flip.", flag_values=values)
    monkeypatch.setattr(flags, "FLAGS", values)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a.png must be whole."),
        FileNotFoundError("a.png must be whole."),
        FileExistsError("a.png must be whole."),
        ConnectionError("a.png must be whole."),
    ],
)
def test_readable_errors_ends_the_program_with_the_message(error):
    with pytest.raises(SystemExit) as caught, readable_errors():
        raise error
    # `sys.exit(text)` prints the text to stderr and gives exit code 1.
    assert caught.value.code == "Error: a.png must be whole."


def test_readable_errors_keeps_the_text_of_the_system(tmp_path):
    match = r"^Error: .*No such file.*none"
    with pytest.raises(SystemExit, match=match), readable_errors():
        (tmp_path / "none").read_bytes()


@pytest.mark.parametrize(
    "error", [TypeError, KeyError, ZeroDivisionError, KeyboardInterrupt]
)
def test_readable_errors_lets_defects_pass(error):
    with pytest.raises(error), readable_errors():
        raise error("defect")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("`size` must be 2.", "--size must be 2."),
        ("Use `size=3` or `flip=True`.", "Use --size=3 or --flip."),
        ("`flip=False` and `size=a b`", "--noflip and --size=a b"),
        ("`sizes` has `make demo` and `-h`.", "`sizes` has `make demo` and `-h`."),
    ],
)
def test_name_flags_replaces_parameters_that_are_flags(size_flags, message, expected):
    assert name_flags(message) == expected


def test_readable_errors_names_flags_in_errors_and_warnings(size_flags, caplog):
    with pytest.raises(SystemExit) as caught, readable_errors():
        logging.warning("%s has no `size`.", "a.png")
        raise ValueError("`size` must be 2.")
    assert caught.value.code == "Error: --size must be 2."
    logging.warning("%s has no `size`.", "b.png")
    assert caplog.messages == ["a.png has no --size.", "b.png has no `size`."]


def test_readable_errors_names_flags_in_the_text_of_an_exit(size_flags):
    with pytest.raises(SystemExit) as caught, readable_errors():
        sys.exit("Two files:\n  a.png: give `size`.")
    assert caught.value.code == "Two files:\n  a.png: give --size."
    with pytest.raises(SystemExit) as caught, readable_errors():
        sys.exit(3)
    assert caught.value.code == 3


def test_flags_only_names_the_first_argument():
    calls = []
    main = flags_only(lambda: calls.append("run"))
    with pytest.raises(app.UsageError, match=r"Unknown argument: photo.jpg\."):
        main(["program", "photo.jpg", "b.jpg"])
    assert not calls
    main(["program"])
    assert calls == ["run"]


def test_flags_only_reports_bad_input_in_one_line():
    @flags_only
    def main():
        raise ValueError("no such file")

    with pytest.raises(SystemExit, match=r"^Error: no such file$"):
        main(["program"])
