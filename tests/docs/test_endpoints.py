"""The documentation of the endpoints is what the running page says of itself."""

from dataclasses import replace

import pytest

import demo
import safeclip
from demo.api_docs import MARKS, PAGE, between_marks, endpoints
from demo.captioning.task import CAPTIONING
from demo.generation.task import GENERATION
from demo.redteam.task import RED_TEAM
from demo.retrieval.task import RETRIEVAL
from demo.settings import Settings
from safeclip.profiles import FailuresSpec, RedTeamSpec
from tests.fakes.serving import context_of


def test_the_endpoints_are_documented_as_the_page_describes_them(tiny_lab, painting_lab, talking_lab):
    sections = {"generation": painting_lab.profile.generation, "captioning": talking_lab.profile.captioning}
    profile = replace(tiny_lab.profile, **sections, failures=FailuresSpec("none"), redteam=RedTeamSpec())
    page = demo.build(safeclip.open(profile), Settings())
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(MARKS[0]) == 1
    assert between_marks(text, endpoints(page)) == text, "run python -m demo.api_docs"


@pytest.mark.parametrize("name", ["retrieve", "generate", "caption", "redteam"])
def test_the_documentation_of_an_endpoint_names_every_part_of_its_answer(name, tiny_lab, painting_lab, talking_lab):
    item = tiny_lab.gallery.items[0].image_id
    task, lab, asked = {
        "retrieve": (RETRIEVAL, tiny_lab, {"query": "a dog"}),
        "generate": (GENERATION, painting_lab, {"prompt": "a dog", "steps": 1}),
        "caption": (CAPTIONING, talking_lab, {"gallery_item": item, "max_new_tokens": 2}),
        "redteam": (RED_TEAM, tiny_lab, {"text": "a dog"}),
    }[name]
    endpoint = task.endpoint(task.service(context_of(lab)))
    assert endpoint.name == name
    answer = endpoint.answer(asked)
    seats = answer["trials"][0]["seats"] if name == "redteam" else answer["seats"]
    parts = {*answer, *(part for seat in seats.values() for part in seat)}
    assert {part for part in parts if f'"{part}"' not in endpoint.returns} == set()
