"""The documentation of the endpoints is what the running page says of itself."""

from dataclasses import replace

import demo
import safeclip
from demo.api_docs import MARKS, PAGE, between_marks, endpoints
from demo.settings import Settings
from safeclip.profiles import FailuresSpec, RedTeamSpec


def test_the_endpoints_are_documented_as_the_page_describes_them(tiny_lab, painting_lab, talking_lab):
    sections = {"generation": painting_lab.profile.generation, "captioning": talking_lab.profile.captioning}
    profile = replace(tiny_lab.profile, **sections, failures=FailuresSpec("none"), redteam=RedTeamSpec())
    page = demo.build(safeclip.open(profile), Settings())
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(MARKS[0]) == 1
    assert between_marks(text, endpoints(page)) == text, "run python -m demo.api_docs"
