"""The documentation: figures that do not drift, links that lead somewhere, a README of two screens."""

import json
import re

import pytest

from safeclip.paths import resolve
from tests.docs.pages import PAGES, ROOT
from training.zoo.cards import between_marks, pages

_LINK = re.compile(r"\]\(([^)\s]+)\)")


def test_the_figures_of_the_pages_are_those_that_were_measured():
    metrics = json.loads(resolve("zoo/metrics.json").read_text(encoding="utf-8"))
    for page, name, content in pages(metrics):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert between_marks(text, name, content) == text, f"{page}: run python -m training.zoo.cards"


def test_the_readme_fits_two_screens():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 110


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_of_the_repository(page):
    targets = [target for target in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target]
    missing = [target for target in targets if not (page.parent / target.partition("#")[0]).exists()]
    assert missing == []


def test_the_index_of_the_documentation_names_every_page():
    named = set(_LINK.findall((ROOT / "docs" / "index.md").read_text(encoding="utf-8")))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - named == {"index.md"}
