import numpy as np
import pytest
import torch

from training.data.emoji.rendering.labels import IGNORED
from training.data.judge_batches import PAINTINGS, JudgePainter, JudgeScenes
from training.data.judge_labels import NO_ONE, NOTHING, judge_concepts, visible_contexts
from training.data.open_world.harm.contexts import Clause, Rule, rules
from training.data.open_world.items import OpenWorld
from training.data.open_world.paintings import STYLE
from training.data.open_world.rendering.renderer import SceneRenderer
from training.data.open_world.scenes.scene import Entity, Scene
from training.data.open_world.splits import splits

GRID = 8


@pytest.fixture(scope="module")
def painter(open_artwork) -> JudgePainter:
    return JudgePainter(open_artwork, 32)


@pytest.fixture(scope="module")
def scenes_of_training() -> list[Scene]:
    world = OpenWorld(seed=1)
    return [world.pair(i).scene for i in range(120)]


def name_of(label: int) -> str:
    return judge_concepts().concepts[label].name


def test_a_scene_is_labelled_by_its_subject_what_it_is_about_and_its_place(scenes_of_training):
    known, shapes = judge_concepts(), set()
    for scene in scenes_of_training:
        subject, thing, place = (name_of(label) for label in known.scene_labels(scene))
        shapes.add(scene.shape)
        if scene.shape != "still" or not scene.object.concept.acts:
            assert subject == (scene.subject.concept.name if scene.subject else NO_ONE)
            assert thing == (
                scene.relation if scene.shape == "verb" else scene.object.concept.name if scene.object else NOTHING
            )
        assert place == scene.place.name
    assert shapes == {"alone", "still", "still_two", "pair", "trio", "aimed", "verb"}


def test_an_animal_by_itself_is_labelled_alike_in_either_slot():
    known, tables = judge_concepts(), splits()
    dog, park = Entity(tables.catalogue.by_name["dog"]), tables.catalogue.by_name["park"]
    alone, still = Scene("alone", park, subject=dog), Scene("still", park, object=dog)
    assert known.scene_labels(alone).tolist() == known.scene_labels(still).tolist()
    assert [name_of(label) for label in known.scene_labels(still)] == ["dog", NOTHING, "park"]


def test_patches_show_what_stands_there(scenes_of_training, open_artwork):
    known, renderer = judge_concepts(), SceneRenderer.open(open_artwork, 32)
    colored = marked = 0
    for scene in scenes_of_training:
        labels = known.patch_labels(scene, renderer.placements(scene), GRID)
        seen = {name_of(label) for label in labels.concepts if label != IGNORED}
        shown = {concept.name for concept in scene.concepts} | {scene.place.name, scene.relation}
        assert seen <= shown
        marked += scene.relation in seen
        count = sum(entity.count for entity in scene.entities) + (scene.shape == "verb")
        assert 0 < labels.centres.sum() <= count
        colors = {known.colors[color] for color in labels.colors if color != IGNORED}
        assert colors <= {entity.color for entity in scene.entities}
        colored += bool(colors)
    assert colored > 1 and marked == sum(scene.shape == "verb" for scene in scenes_of_training)


def test_a_context_asks_for_subject_and_place_alone():
    clauses = Clause(who=("child",)), Clause(relation=("pointing at",)), Clause(where=("bank",), companion=("window",))
    seen, unseen = (Rule("knife", "violence", "", (), chosen) for chosen in (clauses, clauses[1:]))
    (context,) = visible_contexts({"knife": seen, "rock": unseen})
    assert (context.thing, context.category) == ("knife", "violence")
    assert [(clause.who, clause.where) for clause in context.unsafe] == [(("child",), ())]
    names = {concept.name for concept in judge_concepts().concepts}
    assert {context.thing for context in judge_concepts().contexts} <= names & set(rules())


@pytest.mark.parametrize("phase", ["validation", "test"])
@pytest.mark.parametrize("kind", ["seen", "unseen_concepts", "contextual", PAINTINGS])
def test_measured_scenes_are_of_their_phase(painter, phase, kind):
    source = JudgeScenes(painter, phase, 3, GRID)
    scenes, batch = source.scenes(kind, 0, 10), source.labelled(kind, 0, 10, degraded=kind == PAINTINGS)
    judge = OpenWorld("seen", phase).judge
    for scene, labels, unsafe in zip(scenes, batch.labels, batch.unsafe.tolist(), strict=True):
        assert splits().phase(scene) == phase
        assert labels.tolist() == judge_concepts().scene_labels(scene).tolist()
        assert judge.verdict(scene).unsafe is unsafe
    if kind != PAINTINGS:
        assert batch.unsafe.tolist() == [False, True] * 5
    again = JudgeScenes(painter, phase, 3, GRID).labelled(kind, 6, 2, degraded=kind == PAINTINGS)
    assert torch.equal(again.pixels, batch.pixels[6:8])


def test_training_shows_both_kinds_of_scene_in_every_style_and_at_every_place(painter):
    source = JudgeScenes(painter, "train", 3, GRID)
    batch = source.training(0, 24)
    assert batch.pixels.shape == (24, 3, 32, 32) and batch.colors.shape == batch.centres.shape == (24, GRID**2)
    drawn = [source.training_scene(i) for i in range(600)]
    assert [painting for _, painting in drawn[:4]] == [False, True, False, True]
    tables = splits()
    held = [scene for scene, painting in drawn if scene.place.held]
    assert 20 < len(held) < 90 and not any(painting and scene.place.held for scene, painting in drawn)
    assert all(tables.phase(scene) == "train" for scene, _ in drawn)
    assert {scene.style for scene, painting in drawn if painting} == {STYLE}
    assert len({scene.style for scene, painting in drawn if not painting}) == 3
    assert np.isin(batch.labels[:, 0].numpy(), list(judge_concepts().subjects.values())).all()
