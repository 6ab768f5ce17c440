"""Tests of `--config=run.json`, which repeats a run."""

import dataclasses
import json

import pytest
from absl import app, flags

from dpde_tf.cli import config_flags, run_config
from dpde_tf.cli.run_config import with_recorded_flags
from dpde_tf.cli.unset_flags import check_unset
from dpde_tf.config import AugmentationConfig, FusionConfig
from dpde_tf.runs.run_record import config_as_dict

PROGRAM = "experiments.some_program"


@pytest.fixture
def program(monkeypatch):
    """Flags of a program with two configurations."""
    monkeypatch.setattr(config_flags, "_DEFINED", [])
    values = flags.FlagValues()
    for module in (flags, config_flags.flags, run_config.flags):
        monkeypatch.setattr(module, "FLAGS", values)
    for kind, name, default in (
        ("DEFINE_string", "output", None),
        ("DEFINE_bool", "overwrite", False),
        ("DEFINE_multi_string", "images", None),
        ("DEFINE_list", "export", []),
        ("DEFINE_string", "config", None),
    ):
        getattr(flags, kind)(name, default, "", flag_values=values)
    _define(values)
    return values


def _define(values):
    for config in (FusionConfig, AugmentationConfig):
        config_flags._DEFINED.append(config)
        for field in dataclasses.fields(config):
            kind = "DEFINE_list" if field.name == "crop_size" else "DEFINE_string"
            kind = {"omega": "DEFINE_float", "flip": "DEFINE_bool"}.get(
                field.name, kind
            )
            getattr(flags, kind)(field.name, None, "", flag_values=values)


def record(tmp_path, flag_values=(), configs=(), **changes):
    path = tmp_path / "run.json"
    content = {
        "program": PROGRAM,
        "flags": dict(flag_values),
        "config": config_as_dict(*configs),
    }
    path.write_text(json.dumps(content | changes))
    return path


@pytest.mark.parametrize("arguments", [[], ["x"], ["--overwrite"]])
def test_arguments_without_config_stay(program, arguments):
    assert with_recorded_flags(["p", *arguments], PROGRAM) == ["p", *arguments]


def repeated(path, *arguments):
    return with_recorded_flags(["p", f"--config={path}", *arguments], PROGRAM)


def test_flags_and_configuration_come_before_the_command_line(program, tmp_path):
    fusion = FusionConfig(omega=3.0)
    path = record(
        tmp_path,
        {"output": "a", "overwrite": True, "images": ["x", "y"], "export": ["ply"]},
        [fusion],
    )
    argv = repeated(path, "--output=b")
    program(argv)
    assert (program.output, program.overwrite) == ("b", True)
    assert (program.images, program.export) == (["x", "y"], ["ply"])
    assert program.omega == 3.0 and program.epsilon == "0.0001"
    assert argv.index("--omega=3.0") < argv.index("--output=b")


def test_command_line_replaces_values_that_may_be_repeated(program, tmp_path):
    path = record(tmp_path, {"images": ["x", "y"], "overwrite": True})
    program(repeated(path, "--images=z", "--nooverwrite"))
    assert program.images == ["z"] and program.overwrite is False


def test_sizes_and_what_was_not_set(program, tmp_path):
    one = record(tmp_path, configs=[AugmentationConfig(crop_size=(112, 144))])
    program(repeated(one))
    assert program.crop_size == ["112", "144"] and program.flip is False
    other = record(tmp_path, configs=[AugmentationConfig()])
    assert "--crop_size=" in repeated(other)


def test_folder_of_a_run_is_its_record(program, tmp_path):
    record(tmp_path, {"output": "a"})
    argv = with_recorded_flags(["p", "--config", str(tmp_path)], PROGRAM)
    assert "--output=a" in argv


def test_without_the_flag_nothing_changes(program):
    assert with_recorded_flags(["p", "--output=a"], PROGRAM) == ["p", "--output=a"]


def test_unknown_flag_and_field_are_named(program, tmp_path):
    path = record(tmp_path, {"ouptut": "a"})
    with pytest.raises(ValueError, match=r"the flag 'ouptut'.* may be output now"):
        repeated(path)
    path = record(tmp_path, config={"FusionConfig": {"omgea": 1.0}})
    with pytest.raises(ValueError, match=r"FusionConfig 'omgea'.* may be omega now"):
        repeated(path)


def test_record_of_another_program_is_refused(program, tmp_path):
    path = record(tmp_path, program="experiments.other")
    with pytest.raises(ValueError, match=r"experiments.other, not of experiments.some"):
        repeated(path)


def test_missing_file_is_named(program, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"--config names .*no.json, which does"
    ):
        repeated(tmp_path / "no.json")


def test_flag_is_of_the_record_unless_it_is_given(program, monkeypatch):
    for arguments, expected in (
        (["--config=run.json", "a.jpg"], True),
        (["--config=run.json", "--images", "b.jpg", "a.jpg"], False),
        (["a.jpg"], False),
    ):
        monkeypatch.setattr("sys.argv", ["p", *arguments])
        assert run_config.is_of_record("images") is expected


def test_flag_without_effect_is_refused_unless_it_is_of_the_record(
    program, monkeypatch
):
    monkeypatch.setattr("sys.argv", ["p", "--output=a"])
    program(["p", "--output=a"])
    check_unset("overwrite", "export", "not_of_this_program", needs="x")  # Not given.
    with pytest.raises(app.UsageError, match=r"^--output needs images\.$"):
        check_unset("overwrite", "output", needs="images")
    monkeypatch.setattr("sys.argv", ["p", "--config=run.json"])
    check_unset("output", needs="images")  # Of the record.


def test_record_leaves_out_how_much_is_logged(program):
    flags.DEFINE_integer("verbosity", 0, "", flag_values=program)
    program(["p", "--output=a", "--verbosity=1", "--config=run.json"])
    assert config_flags.given_flags() == {"output": "a"}
