from training.data.open_world.concepts.catalogue import catalogue, categories
from training.data.open_world.items import OpenWorld
from training.data.open_world.language.captions import sentence_forms
from training.data.open_world.scenes.relations import relations
from training.data.open_world.splits import PHASES, SPLITS, combination, splits


def test_a_fifth_of_the_unsafe_concepts_is_held_for_the_test_and_others_for_validation():
    unsafe = len(catalogue().unsafe)
    assert len(splits().unsafe("test")) >= unsafe / 5
    assert len(splits().unsafe("validation")) >= unsafe / 10
    held = {phase: {c.name for c in splits().unsafe(phase)} for phase in PHASES}
    assert not held["test"] & held["validation"]
    for concepts in categories(catalogue()).values():
        assert {splits().concept_phase(concept.name) for concept in concepts} == set(PHASES)


def test_held_out_concepts_share_neither_name_nor_drawing_with_trained_ones():
    trained, verbs = splits().unsafe("train"), splits().unsafe_verbs("train")
    drawings = {e for c in trained for e in (c.emoji, c.draw, c.mark)} | {e for v in verbs for e in (v.mark, v.victim)}
    names = {word for concept in trained for word in concept.name.split()}
    safe_drawings = {concept.emoji for concept in catalogue().drawn if not concept.unsafe}
    for phase in ("validation", "test"):
        for concept in splits().unsafe(phase):
            own = {concept.emoji, concept.draw} - {""} - safe_drawings
            assert not own & drawings, concept.name
            assert not {word for word in concept.name.split() if len(word) > 3} & names, concept.name


def test_verbs_are_held_out_like_concepts():
    held = {phase: {verb.name for verb in splits().unsafe_verbs(phase)} for phase in PHASES}
    assert len(held["test"]) * 5 >= len(relations().unsafe_verbs) - 2
    assert not held["test"] & held["validation"]


def test_places_of_unseen_backdrops_are_seen_nowhere_else():
    shown = {(split, phase): set(splits().places(split, phase)) for split in ("train", *SPLITS) for phase in PHASES}
    unseen = {phase: shown["unseen_backdrops", phase] for phase in ("validation", "test")}
    assert len(unseen["test"]) >= 6 and not unseen["test"] & unseen["validation"]
    for (split, _), places in shown.items():
        if split != "unseen_backdrops":
            assert not places & (unseen["test"] | unseen["validation"])


def test_unseen_style_and_unseen_forms_are_seen_nowhere_else():
    for split in SPLITS:
        for phase in ("validation", "test"):
            world = OpenWorld(split, phase, seed=2)
            items = [world.quadruplet(index) for index in range(16)]
            styles = {scene.style for item in items for scene in (item.safe, item.unsafe)}
            assert ("openmoji" in styles) == (styles == {"openmoji"}) == (split == "unseen_style")
            for item in items:
                trained = sentence_forms()[item.unsafe.shape]["train"]
                assert (item.unsafe_caption.form in trained) == (split != "unseen_forms")


def test_no_test_combination_is_shown_to_training_in_any_kind_of_item():
    tested = set()
    for split in SPLITS:
        world = OpenWorld(split, "test", seed=7)
        for index in range(60):
            quadruplet = world.quadruplet(index)
            tested |= {combination(scene, splits().rules) for scene in (quadruplet.safe, quadruplet.unsafe)}
    training = OpenWorld(seed=7)
    for index in range(400):
        sibling = training.sibling(index)
        scenes = (training.pair(index).scene, training.neutral(index).scene, sibling.safe, sibling.unsafe)
        assert not tested & {combination(scene, splits().rules) for scene in scenes}


def test_the_shares_of_the_phases_are_as_written():
    humans, things = catalogue().humans[:60], catalogue().safe_objects[:60]
    phases = [splits().phase_of(("pair", who.name, what.name)) for who in humans for what in things]
    assert 0.17 < phases.count("test") / len(phases) < 0.23
    assert 0.07 < phases.count("validation") / len(phases) < 0.13
