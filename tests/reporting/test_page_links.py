"""Tests that links and pictures of all pages work, whatever files are called."""

import html.parser
import json
import os
import pathlib
import re
import urllib.parse

import numpy as np
import pytest

from dpde_tf.reporting.blocks import Heading
from dpde_tf.reporting.examples import Example
from dpde_tf.reporting.report.figures import figure_blocks, read_figures
from dpde_tf.reporting.report.pictures import picture_table
from dpde_tf.visualization.colours import write_image
from dpde_tf.visualization.reconstruction.cameras import photograph_camera
from dpde_tf.visualization.reconstruction.files import write_reconstruction
from experiments.report import write_report
from tests.fixtures.browser import CHROMIUM, Browser

NAMES = (
    "#1",
    "a?b=c&d;e",
    "100%41",
    "a b  c",
    """it's "so"<b>""",
    "Zürich 東京",
    "u\u0308 in two letters",
    "a:b",
    "[x](y)`z|*w*",
    "<!--<script>",
    "%CLOUDS%",
    "back\\slash",
    "&lt;",
    "line\nbreak",
)
SIZE = (12, 16)


@pytest.fixture
def report(tmp_path, rng):
    """A report with pictures and 3D pages of records with these names."""
    figures, output = tmp_path / "a:#fig %20?", tmp_path / "reports ü#" / "nyu"
    examples, image = [], rng.integers(0, 255, (*SIZE, 3), np.uint8)
    for name in NAMES:
        depth = rng.uniform(1, 5, SIZE).astype(np.float32)
        camera = photograph_camera(SIZE)
        given = {"depth": depth}, camera
        write_reconstruction(figures / "3d", name, image, *given, formats=["html"])
        predictions = {"dpde": {"depth": depth}}
        examples.append(Example(name, image, depth, predictions))
    write_image(figures / "figure #1.png", image)
    listed = {
        "figures": {"figure #1.png": "Fig. 1: <all> `of` them"},
        "pages": [f"3d/{name}.html" for name in NAMES],
    }
    (figures / "figures.json").write_text(json.dumps(listed))
    blocks = [
        Heading("Names", level=1),
        *figure_blocks(read_figures(figures, output)),
        picture_table(examples),
    ]
    write_report(tuple(blocks), output)
    return output


class _References(html.parser.HTMLParser):
    """Addresses of a page: links with their texts, and pictures."""

    def __init__(self, text):
        super().__init__()
        self.links, self.pictures, self._link = {}, [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "a" and not attributes["href"].startswith("#"):
            self._link = attributes["href"]
            self.links[self._link] = ""
        if tag == "img":
            self.pictures.append(attributes["src"])

    def handle_endtag(self, tag):
        self._link = None if tag == "a" else self._link

    def handle_data(self, data):
        if self._link:
            self.links[self._link] += data


def _file(page, address):
    """The file that an address on a page means, by RFC 3986."""
    url = urllib.parse.urljoin(page.as_uri(), address)
    parts = urllib.parse.urlsplit(url)
    assert (parts.scheme, parts.query, parts.fragment) == ("file", "", "")
    return pathlib.Path(os.fsdecode(urllib.parse.unquote_to_bytes(parts.path)))


def test_links_of_the_report_lead_to_the_pages(report):
    page = report / "index.html"
    found = _References(page.read_text(encoding="utf-8"))
    texts = {_file(page, link).stem: text for link, text in found.links.items()}
    assert texts == {name: name for name in NAMES}
    assert all(_file(page, link).is_file() for link in found.links)
    assert found.pictures
    assert all(address.startswith("data:image/") for address in found.pictures)


def test_references_of_the_markdown_lead_to_files(report):
    page = report / "report.md"
    text = page.read_text(encoding="utf-8")
    # An address in Markdown ends at the first space or bracket.
    addresses = re.findall(r"(?<!\\)\]\(([^()\s]*)\)", text)
    files = {_file(page, address) for address in addresses}
    assert all(file.is_file() for file in files)
    pages = {file.stem for file in files if file.suffix == ".html"}
    assert pages == set(NAMES)
    assert {file for file in files if file.suffix == ".jpg"} == set(
        (report / "images").iterdir()
    )
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    # Every row of the table has the columns of its header.
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in lines[-len(NAMES) :]}
    assert widths == {len(re.findall(r"(?<!\\)\|", lines[-len(NAMES) - 1]))}


def test_file_name_that_is_not_utf8_gives_a_page(tmp_path, rng):
    name = os.fsdecode(b"\xff")
    image = rng.integers(0, 255, (*SIZE, 3), np.uint8)
    given = {"depth": np.ones(SIZE, np.float32)}, photograph_camera(SIZE)
    (path,) = write_reconstruction(tmp_path, name, image, *given, formats=["html"])
    assert "<title>?</title>" in path.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
def test_links_and_pictures_work_in_a_browser(report, tmp_path):
    page = report / "index.html"
    with Browser(tmp_path / "profile", (600, 400)) as browser:
        browser.open(page)
        widths = browser.evaluate("[...document.images].map((i) => i.naturalWidth)")
        assert len(widths) == 1 + 4 * len(NAMES)
        assert all(widths)
        # What the browser makes of the address is what it would open.
        links = browser.evaluate(
            "[...document.querySelectorAll('a')].map((a) => [a.textContent, a.href])"
            ".filter(([, address]) => !address.includes('#'))"
        )
        assert [text for text, _ in links] == list(NAMES)
        for text, address in links:
            browser.navigate(address)
            # White space at the ends and in rows is not kept in a title.
            summary = "document.querySelector('#panel summary')"
            title = browser.evaluate(f"{summary}.textContent")
            assert title == text
            # Of 11 x 15 squares all or nearly all are cut, and drawn twice.
            assert int(browser.evaluate("document.body.dataset.triangles")) > 500
        assert browser.console == []
