"""The documents themselves: short enough, linked, and about files that exist."""

from __future__ import annotations

import re

import pytest
from docs_blocks import ROOT

import zoo

PAGES = sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md"))
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def test_build_notes_are_short():
    lines = (ROOT / "BUILD_NOTES.md").read_text().splitlines()
    assert len(lines) < 250
    assert [line for line in lines if len(line) >= 200] == []


def test_readme_has_short_paragraphs():
    text = re.sub(r"^```.*?^```$", "", (ROOT / "README.md").read_text(), flags=re.M | re.S)
    for paragraph in text.split("\n\n"):
        lines = [line for line in paragraph.splitlines() if not line.startswith(("|", "- "))]
        assert len(lines) <= 4, paragraph
        assert all(len(line) <= 140 for line in lines), paragraph


def test_readme_has_the_two_commands():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert ("pip install -e . && python -m recipes.lenet5 "
            "--flagfile=recipes/flags/quickstart.flags") in lines
    assert "pip install -e '.[test]' && python -m pytest" in lines


@each_page
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("http"):
            continue
        path = (page.parent / target.split("#")[0]).resolve()
        assert path.exists(), target


@each_page
def test_paths_exist(page):
    """Of this repository, as `zoo/core/step.py`; capitals and braces stand for names."""
    if page.name == "CHANGELOG.md":  # tells of what has gone, too
        return
    paths = re.findall(r"`((?:zoo|tools|tests|recipes|examples)/[a-z0-9_/.*]+)(?:`|::)",
                       page.read_text())
    for path in paths:
        assert list(ROOT.glob(path.rstrip("/"))), path


def test_every_page_is_linked():
    linked = {
        (page.parent / target.split("#")[0]).resolve()
        for page in PAGES for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    }
    assert [page for page in PAGES if page not in linked and page.name != "README.md"] == []


def test_one_version():
    for name, pattern in (
        ("CITATION.cff", r"^version: (.*)$"), ("setup.py", r'^    version="(.*)",$'),
        ("CHANGELOG.md", r"^## \[(\d.*?)\]"),
    ):
        text = (ROOT / name).read_text()
        assert re.search(pattern, text, re.MULTILINE)[1] == zoo.__version__, name
