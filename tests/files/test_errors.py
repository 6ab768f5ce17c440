"""Tests of dpde_tf.files.errors."""

from dpde_tf.files.errors import one_line


def test_one_line_keeps_printable_characters():
    error = ValueError("a\nb\x0c\x1b[2Jc \u2028 grün")
    assert one_line(error) == "a b [2Jc grün"
