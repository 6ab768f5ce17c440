"""Runs the notebook in a kernel, as Jupyter does."""

import json
import pathlib
import re

import pytest

NOTEBOOK = pathlib.Path(__file__).parents[2] / "experiments" / "quickstart.ipynb"


def test_notebook_is_stored_without_outputs():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(not cell["outputs"] and not cell["execution_count"] for cell in code)


@pytest.mark.slow
def test_notebook_runs_and_its_network_learns():
    nbformat = pytest.importorskip("nbformat", reason="the extra notebook is missing")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = {"metadata": {"path": str(NOTEBOOK.parent)}}
    nbclient.NotebookClient(notebook, timeout=1800, resources=folder).execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    assert not [out for out in outputs if out["output_type"] == "error"]
    text = "".join(out["text"] for out in outputs if out.get("name") == "stdout")
    assert "(480, 640)" in text
    before, after = map(
        float, re.search(r"loss: (\S+) in the first epoch, (\S+) in", text).groups()
    )
    assert after < 0.7 * before
    pictures = [out for out in outputs if "image/png" in out.get("data", ())]
    assert len(pictures) == 3
