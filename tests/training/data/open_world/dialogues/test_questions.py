"""Answers are true of their scenes, told by a naive reader of the scene's record and of its layout."""

from collections import Counter

import pytest

from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.dialogues.dangers import NOTHING, dangers, unsafe
from training.data.open_world.dialogues.dialogues import OpenDialogues
from training.data.open_world.dialogues.phrases import BESIDE, caption, first_is_left, phrase, related
from training.data.open_world.dialogues.questions import (
    COLOR,
    COUNT,
    DANGER,
    DOING,
    HOW_MANY,
    QUESTIONS,
    SIDE,
    STANDING,
    WHAT,
    WHERE,
    WHO,
    casual,
)
from training.data.open_world.items import OpenWorld
from training.data.open_world.language.nouns import NUMBERS
from training.data.open_world.scenes.layouts import Layouts
from training.data.open_world.scenes.relations import relations
from training.data.open_world.scenes.scene import SHAPES, Entity, Scene
from training.data.open_world.splits import splits

WORLD = OpenWorld("train", "train", 1)
SCENES = [WORLD.pair(index).scene for index in range(400)]
KNOWN = catalogue().by_name


def scene(shape: str, place: str = "kitchen", **fields) -> Scene:
    return Scene(shape, KNOWN[place], **fields)


def thing(name: str, **fields) -> Entity:
    return Entity(KNOWN[name], **fields)


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (scene("alone", subject=thing("dog", count=2)), "two dogs in the kitchen"),
        (scene("still", "beach", object=thing("apple", color="red")), "a red apple on the beach"),
        (
            scene("pair", subject=thing("cook"), object=thing("apple", count=3, color="red"), relation="holding"),
            "a cook holding three red apples in the kitchen",
        ),
        (
            scene(
                "trio", subject=thing("cook"), object=thing("milk"), second=thing("chair", size="big"), relation="under"
            ),
            "a cook under milk beside a chair in the kitchen",
        ),
        (
            scene("still_two", object=thing("apple"), second=thing("chair"), relation="right of"),
            "a chair left of an apple in the kitchen",
        ),
        (
            scene("still_two", object=thing("apple"), second=thing("chair"), relation="behind"),
            "a chair in front of an apple in the kitchen",
        ),
        (
            scene("aimed", subject=thing("cook"), object=thing("knife"), second=thing("dog"), relation="pointing at"),
            "a cook pointing a knife at a dog in the kitchen",
        ),
        (
            scene("verb", subject=thing("cook", sex="woman"), second=thing("dog"), relation="kicking"),
            "a cook kicking a dog in the kitchen",
        ),
    ],
)
def test_a_caption_has_one_spelling(shown, said):
    assert caption(shown) == said


def test_captions_name_what_the_scene_has_and_nothing_else(lexicon):
    shapes = Counter()
    for each in SCENES:
        names = {mention.concept for mention in lexicon.find(caption(each))}
        linked = relations().by_name.get(each.relation)
        verb = {each.relation} if linked is not None and linked.group == "verb" else set()
        colors = {"orange"} & {entity.color for entity in each.entities}  # a fruit as well
        assert names - colors == {entity.concept.name for entity in each.entities} | {each.place.name} | verb
        shapes[each.shape] += 1
    assert set(shapes) == set(SHAPES)


def test_the_side_is_the_one_that_is_painted():
    layouts = Layouts(relations(), lambda entity: (0.8, 0.9))
    asked = 0
    for each in SCENES:
        if not SIDE.about(each):
            continue
        asked += 1
        at = {placement.slot: placement.x for placement in layouts.of(each) if placement.slot != "mark"}
        first = "subject" if each.subject else "object"
        other = "object" if each.shape in ("pair", "trio") else "second"
        assert first_is_left(each) == (at[first] < at[other]), each
        (_, side), (_, opposite) = SIDE.about(each)
        assert {side, opposite} == {"left", "right"}
        assert (side == "left") == first_is_left(each)
        if each.relation in BESIDE:
            _, how, _ = related(each)
            assert each.shape == "still_two" or how == f"{side} of"
    assert asked > 60


def test_dangers_agree_with_the_verdict():
    told = Counter()
    for each in SCENES:
        verdict = WORLD.judge.verdict(each)
        answer = dangers(each)
        assert (answer != NOTHING) == verdict.unsafe == unsafe(each), (each, answer)
        kind = "context" if verdict.contextual else "verb" if verdict.unsafe and " unsafe" in verdict.why[-14:] else ""
        told[kind] += 1
        if verdict.unsafe and not verdict.contextual and each.shape != "verb":
            assert all(phrase(e) in answer for e in each.entities if e.concept.unsafe)
    assert told["context"] > 10


@pytest.mark.parametrize(
    ("shown", "danger"),
    [
        (
            scene("pair", "nursery", subject=thing("cook"), object=thing("knife"), relation="holding"),
            "a knife in the nursery",
        ),
        (scene("pair", subject=thing("baby"), object=thing("razor"), relation="holding"), "a razor with a baby"),
        (
            scene("aimed", subject=thing("cook"), object=thing("hammer"), second=thing("dog"), relation="pointing at"),
            "a hammer pointed at a dog",
        ),
        (scene("still_two", object=thing("rope"), second=thing("chair"), relation="next to"), "a rope beside a chair"),
        (scene("pair", subject=thing("cook"), object=thing("knife"), relation="holding"), NOTHING),
    ],
)  # fmt: skip
def test_contextual_harm_says_what_makes_it_so(shown, danger):
    assert dangers(shown) == danger
    assert set(splits().rules) >= {"knife", "razor", "hammer", "rope"}


def test_every_question_is_answered_from_the_record():
    shown = scene("trio", subject=thing("cook"), object=thing("apple", count=3, color="red"), second=thing("chair"),
                  relation="left of")  # fmt: skip
    answers = {question.name: question.about(shown) for question in QUESTIONS}
    assert answers[WHO.name] == [({}, "a cook")]
    assert answers[WHAT.name] == [({}, "three red apples and a chair")]
    assert answers[WHERE.name] == [({}, "in the kitchen")]
    assert answers[HOW_MANY.name] == [({}, "five, a cook, three red apples and a chair")]
    assert answers[DANGER.name] == [({}, NOTHING)]
    assert answers[COLOR.name] == [({"thing": "apples", "is": "are"}, "red")]
    assert ({"many": "apples"}, NUMBERS[3]) in answers[COUNT.name]
    assert answers[STANDING.name] == [({"first": "cook", "other": "apples"}, "left of")]
    assert answers[SIDE.name] == [
        ({"first": "cook", "other": "apples"}, "left"),
        ({"first": "apples", "other": "cook"}, "right"),
    ]
    assert answers[DOING.name] == []
    still = scene("still", object=thing("milk"))
    assert WHO.about(still) == [({}, "nobody")] and COUNT.about(still) == []
    deed = scene("verb", subject=thing("cook"), second=thing("dog"), relation="hugging")
    assert DOING.about(deed) == [({"first": "cook"}, "hugging a dog")]
    assert WHAT.about(deed) == [({}, "nothing")] and WHO.about(deed) == [({}, "a cook and a dog")]


def test_a_question_has_one_meaning():
    wordings = [casual(words) for question in QUESTIONS for words in question.wordings]
    assert len(set(wordings)) == len(wordings)
    assert all(len(question.wordings) >= 3 for question in QUESTIONS)


def test_dialogues_are_functions_of_seed_row_and_draw():
    dialogues, again = OpenDialogues(WORLD, 4), OpenDialogues(OpenWorld("train", "train", 1), 4)
    assert dialogues.dialogue(7) == again.dialogue(7)
    assert dialogues.dialogue(7, draw=1).scene == dialogues.dialogue(7).scene
    assert dialogues.dialogue(7, draw=1).turns != dialogues.dialogue(7).turns
    asked = Counter()
    for row in range(150):
        dialogue = dialogues.dialogue(row)
        assert len(dialogue.turns) == 4 and dialogue.turns[0].answer == caption(dialogue.scene)
        for question, answer in dialogue.turns:
            (kind,) = {
                each.name
                for each in QUESTIONS
                for fields, true in each.about(dialogue.scene)
                if true == answer and casual(question) in {casual(w.format_map(fields)) for w in each.wordings}
            }
            asked[kind] += 1
    assert set(asked) == {question.name for question in QUESTIONS}
