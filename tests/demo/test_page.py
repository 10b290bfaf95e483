"""The page shows the tasks that its profile seats, and no other; none of them is mandatory."""

from dataclasses import replace

import gradio as gr
import pytest

import demo
import safeclip
from demo.settings import Settings
from safeclip.errors import ProfileError
from safeclip.profiles import CaptioningSpec, GenerationSpec
from tests.fakes.serving import client_of, serve

ENDPOINTS = {"retrieval": "/retrieve", "generation": "/generate", "captioning": "/caption"}


@pytest.fixture(scope="module")
def sections(painting_lab, talking_lab):
    return {
        "retrieval": painting_lab.profile.retrieval,
        "generation": painting_lab.profile.generation,
        "captioning": talking_lab.profile.captioning,
    }


def lab_of(profile, sections, *seated) -> "safeclip.Lab":
    return safeclip.open(replace(profile, **{name: sections[name] if name in seated else None for name in sections}))


@pytest.mark.parametrize(
    "seated", [("retrieval",), ("generation",), ("captioning",), ("generation", "captioning")], ids=" ".join
)
def test_a_page_has_the_tabs_and_endpoints_of_its_tasks(tiny_lab, sections, seated):
    page, url = serve(lab_of(tiny_lab.profile, sections, *seated))
    try:
        client = client_of(url)
        tabs = [each["props"]["label"] for each in client.config["components"] if each["type"] == "tabitem"]
        assert tabs == [*(name.capitalize() for name in seated), "Scoreboard"]
        endpoints = client.view_api(return_format="dict")["named_endpoints"]
        assert set(endpoints) == {"/profile", *(ENDPOINTS[name] for name in seated)}
        gallery = client.predict(api_name="/profile")["gallery"]
        assert ("items" in gallery) == ("retrieval" in seated)
    finally:
        page.close()


def test_a_profile_without_a_task_is_an_error_that_names_the_sections(tiny_lab, sections):
    with pytest.raises(ProfileError, match=r"seats no task.*\[retrieval\], \[generation\], \[captioning\]"):
        demo.build(lab_of(tiny_lab.profile, sections), Settings())


def test_an_unreadable_gallery_is_an_error_before_the_page_is_there(tiny_lab, tmp_path):
    spec = replace(tiny_lab.profile.retrieval, gallery=str(tmp_path))
    with pytest.raises(safeclip.SafeClipError, match="no data/test"):
        demo.build(safeclip.open(replace(tiny_lab.profile, retrieval=spec)), Settings())


def test_a_page_is_built_without_its_models(tiny_lab):
    """They are loaded by the first request, which then says what is missing."""
    seats = tuple(replace(seat, checkpoint="no/where") for seat in tiny_lab.profile.seats)
    sections = {"generation": GenerationSpec("no/where"), "captioning": CaptioningSpec("no/where")}
    page = demo.build(safeclip.open(replace(tiny_lab.profile, seats=seats, retrieval=None, **sections)), Settings())
    tabs = [block.label for block in page.blocks.values() if isinstance(block, gr.Tab)]
    assert tabs == ["Generation", "Captioning", "Scoreboard"]
