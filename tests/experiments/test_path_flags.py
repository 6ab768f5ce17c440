"""Tests that `~` is the home folder in every flag with a path."""

import ast
import dataclasses
import pathlib
import pwd

import pytest
from absl import flags

from dpde_tf import config
from dpde_tf.cli import config_flags, path_flags
from tests.fixtures.programs import run_program

ROOT = pathlib.Path(__file__).parents[2]
# Flags with a text that is no path, by what they are; every other one is a path.
TEXTS = {
    *("name", "names", "title", "note", "key", "keys", "compare_key", "split"),
    "reference_key",
    *("metric", "measures", "table", "protocol", "only", "export", "gradients"),
    *("image_size", "size", "sizes", "batch_sizes", "processes", "beam", "be_row"),
    *("methods",),
}
TEXT_FIELDS = {
    *("architecture", "encoder_batch_norm", "berhu_c", "optimizer", "schedule"),
    *("precision", "on_bad_step", "distribution", "guided_inputs"),
}


@pytest.fixture
def home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")


def _values(define, *arguments, **options):
    """The values of flags that a function defines and a command line gives."""
    values = flags.FlagValues()
    original = flags.FLAGS
    names = set(original)
    define(**options)
    (name,) = set(original) - names
    values[name] = original[name]
    delattr(original, name)
    values(["program", *arguments])
    return values[name].value


def test_paths_are_expanded(home):
    def define():
        path_flags.define_path("where", "~/default", "A folder.")

    assert _values(define) == "/home/somebody/default"
    assert _values(define, "--where=~/x") == "/home/somebody/x"
    assert _values(define, "--where=~") == "/home/somebody"
    assert _values(define, "--where=a/~b") == "a/~b"
    assert _values(define, "--where=./~b") == "./~b"
    assert _values(define, "--where=") == ""
    root = pwd.getpwnam("root").pw_dir
    assert _values(define, "--where=~root/x") == f"{root.rstrip('/')}/x"


def test_repeated_and_labelled_paths_are_expanded(home):
    def define(**options):
        path_flags.define_paths("where", [], "Folders.", **options)

    given = "--where=~/a", "--where=b"
    assert _values(define, *given) == ["/home/somebody/a", "b"]
    assert _values(define, "--where=l=~/a") == ["l=~/a"]
    given = "--where=~l=~/a", "--where=m=b=~c"
    expected = ["~l=/home/somebody/a", "m=b=~c"]
    assert _values(define, *given, labelled=True) == expected

    def define_joined():
        path_flags.define_joined_paths("where", None, "Folders.")

    assert _values(define_joined, "--where=a,~/b") == "a,/home/somebody/b"

    def define_list():
        path_flags.define_labelled_path_list("where", "Folders.")

    given = "--where=fcrn=~/a,dpde=b"
    assert _values(define_list, given) == ["fcrn=/home/somebody/a", "dpde=b"]


def test_unknown_home_is_refused():
    match = r"home folder ~nobody-here\. If a file bears that name, write \./~nobody"
    with pytest.raises(ValueError, match=match):
        path_flags.expand_home("~nobody-here/x")


def _text_flags(path):
    """Names of the flags that a file defines as texts."""
    kinds = {"DEFINE_string", "DEFINE_multi_string", "DEFINE_list"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if is_call and node.func.attr in kinds:
            yield node.args[0].value


def test_every_path_flag_of_the_programs_is_a_path():
    folders = ("experiments", "data_prep", "dpde_tf/cli")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    found = {name for path in files for name in _text_flags(path)}
    assert found == TEXTS


def test_every_path_field_of_the_configurations_is_a_path():
    fields = {
        field.name
        for kind in vars(config).values()
        if dataclasses.is_dataclass(kind)
        for field in dataclasses.fields(kind)
        if field.type in (str, str | None)
    }
    assert fields - set(config_flags._PATHS) == TEXT_FIELDS
    assert fields >= set(config_flags._PATHS)


@pytest.mark.slow
def test_programs_write_to_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    small = {"num_train": 1, "num_test": 1, "size": "32,32", "dataset": "nyu"}
    run_program("data_prep.synthetic", output="~/raw", **small)
    run_program(
        "data_prep.nyu_depth_v2", "--allow_partial", raw="~/raw/nyu", output="~/set"
    )
    run_program("data_prep.verification", records="~/set")
    assert {p.name for p in tmp_path.iterdir()} >= {"raw", "set"}
    assert not (tmp_path / "~").exists()
