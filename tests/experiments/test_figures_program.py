"""Tests of the program experiments.figures and of its images."""

import json

import cv2
import numpy as np
import pytest

from dpde_tf.reporting import blocks, markdown
from dpde_tf.reporting.report import html
from dpde_tf.reporting.report.figures import figure_blocks, read_figures
from experiments import figures
from experiments.figure_examples import parse_predictions, read_examples
from tests.fixtures.program_flags import flags_of
from tests.fixtures.scored_sets import DEPTHS, write_depths, write_predictions


@pytest.fixture
def folders(tmp_path):
    """A record set and predictions of half its size."""
    write_depths(tmp_path / "records")
    write_predictions(tmp_path / "dpde")
    return tmp_path


@pytest.fixture
def run():
    with flags_of(figures) as run_main:
        yield run_main


def test_parse_predictions_requires_name_and_folder(tmp_path):
    there = f"dpde={tmp_path}"
    assert parse_predictions([there, "fcrn=none"])["dpde"] == tmp_path
    for wrong in (["dpde"], [f"={tmp_path}"], ["dpde="], [there, there]):
        with pytest.raises(
            ValueError, match=r"--predictions (must be LABEL=DIR|has the label)"
        ):
            parse_predictions(wrong)
    with pytest.raises(FileNotFoundError, match=r"None of the folders.*predict"):
        parse_predictions(["fcrn=none"])


def test_read_examples_resizes_and_omits_missing_arrays(folders):
    methods = {"fcrn": folders / "none", "dpde": folders / "dpde"}
    options = {"split": "test", "names": ["a", "b"]}
    found = read_examples(folders / "records", methods, **options)
    assert [example.name for example in found] == ["a", "b"]
    assert set(found[0].predictions) == {"dpde"}
    arrays = found[0].predictions["dpde"]
    np.testing.assert_allclose(arrays["depth"], np.full((4, 6), 2.5))
    with pytest.raises(ValueError, match="has no record x"):
        read_examples(folders / "records", methods, split="test", names=["x"])


def test_resized_gradients_belong_to_the_resized_depth(tmp_path, folders):
    # A ramp along the width: 0.4 m per pixel at half size, 0.2 at full size.
    ramp = 1 + 0.4 * np.arange(3, dtype=np.float32)[np.newaxis].repeat(2, axis=0)
    slope = np.full((2, 3), 0.4, np.float32)
    np.savez(folders / "dpde" / "a", depth=ramp, gradient_x=slope, gradient_y=slope)
    (found,) = read_examples(
        folders / "records", {"dpde": folders / "dpde"}, split="test", names=["a"]
    )
    arrays = found.predictions["dpde"]
    inner = np.diff(arrays["depth"], axis=1)[:, 1:-1]
    np.testing.assert_allclose(inner, 0.2, rtol=1e-5)
    np.testing.assert_allclose(arrays["gradient_x"], 0.2, rtol=1e-6)
    np.testing.assert_allclose(arrays["gradient_y"], 0.2, rtol=1e-6)
    # From 2x2 to 4x6: a third along the width, half along the height.
    slope = np.full((2, 2), 0.6, np.float32)
    maps = {"depth": 0 * slope + 1, "gradient_x": slope, "gradient_y": slope}
    np.savez(folders / "dpde" / "a", **maps)
    (found,) = read_examples(
        folders / "records", {"dpde": folders / "dpde"}, split="test", names=["a"]
    )
    arrays = found.predictions["dpde"]
    np.testing.assert_allclose(arrays["gradient_x"], 0.2, rtol=1e-6)
    np.testing.assert_allclose(arrays["gradient_y"], 0.3, rtol=1e-6)


def test_median_alignment_brings_depth_to_the_scale_of_the_truth(folders):
    methods = {"dpde": folders / "dpde"}
    found = read_examples(
        folders / "records", methods, split="test", names=["b"], align="median"
    )
    for key in ("depth", "fused"):
        np.testing.assert_allclose(found[0].predictions["dpde"][key], DEPTHS["b"])
    assert found[0].note == "predictions scaled to the true median"


def test_median_alignment_leaves_uncertainty_alone(folders):
    path = folders / "dpde" / "b.npz"
    arrays = dict(np.load(path))
    np.savez(path, **arrays, uncertainty=np.full_like(arrays["depth"], 0.5))
    (found,) = read_examples(
        folders / "records",
        {"dpde": folders / "dpde"},
        split="test",
        names=["b"],
        align="median",
    )
    np.testing.assert_allclose(found.predictions["dpde"]["uncertainty"], 0.5)


@pytest.mark.skipif(
    not hasattr(cv2, "triangleRasterize"), reason="OpenCV 5 is not installed"
)
def test_program_writes_figures_and_pages_for_the_report(folders, run):
    output = folders / "figures"
    given = {
        "records": folders / "records",
        "predictions": f"fcrn={folders / 'none'},dpde={folders / 'dpde'}",
        "names": "a,b",
        "export": "html",
        "output": output,
    }
    run(**given)
    files = {f"figure_{number}.png" for number in (4, 6, 7, 8)}
    assert {path.name for path in output.glob("*.png")} == files
    assert {path.name for path in (output / "3d").iterdir()} == {"a.html", "b.html"}
    assert json.loads((output / "run.json").read_text())["program"] == (
        "experiments.figures"
    )
    page = (output / "3d" / "a.html").read_text()
    assert all(f'"name": "{name}"' in page for name in ("ground truth", "DPDE"))
    _check_report_takes_it(output)


def _check_report_takes_it(output):
    found = read_figures(output, output.parent / "report" / "nyu")
    report = (blocks.Heading("R", level=1), *figure_blocks(found))
    assert [picture.file for picture in blocks.pictures_of(report)] == [
        f"figure_{number}.jpg" for number in (4, 6, 7, 8)
    ]
    link = "../../figures/3d/a.html"
    assert f'<a href="{link}">a</a>' in html.to_html(report)
    assert f"- [a]({link})" in markdown.to_markdown(report)
    assert "Fig. 4: Depth" in markdown.to_markdown(report)


def test_report_names_a_folder_without_figures(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"figures\.json.*`figures"):
        read_figures(tmp_path, tmp_path)
    assert figure_blocks(None) == []


def test_program_ends_with_one_line_on_bad_input(folders, run):
    given = {
        "records": folders / "records",
        "predictions": f"dpde={folders / 'dpde'}",
        "output": folders / "figures",
    }
    with pytest.raises(
        SystemExit, match=r"^Error: The formats of --export must be among ply"
    ):
        run(export="obj", **given)
    given["records"] = folders / "none"
    with pytest.raises(SystemExit, match=r"^Error: .*manifest\.json does not exist"):
        run(export="html", **given)
