"""Tests of lists of pairs; those of hostile lists are in tests/hostile."""

import pytest

from data_prep.conversion.pair_lists import read_list


@pytest.fixture
def listed(tmp_path):
    def read(text, **options):
        path = tmp_path / "train.txt"
        path.write_text(text, encoding="utf-8")
        return read_list(path, **options)

    return read


def test_read_list_skips_comments_and_empty_lines(listed):
    text = "# the first\n\na.png\n  b.1 \n#c\nrgb/d.JPG\n"
    assert listed(text) == ["a", "b.1", "d"]
    assert listed(text, known=["a", "b.1", "c", "d"]) == ["a", "b.1", "d"]


def test_read_list_refuses_a_comment_that_is_the_name_of_a_file(listed):
    for line in ("#1", "#1.png", "  #1"):
        with pytest.raises(
            ValueError, match=r"train.txt: the line '#1.*' begins .* Write './#1"
        ):
            listed(f"a\n{line}\n", known=["a", "#1"])
    # As the message says.
    assert listed("./#1\n./#1.png\n# #1\n", known=["#1"]) == ["#1", "#1"]
    with pytest.raises(ValueError, match="names none"):
        listed("#1\n", known=["1"])


def test_read_list_normalizes_names(listed):
    assert listed("k\u00fcche\nku\u0308che.png\n") == ["k\u00fcche"] * 2
    with pytest.raises(ValueError, match="begins with #"):
        listed("#ku\u0308che\n", known=["#k\u00fcche"])
