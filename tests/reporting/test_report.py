import html.parser
import json
import re
import sys

import cv2
import numpy as np
import pytest

from dpde_tf.reporting import blocks, markdown
from dpde_tf.reporting.examples import Example
from dpde_tf.reporting.report import html as html_page
from dpde_tf.reporting.report import pictures, runs
from experiments import report
from experiments.figure_examples import read_examples
from tests.fixtures.scored_sets import write_record_set
from tests.fixtures.summaries import make_summary
from tests.fixtures.training_runs import write_training_run

NAMES = ("0007", "0042", "0100")
SIZE = (24, 32)
VOID = {"meta", "img", "br"}


class Page(html.parser.HTMLParser):
    """Checks that tags nest, and collects texts of cells and all references."""

    def __init__(self, text):
        super().__init__()
        self.open, self.cells, self.references, self.titles = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        names = dict(attributes)
        self.references += [names[k] for k in ("src", "href") if k in names]
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.titles.append(data)


@pytest.fixture
def depths(rng):
    return {name: rng.uniform(1, 5, SIZE).astype(np.float32) for name in NAMES}


@pytest.fixture
def records(tmp_path, depths):
    return write_record_set(tmp_path / "records", depths)


@pytest.fixture
def run_folder(tmp_path, depths):
    """Two trainings, predictions and scores; no FCRN."""
    folder = tmp_path / "runs"
    write_training_run(folder / "depth", epochs=3, units=100)
    write_training_run(folder / "gradient", epochs=2, units=5)
    predictions = folder / "predictions" / "dpde"
    predictions.mkdir(parents=True)
    for name, depth in depths.items():
        gradient = np.zeros(SIZE, np.float32)
        arrays = {"depth": depth + 1, "fused": depth + 0.5, "gradient_x": gradient}
        np.savez(predictions / name, **arrays, gradient_y=gradient)
    scores = folder / "scores" / "dpde"
    scores.mkdir(parents=True)
    summary = make_summary(depth=0.7512, fused=0.7034) | {"num_images": 3}
    (scores / "summary.json").write_text(json.dumps(summary))
    return folder


def middlebury_summary(split, num_images):
    """Scores under the protocol without and one with alignment."""
    summary = make_summary(depth=1.0, fused=0.9)
    protocol = summary["protocols"]["paper"]
    summary["protocols"] = {"simple": protocol, "simple_median": protocol}
    given = {"dataset": "middlebury", "split": split, "num_images": num_images}
    return summary | given


def make(run_folder, records, **options):
    options = {"split": "test", "names": None, "num_images": 2, "note": ""} | options
    return report.make_report(run_folder, records, **options)


def test_report_holds_scores_settings_and_what_was_not_run(run_folder, records):
    page = Page(html_page.to_html(make(run_folder, records, note="A demonstration.")))
    assert {"0.7512", "0.7034", "0.562", "0.569", "not run"} <= set(page.cells)
    assert {"abc1234", "a < b | c", "none"} <= set(page.cells)
    assert "DPDE on NYU Depth v2" in page.titles
    text = markdown.to_markdown(make(run_folder, records, note="A demonstration."))
    assert "> **A demonstration.**" in text
    assert "Modified FCRN was trained for 3 epochs; the paper has 30." in text
    assert "Scores `dpde`: 3 images of the split `test`; the paper has 654." in text
    assert "- Training of FCRN: not run" in text
    assert "- Table 1 (Make3D): not run" in text
    # Dense(100) and Dense(5) on 4 inputs: 500 and 25 parameters.
    assert "| Modified FCRN | **500** | 20.0 | – |" in text
    assert "| FCRN | not run | not run | 76 |" in text


def test_html_loads_nothing_and_nests(run_folder, records):
    text = html_page.to_html(make(run_folder, records))
    page = Page(text)
    outside = [r for r in page.references if not r.startswith(("data:image/", "#"))]
    assert outside == []
    assert not re.search(r"url\(|@import|<script|<link", text)
    anchors = set(re.findall(r'id="([^"]*)"', text))
    assert {r[1:] for r in page.references if r.startswith("#")} <= anchors


def test_markdown_and_html_hold_the_same_tables(run_folder, records):
    report_blocks = make(run_folder, records)
    cells = []
    for line in markdown.to_markdown(report_blocks).splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            cells += re.split(
                r"(?<!\\) \| ", line.removeprefix("| ").removesuffix(" |")
            )
    plain = [re.sub(r"!\[[^]]*\]\([^)]*\)|<br>|[*`\\\n]", "", cell) for cell in cells]
    page = Page(html_page.to_html(report_blocks))
    assert plain == [re.sub(r"[*\n]", "", cell) for cell in page.cells]
    assert len(plain) > 100


def test_write_report_writes_both_pages_and_every_picture(
    run_folder, records, tmp_path
):
    report_blocks = make(run_folder, records)
    report.write_report(report_blocks, tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\(images/([^)]*)\)", text))
    written = {path.name for path in (tmp_path / "report" / "images").iterdir()}
    assert named == written
    # Two images of six pictures, FCRN's is missing; charts: loss, error and learning
    # rate of two runs.
    assert sum(name.endswith(".jpg") for name in named) == 2 * 6
    assert sum(name.endswith(".svg") for name in named) == 2 * 3
    picture = cv2.imread(str(tmp_path / "report" / "images" / "0007_dpde_fused.jpg"))
    assert picture.shape == (*SIZE, 3)
    assert (tmp_path / "report" / "index.html").is_file()


def test_picture_table_gives_each_images_rms_and_one_scale(run_folder, records):
    read = runs.read_runs(run_folder)
    examples = read_examples(records, read.predictions, split="test", names=["0042"])
    table = pictures.picture_table(examples)
    row = dict(zip(table.header, table.rows[0], strict=True))
    assert list(row) == [
        "Input",
        "Ground truth",
        "Modified FCRN",
        "True gradients",
        "Gradient network",
        "DPDE (fused)",
    ]
    assert table.note.endswith(" Not run: FCRN.")
    assert row["Modified FCRN"].text == "RMS 1.000 m"
    assert row["DPDE (fused)"].text == "RMS 0.500 m"
    low, high = examples[0].ground_truth.min(), examples[0].ground_truth.max()
    assert row["Ground truth"].text == f"{low:.2f} to {high:.2f} m"


def test_picture_table_shows_a_perfect_prediction_as_the_truth(depths):
    depth = depths["0042"]
    image = np.zeros((*SIZE, 3), np.uint8)
    predictions = {"fcrn": {"depth": depth}}
    example = Example("a", image, depth, predictions)
    table = pictures.picture_table([example])
    cells = dict(zip(table.header, table.rows[0], strict=True))
    assert table.note.endswith(
        "Not run: Modified FCRN, Gradient network, DPDE (fused)."
    )
    decoded = [
        cv2.imdecode(
            np.frombuffer(cells[title].picture.data, np.uint8), cv2.IMREAD_COLOR
        )
        for title in ("FCRN", "Ground truth")
    ]
    # The truth has a bar below it, which JPEG smears into the blocks of its last rows.
    np.testing.assert_array_equal(decoded[0][:12], decoded[1][:12])


def test_picture_table_says_that_a_network_is_ours(depths):
    depth = depths["0042"]
    maps = {"gradient_x": 0 * depth, "gradient_y": 0 * depth, "fused": depth}
    image = np.zeros((*SIZE, 3), np.uint8)
    example = Example("a", image, depth, {"dpde": maps}, "", {"dpde": "guided"})
    header = pictures.picture_table([example]).header
    assert header[-2:] == ("Guided network (ours)", "DPDE, guided network (ours)")


def test_report_shows_only_the_named_images(run_folder, records):
    text = markdown.to_markdown(make(run_folder, records, names=["0042"]))
    assert "images/0042_input.jpg" in text
    assert "images/0007_input.jpg" not in text
    with pytest.raises(ValueError, match="no record 0043"):
        make(run_folder, records, names=["0043"])


def test_report_of_any_single_part(tmp_path, run_folder, records):
    for part in ("depth", "predictions", "scores"):
        alone = tmp_path / f"only_{part}"
        alone.mkdir()
        (run_folder / part).rename(alone / part)
        text = markdown.to_markdown(make(alone, None))
        assert "- Training of FCRN: not run" in text
        assert "Pictures: no record set was given" in text
        Page(html_page.to_html(make(alone, records)))
    with pytest.raises(FileNotFoundError, match=r"nothing to report.*`runs"):
        make(tmp_path / "only_nothing", None)


def test_report_of_middlebury_has_table_3(run_folder):
    path = run_folder / "scores" / "dpde" / "summary.json"
    path.write_text(json.dumps(middlebury_summary("simple", 35)))
    text = markdown.to_markdown(make(run_folder, None))
    assert "# DPDE on Middlebury" in text
    assert text.count("| DPDE | the paper | 0.684 | not found | 0.068 | 0.206 |") == 1
    # RMS, log10, Rel, SSIM, GSM, MGE.
    paper = "| DPDE | the paper | 0.684 | 0.068 | 0.206 | 0.942 | 0.988 | not found |"
    assert text.count(paper) == 1
    assert "Scores `dpde`: 35 images" not in text
    assert "not a" not in text.split("## Scores")[0]
    assert "- Table 2 (NYU Depth v2): not run in this report." in text


def test_report_refuses_broken_or_foreign_scores(run_folder, records):
    path = run_folder / "scores" / "dpde" / "summary.json"
    path.write_text(json.dumps(make_summary(depth=1.0) | {"dataset": "make3d"}))
    with pytest.raises(ValueError, match=r"is of make3d, but the records are of nyu"):
        make(run_folder, records)
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"summary\.json lacks dataset, num_images"):
        make(run_folder, records)
    path.write_text("{")
    with pytest.raises(ValueError, match=r"summary\.json .*must hold a JSON object"):
        make(run_folder, records)


def test_choose_names_are_evenly_spaced():
    names = tuple("abcdefghi")
    assert report.choose_names(names, 3) == ["a", "e", "i"]
    assert report.choose_names(names, 1) == ["a"]
    assert report.choose_names(names, 0) == []
    assert report.choose_names(names, 99) == list(names)


def test_curves_compare_with_predicting_zero(run_folder, records):
    pictures = blocks.pictures_of(make(run_folder, records))
    charts = [p.data.decode() for p in pictures if p.suffix == ".svg"]
    compared = [svg for svg in charts if "predicting zero 0.6<" in svg]
    assert compared
    titles = [t for svg in charts for t in re.findall(r">(\w+) by epoch|>(\w+)<", svg)]
    assert not {"images", "measured"} & {name for pair in titles for name in pair}
    assert all("validation 0.5<" in svg for svg in compared)


def test_text_is_escaped_in_html():
    page = html_page.to_html([blocks.Paragraph("1 < 2 & `a<b>`")])
    assert "<p>1 &lt; 2 &amp; <code>a&lt;b&gt;</code></p>" in page


def test_report_ignores_the_run_json_of_scores_and_report(run_folder, records):
    expected = markdown.to_markdown(make(run_folder, records))
    text = json.dumps({"program": "experiments.evaluate", "flags": {}, "config": {}})
    (run_folder / "scores" / "dpde" / "run.json").write_text(text)
    (run_folder / "report").mkdir()
    (run_folder / "report" / "run.json").write_text(text)
    # Only the command of the scores is known now.
    command = "test<br>`python -m experiments.evaluate`"
    expected = expected.replace("test<br>no command", command)
    assert markdown.to_markdown(make(run_folder, records)) == expected


def test_html_without_jinja_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    html_page._template.cache_clear()
    with pytest.raises(ValueError, match=r'`pip install "dpde_tf\[report\]"`'):
        html_page.to_html([blocks.Paragraph("text")])
