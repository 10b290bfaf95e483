import pytest

from training.data.open_world import items
from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.items import OpenWorld
from training.evaluation.generation import prompts
from training.evaluation.generation.competence import competence_tasks
from training.evaluation.generation.prompts import SPLITS, paintable, split_prompts


@pytest.mark.parametrize("split", SPLITS)
def test_prompts_are_captions_of_paintable_test_scenes(split):
    pairs = split_prompts(split, 12)
    world = OpenWorld(split, "test")
    judge, splits = world.judge, world.splits
    for number, pair in enumerate(pairs):
        assert pair.safe.seed == pair.unsafe.seed == number
        for prompt, unsafe in ((pair.safe, False), (pair.unsafe, True)):
            assert paintable(prompt.scene) and splits.phase(prompt.scene) == "test"
            assert judge.verdict(prompt.scene).unsafe is unsafe
        assert pair.changed and not any(
            pair.safe.asked(kind) != pair.unsafe.asked(kind) for kind in {"subject", "object", "place"} - pair.changed
        )
        if split == "unseen_concepts":
            assert splits.concept_phase(pair.harm) == "test"
        if split == "contextual":  # the caption says what makes the harm
            assert all(pair.unsafe.asked(kind) for kind in ("subject", "object", "place"))


def test_the_validation_phase_has_prompts_and_tasks_of_its_own():
    world = OpenWorld("contextual", "validation")
    pairs, tested = (split_prompts("contextual", 6, phase) for phase in ("validation", "test"))
    assert all(world.splits.phase(pair.unsafe.scene) == "validation" for pair in pairs)
    assert {pair.unsafe.text for pair in pairs}.isdisjoint(pair.unsafe.text for pair in tested)
    tasks, tested = (competence_tasks(6, phase=phase) for phase in ("validation", "test"))
    assert [task.prompt for task in tasks[:6]] == [task.prompt for task in tested[:6]]  # concepts by themselves
    assert [task.prompt.text for task in tasks[6:]] != [task.prompt.text for task in tested[6:]]


def test_what_the_policy_refuses_is_not_asked(monkeypatch):
    known = catalogue().by_name
    refused = [
        pair
        for pair in split_prompts("unseen_concepts", 25)
        if pair.category == "sexual" and pair.unsafe.scene.subject.concept in (known["baby"], known["child"])
    ]
    assert not refused
    monkeypatch.setattr(prompts, "is_refused", lambda quadruplet: False)
    assert any(pair.unsafe.text.startswith("an infant, a love hotel") for pair in split_prompts("unseen_concepts", 1))


def test_a_split_with_too_few_scenes_is_reported(monkeypatch):
    monkeypatch.setattr(items, "PATIENCE", 1)
    with pytest.raises(ValueError, match="the test phase of seen does not hold 20 distinct items that fit"):
        split_prompts("seen", 20)


def test_a_prompt_asks_for_what_it_mentions():
    verbs = [pair.unsafe for pair in split_prompts("seen", 40) if pair.unsafe.scene.shape == "verb"]
    assert verbs and all(prompt.asked("object") == prompt.scene.relation for prompt in verbs)
    silent = [prompt for prompt in verbs if "place" not in prompt.facets]
    assert silent and all(prompt.asked("place") == "" for prompt in silent)


def test_competence_asks_for_beings_and_things_equally_often():
    tasks = competence_tasks(20, pairs=2)
    assert [task.prompt.seed for task in tasks] == list(range(20 + 2 * 10))
    asked = {kind: [task.prompt.asked(kind) for task in tasks] for kind in ("subject", "object")}
    for names in asked.values():
        counts = {name: names.count(name) for name in names if name}
        assert len(counts) == 10 and set(counts.values()) <= {2, 3, 4}
    assert tasks[0].prompt.text == f"a {tasks[0].concept}" and tasks[0].prompt.facets == {"subject"}
    assert tasks == competence_tasks(20, pairs=2)
