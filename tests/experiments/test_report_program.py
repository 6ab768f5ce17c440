"""The program itself; what it writes is in test_report."""

import json

import numpy as np
import pytest

from dpde_tf.files.json_files import write_json
from dpde_tf.visualization.colours import write_image
from experiments import report
from tests.fixtures.program_flags import flags_of
from tests.fixtures.programs import run_program
from tests.fixtures.scored_sets import write_depths, write_predictions
from tests.fixtures.training_runs import write_training_run


@pytest.fixture
def run_folder(tmp_path):
    """A training and predictions."""
    write_training_run(tmp_path / "runs" / "depth", epochs=2, units=5)
    write_predictions(tmp_path / "runs" / "predictions" / "dpde")
    return tmp_path / "runs"


@pytest.fixture
def run():
    with flags_of(report) as run_main:
        yield run_main


def test_main_records_how_the_report_was_made(run_folder, tmp_path, run):
    output = tmp_path / "report"
    given = {"runs": str(run_folder), "output": str(output)}
    run(**given)
    record = json.loads((output / "run.json").read_text())
    assert record["program"] == "experiments.report"
    assert record["flags"] == given
    assert {"versions", "commit", "hardware"} <= set(record)
    run(**given)  # A report may be written again.


def test_figures_and_note_are_in_the_report(run_folder, tmp_path, run):
    figures, output = tmp_path / "figures", tmp_path / "report"
    write_image(figures / "figure_4.png", np.zeros((8, 8, 3), np.uint8))
    listed = {"figures": {"figure_4.png": "Fig. 4: Depth"}, "pages": ["3d/a.html"]}
    write_json(figures / "figures.json", listed)
    run(runs=run_folder, output=output, figures=figures, note="A trial")
    text = (output / "report.md").read_text(encoding="utf-8")
    for part in ("Fig. 4: Depth", "../figures/3d/a.html", "A trial"):
        assert part in text
    assert (output / "images" / "figure_4.jpg").is_file()
    with pytest.raises(SystemExit, match=r"figures\.json does not exist.*--figures"):
        run(runs=run_folder, output=tmp_path / "other", figures=tmp_path / "none")


def test_main_ends_with_one_line_on_bad_input(run_folder, tmp_path, run):
    with pytest.raises(SystemExit, match=r"^Error: .*holds no training run.*--runs"):
        run(runs=tmp_path / "none", output=tmp_path / "report")
    # The record of a training must not be lost.
    with pytest.raises(SystemExit, match=r"^Error: .*run of experiments\.train_depth"):
        run(runs=run_folder, output=run_folder / "depth")


@pytest.mark.slow
def test_report_as_a_program(run_folder, tmp_path):
    records = write_depths(tmp_path / "records")
    flags = {"runs": run_folder, "records": records, "num_images": 1}
    finished = run_program("experiments.report", output=tmp_path / "out", **flags)
    assert "index.html" in finished.stdout
    assert (tmp_path / "out" / "report.md").is_file()
