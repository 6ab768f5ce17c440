"""Tests of dpde_tf.files.errors."""

import pytest

from dpde_tf.files.errors import one_line, readable_errors


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


def test_readable_errors_does_nothing_without_an_error():
    with readable_errors():
        done = True
    assert done


def test_one_line_keeps_printable_characters():
    error = ValueError("a\nb\x0c\x1b[2Jc \u2028 grün")
    assert one_line(error) == "a b [2Jc grün"
