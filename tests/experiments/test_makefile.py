"""Tests that the Makefile calls programs with flags that they have."""

import json
import os
import pathlib
import re
import subprocess

import pytest

from tests.fixtures.programs import run_program

ROOT = pathlib.Path(__file__).parents[2]
TARGETS = re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.M)


def _commands(target):
    """(module, flag names) of each program that a target runs."""
    given = ["IMAGE=photo.jpg", "DEPTH=depth", "OTHER=other", "FLAGS="]
    command = ["make", "-n", target, *given]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for line in result.stdout.splitlines():
        if match := re.search(r"python -m ((?:data_prep|experiments)[.\w]+)(.*)", line):
            yield match.group(1), re.findall(r"--(\w+)", match.group(2))


COMMANDS = sorted(
    {(module, tuple(sorted(set(f)))) for t in TARGETS for module, f in _commands(t)}
)


def test_every_target_is_described_and_can_be_expanded():
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"\.PHONY: ((?:.*\\\n)*.*)", makefile).group(1)
    assert set(phony.replace("\\", "").split()) == set(TARGETS)
    assert len(COMMANDS) > 15


def test_only_caches_are_ever_removed():
    recipes = re.findall(r"^\t(.*\brm\b.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert recipes == [
        "rm -rf build .pytest_cache .ruff_cache dpde_tf.egg-info",
        "find dpde_tf data_prep experiments tests -name __pycache__ -prune "
        "-exec rm -rf {} +",
    ]


def test_folders_may_start_with_a_tilde(tmp_path):
    scores = tmp_path / "r" / "nyu" / "scores" / "dpde" / "summary.json"
    scores.parent.mkdir(parents=True)
    scores.touch()
    result = subprocess.run(
        ["make", "-n", "tables", "RUNS=~/r"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"HOME": str(tmp_path)},
    )
    assert f"--scores=nyu/dpde={scores.parent} " in result.stdout


@pytest.mark.parametrize("splits", [["simple"], ["simple", "calibrated"]])
def test_eval_mid_scores_the_splits_that_exist(tmp_path, splits):
    folder = tmp_path / "middlebury"
    folder.mkdir()
    listed = {"splits": {split: {} for split in splits}}
    (folder / "manifest.json").write_text(json.dumps(listed, indent=1))
    command = ["make", "-n", "eval-mid", f"RECORDS={tmp_path}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    predicted = re.findall(r"experiments.predict .*--split=(\w+)", result.stdout)
    scored = re.findall(r"experiments.evaluate .*--split=(\w+)", result.stdout)
    assert (predicted, scored) == (["simple"], splits)


@pytest.mark.parametrize(
    "command",
    [
        "make predict IMAGE=photo.jpg",
        "make fuse DEPTH=folder",
        "make detail-picture OTHER=folder",
    ],
)
def test_target_without_its_variable_says_what_is_missing(command):
    result = subprocess.run(
        ["make", "-n", command.split()[1]], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode != 0
    assert command in result.stderr


def test_folders_may_have_spaces():
    command = ["make", "-n", "data-nyu", "RAW=my files"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert '--raw="my files" ' in result.stdout


def test_rows_of_table_4_differ_by_one_part_each():
    parts = {}
    for target in ("train-nyu-fcrn", "train-nyu-lateral", "train-nyu"):
        ((_, names), *_) = _commands(target)
        parts[target] = set(names) & {"nolateral_connections", "lambda_fsim"}
    assert parts == {
        "train-nyu-fcrn": {"nolateral_connections", "lambda_fsim"},
        "train-nyu-lateral": {"lambda_fsim"},
        "train-nyu": set(),
    }


def test_each_network_starts_from_its_own_weights():
    starts = ["FLAGS=--epochs=6 --init_from=depth", "GRADIENT_FLAGS=--init_from=slopes"]
    for target in ("train-nyu", "train-make3d"):
        command = ["make", "-n", target, *starts]
        lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        depth, gradient = re.findall(r"python -m experiments\.train_.*", lines.stdout)
        assert re.findall(r"--init_from=(\w+)", depth) == ["depth"]
        assert re.findall(r"--init_from=(\w+)", gradient) == ["slopes"]
        assert "--epochs=6" in gradient


def test_fuse_takes_gradients_or_images():
    commands = [
        subprocess.run(
            ["make", "-n", "fuse", *variables],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        for variables in (
            ["DEPTH=d", "GRADIENTS=g"],
            ["DEPTH=d", "IMAGE=i"],
            ["GRADIENTS=g"],
        )
    ]
    assert '--gradients="g"' in commands[0].stdout
    assert "--images" not in commands[0].stdout
    assert '--images="i"' in commands[1].stdout
    assert commands[2].returncode != 0
    assert "make fuse DEPTH=folder GRADIENTS=folder" in commands[2].stderr


@pytest.mark.slow
@pytest.mark.parametrize("module", sorted({module for module, _ in COMMANDS}))
def test_programs_have_the_flags_and_show_them(module):
    result = run_program(module, "--help")
    shown = set(re.findall(r"--(?:\[no\])?(\w+)", result.stdout))
    used = {flag for m, used in COMMANDS if m == module for flag in used}
    used = {re.sub("^no(?=lateral)", "", flag) for flag in used} - {"undefok"}
    assert used <= shown
