"""Tests of dpde_tf.files.errors."""

import pathlib

from dpde_tf.files.errors import file_list, one_line


def test_one_line_keeps_printable_characters():
    error = ValueError("a\nb\x0c\x1b[2Jc \u2028 grün")
    assert one_line(error) == "a b [2Jc grün"


def test_file_list_names_each_file_once():
    reasons = {pathlib.Path("a/b.txt"): "a/b.txt is bad.", pathlib.Path("c"): "cold."}
    assert file_list("Bad:", reasons) == "Bad:\n  a/b.txt: is bad.\n  c: cold."
