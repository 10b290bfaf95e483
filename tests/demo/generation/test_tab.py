"""The generation tab: controls become requests, and requests become controls."""

from types import SimpleNamespace

import pytest

from demo.generation import history
from demo.generation.image_store import ImageStore
from demo.generation.request import GenerationRequest
from demo.generation.tab import DIAL, SIDES
from demo.generation.task import GENERATION
from tests.fakes.serving import tab_of


@pytest.fixture(scope="module")
def tab(judged_lab):
    return tab_of(GENERATION, judged_lab)


def values(**more) -> dict:
    options = {"seats": ["safe"], "dial": "ours", "pictures": 3, "seed": 7, "steps": 20, "guidance": 5.5}
    return {"mode": SIDES, "prompt": "a dog", **options, "negative": "a cat", "history": [], **more}


def test_the_mode_chooses_between_seats_and_the_dial(tab):
    checked = tab.service.checked
    sides = GenerationRequest("a dog", "a cat", ("safe",), 7, 20, 5.5, 3)
    assert checked(tab.read(values())[0]) == sides
    on_dial = GenerationRequest("a dog", "a cat", ("safe",), 7, 20, 5.5, 1, "ours")
    assert checked(tab.read(values(mode=DIAL))[0]) == on_dial


def test_whatever_a_browser_sends_is_answered(tab):
    for odd in (None, [], {}, 10**400):
        assert tab.service.answer(tab.read(dict.fromkeys(values(), odd))[0]).error


@pytest.mark.parametrize("dial", ["", "ours"])
def test_a_request_sets_the_controls(tab, dial):
    request = GenerationRequest("a cat", "", ("ours", "nobody"), 3, 5, 2.5, 1 if dial else 2, dial)
    updates = tab.updates(request)
    shown = {name: updates.get(component) for name, component in tab.controls.items()}
    assert (shown["mode"], shown["prompt"], shown["seed"]) == (DIAL if dial else SIDES, "a cat", 3)
    assert shown["seats"]["visible"] != bool(dial) and shown["seats"]["value"] == ["ours"]
    assert shown["dial"]["visible"] == bool(dial) and shown["dial"].get("value", "") == dial
    assert shown["pictures"]["value"] == request.pictures


def test_images_that_the_store_dropped_are_generated_again_for_the_opening(judged_lab):
    tab = tab_of(GENERATION, judged_lab)
    assert tab.unlinked() == {} and "sc-intro" in tab.output.value  # nothing came with this profile
    state = tab.service.answer(tab.first)
    tab.opening_state = state
    assert tab.unlinked() == {}
    tab.service.store = ImageStore(locked=False)  # which has none of them
    drawn = tab.unlinked()
    assert list(drawn) == [tab.output] and not any(
        id in drawn[tab.output] for each in state.ids.values() for id in each
    )


def test_an_earlier_answer_whose_images_are_gone_says_so_once_and_sets_its_controls(judged_lab):
    tab = tab_of(GENERATION, judged_lab)
    state = tab.service.answer(GenerationRequest("a dog", steps=1))
    visited = history.remember([], state, tab.service.store)
    session = SimpleNamespace(session_hash="a")
    shown = tab.recall({"index": 0}, session, visited, 1)
    assert state.ids["original"][0] in shown[tab.output] and shown[tab.notice] == ""
    tab.service.store = ImageStore(locked=False)
    gone = tab.recall({"index": 0}, session, visited, 2)
    assert tab.output not in gone and gone[tab.notice].count("not kept any more") == 1
    assert gone[tab.controls["prompt"]] == "a dog"


def test_a_file_without_settings_is_told_of_above_the_answer_that_stands(tab, tmp_path):
    file = tmp_path / "no_picture.png"
    file.write_text("no picture")
    (component, said), *others = tab.restore_file({"path": str(file)}).items()
    assert component is tab.notice and "sc-fault" in said
    assert others == []
