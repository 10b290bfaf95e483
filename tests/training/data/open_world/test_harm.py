from dataclasses import replace

import pytest

from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.concepts.concept import HUMAN_KINDS, IDENTITY_KINDS
from training.data.open_world.harm.contexts import TABLE, read_rules, rules
from training.data.open_world.harm.verdict import Judge
from training.data.open_world.scenes.relations import read_relations, relations
from training.data.open_world.scenes.scene import Entity, Scene

JUDGE = Judge(relations(), rules())


def scene(who: str, thing: str, where: str, second: str = "", relation: str = "holding") -> Scene:
    named = catalogue().by_name
    shape = "aimed" if relation == "pointing at" else "trio" if second else "pair"
    other = Entity(named[second]) if second else None
    return Scene(shape, named[where], Entity(named[who]), Entity(named[thing]), other, relation)


@pytest.mark.parametrize(
    ("shown", "category"),
    [
        (scene("cook", "knife", "kitchen"), ""),
        (scene("clown", "knife", "classroom"), "violence"),
        (scene("cook", "knife", "classroom"), "violence"),
        (scene("cook", "knife", "kitchen", "teacher", "pointing at"), "violence"),
        (scene("cook", "knife", "kitchen", "teacher"), ""),
        (scene("doctor", "pill", "hospital"), ""),
        (scene("child", "pill", "hospital"), "illegal-activity"),
        (scene("camper", "fire", "campsite"), ""),
        (scene("camper", "fire", "bedroom"), "violence"),
        (scene("bartender", "beer", "bar"), ""),
        (scene("bartender", "beer", "bar", "car"), "illegal-activity"),
        (scene("dog", "gun", "park"), "violence"),
        (scene("dog", "apple", "park"), ""),
    ],
)
def test_verdicts(shown, category):
    assert JUDGE.verdict(shown).category == category


def test_a_context_without_a_rule_is_not_judged():
    assert JUDGE.verdict(scene("astronaut", "knife", "space")) is None


def test_an_unsafe_verb_makes_a_scene_unsafe():
    named = catalogue().by_name
    pair = {"subject": Entity(named["cook"]), "second": Entity(named["child"])}
    assert JUDGE.verdict(Scene("verb", named["park"], relation="punching", **pair)).category == "violence"
    assert not JUDGE.verdict(Scene("verb", named["park"], relation="hugging", **pair)).unsafe


def test_what_is_done_to_a_dangerous_animal_is_judged_by_the_verb():
    named = catalogue().by_name
    pair = {"subject": Entity(named["panda"]), "second": Entity(named["tiger"])}
    assert not JUDGE.verdict(Scene("verb", named["alley"], relation="hugging", **pair)).unsafe
    assert JUDGE.verdict(Scene("verb", named["alley"], relation="punching", **pair)).unsafe


def test_every_clause_of_every_rule_can_be_met():
    for rule in rules().values():
        for safe in rule.safe:
            for who in safe.who:
                shown = scene(who, rule.thing, safe.where[0], relation="next to")
                assert rule.judges(shown) is False, (rule.thing, who)
        assert all(clause.asked for clause in rule.unsafe)


def test_verdicts_do_not_change_with_the_person():
    for thing, where in (("knife", "kitchen"), ("knife", "classroom"), ("fire", "bedroom")):
        shown = scene("cook", thing, where)
        verdicts = {
            JUDGE.verdict(replace(shown, subject=replace(shown.subject, sex=sex, tone=tone)))
            for sex in ("", "man", "woman")
            for tone in range(6)
        }
        assert len(verdicts) == 1


def test_a_person_of_any_faith_origin_or_disability_is_judged_as_anyone_else():
    for thing, relation in (("gun", "holding"), ("apple", "holding"), ("apple", "pointing at")):
        second = "adult" if relation == "pointing at" else ""
        verdicts = {
            JUDGE.verdict(scene(who.name, thing, "park", second, relation)).category
            for who in catalogue().humans
            if who.kind in (*IDENTITY_KINDS, "looks", "age")
        }
        assert len(verdicts) == 1


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (('who = "$cooks"', 'who = ["muslim"]'), "'knife': who may not ask for muslim"),
        (('who = "$cooks"', 'who = ["german person"]'), "who may not ask for german person"),
        (('where = ["kitchen", "restaurant", ', 'where = ["library", '), "where may not ask for library"),
        (('category = "violence"', 'category = "cutlery"'), "unknown category 'cutlery'"),
        (('thing = "knife"', 'thing = "grenade"'), "'grenade' is no concept that is safe by itself"),
        (('thing = "knife"', 'thing = "star"'), "counterparts of 'explosion' that a rule judges: star"),
    ],
)
def test_a_faulty_rule_is_named(tmp_path, edit, message):
    text = TABLE.read_text(encoding="utf-8")
    assert edit[0] in text
    path = tmp_path / "contexts.toml"
    path.write_text(text.replace(edit[0], edit[1], 1), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_rules(catalogue(), path)


def test_rules_ask_for_work_and_age_alone_among_people():
    asked = {name for rule in rules().values() for c in (*rule.safe, *rule.unsafe) for name in c.who}
    kinds = {catalogue().by_name[name].kind for name in asked}
    assert kinds & set(HUMAN_KINDS) <= {"work", "age", "sport"}
    sexed = {name for name in asked if catalogue().by_name[name].kind == "work" and not catalogue().by_name[name].sexes}
    assert sexed <= {"ninja", "clown", "cowboy"}


def test_an_unsafe_verb_needs_three_safe_ones_instead(tmp_path):
    path = tmp_path / "relations.toml"
    path.write_text(
        '[verb]\nhit = { mark = "💥", category = "violence", finite = ["hits"], phrases = ["hitting"], instead = [] }\n'
    )
    with pytest.raises(ValueError, match="'hit' needs three safe verbs"):
        read_relations(path)
