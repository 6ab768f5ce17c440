"""Tests that the links, programs and make targets named on the pages exist."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PAGES = sorted(
    path
    for path in [
        *ROOT.glob("*.md"),
        *(
            p
            for d in ("dpde_tf", "experiments", "data_prep", "tests")
            for p in (ROOT / d).rglob("*.md")
        ),
    ]
    if "results" not in path.parts
)
_CODE = re.compile(r"^```.*?^```", re.M | re.S)


def _text(page):
    return page.read_text(encoding="utf-8")


def _anchors(page):
    """The anchors of a page: its headings, as GitHub spells them."""
    for heading in re.findall(r"^#+ (.*)$", _CODE.sub("", _text(page)), re.M):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def _name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_relative_links_point_to_existing_files(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", _CODE.sub("", _text(page))):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_name_what_exists(page):
    text = _text(page)
    targets = re.findall(r"^([a-z0-9-]+):", _text(ROOT / "Makefile"), re.M)
    lines = re.findall(r"(?:^|[`;] ?)make ((?:[a-z][a-z0-9-]* ?)+)", text, re.M)
    assert {target for line in lines for target in line.split()} <= set(targets)
    for module in re.findall(
        r"\b((?:experiments(?:\.ablations)?|data_prep)\.\w+)\b(?!/)", text
    ):
        path = ROOT / module.replace(".", "/")
        program = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
        assert program.is_file(), module


def test_readme_is_short_and_links_to_every_page():
    readme = _text(ROOT / "README.md")
    assert len(readme.splitlines()) <= 200
    for page in PAGES:
        if page != ROOT / "README.md":
            assert f"({_name(page)})" in readme, page
