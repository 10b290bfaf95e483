"""The pages on profiles follow from the profiles, and say of what no self-test exists that it was never run."""

import json

from demo.commands.profile_pages import RUNS, profiles_page, verified_page
from safeclip.profiles import list_profiles
from tests.docs.pages import ROOT


def test_the_page_of_the_profiles_is_up_to_date():
    text = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
    assert text == profiles_page(), "run python -m demo.commands.profile_pages"
    assert all(f"## `{name}`" in text for name in list_profiles())


def test_the_page_of_what_was_run_is_up_to_date():
    text = (ROOT / "docs" / "verified.md").read_text(encoding="utf-8")
    assert text == verified_page(ROOT / "docs" / RUNS), "run python -m demo.commands.profile_pages"


def test_a_run_stands_in_its_column_and_everything_else_was_never_run(tmp_path):
    part = {"ok": False, "seconds": 1.5, "peak_gb": {"ram": 2.0}, "problems": ["no memory"]}
    run = {"profile": "vit-l-14", "ok": False, "date": "2026-11-25", "machine": "A100 with 79.0 of 80.0 GB free"}
    run |= {"zero_gpu": False, "platform": "Linux", "parts": {"generation": part}}
    (tmp_path / "a.json").write_text(json.dumps(run))
    page = verified_page(tmp_path)
    assert "| `vit-l-14` | *never run* | failed 2026-11-25 | *never run* |" in page
    assert "| generation | no: no memory | 1.5 | 2.0 GB ram |" in page
    assert page.count("| *never run*") == 3 * len(list_profiles()) - 1
