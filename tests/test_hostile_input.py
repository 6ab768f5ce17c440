"""Tests that hostile and broken input gives the right result or a one-line error.

The cases are in `hostile/`; `PYTHONPATH=tests python -m hostile` prints their table.
"""

import collections
import pathlib

import cv2
import numpy as np
import pytest
from hostile.all_cases import cases
from hostile.case import outcome

from tests.fixtures.programs import run_program

CASES = cases()


def test_cases_cover_every_entry_point():
    counts = collections.Counter(case.entry for case in CASES)
    assert len(CASES) >= 300 and len(counts) >= 15
    names = [str(case) for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.filterwarnings("ignore:Reading .* required additional header")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_case_is_right_or_refused_in_one_line(case, tmp_path, monkeypatch):
    # Where an attack would make its folder.
    monkeypatch.chdir(tmp_path)
    assert outcome(case, tmp_path) in ("right", "refused")
    assert not (tmp_path / "attacked").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "module, flags, culprit",
    [
        (
            "data_prep.rgbd_folder",
            {"images": "rgb", "depths": "depth", "test_list": "list.txt"},
            "depth/a.png",
        ),
        (
            "experiments.import_weights",
            {"weights": "depth/a.npy", "workdir": "output"},
            "depth/a.npy",
        ),
    ],
)
def test_programs_end_with_one_line_and_no_traceback(
    tmp_path, monkeypatch, module, flags, culprit
):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("rgb", "depth"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "rgb" / "a.png"), np.zeros((4, 6, 3), np.uint8))
    (tmp_path / "list.txt").write_text("a\n")
    data = cv2.imencode(".png", np.ones((4, 6), np.uint16))[1].tobytes()
    (tmp_path / culprit).write_bytes(data[:-30] if culprit.endswith("png") else data)
    flags = {name: tmp_path / value for name, value in flags.items()}
    if module == "data_prep.rgbd_folder":
        flags |= {"depth_scale": 0.001, "output": tmp_path / "output"}
    result = run_program(module, check=False, **flags)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    (line,) = [x for x in result.stderr.splitlines() if x.startswith("Error: ")]
    assert str(tmp_path / culprit) in line
    assert result.stderr.splitlines()[-1] == line
    there = {path.name for path in pathlib.Path(tmp_path).iterdir()}
    assert there == {"rgb", "depth", "list.txt"}
