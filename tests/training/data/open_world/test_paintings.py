from collections import Counter
from dataclasses import replace

import pytest

from training.data.open_world.paintings import (
    CELLS,
    SHAPES,
    STYLE,
    PaintingRenderer,
    Paintings,
    is_paintable,
    painted_concepts,
)
from training.data.open_world.splits import splits
from training.data.painted_worlds import captioned_scenes, scene_painter


@pytest.mark.parametrize(("split", "phase"), [("train", "train"), ("seen", "test"), ("unseen_concepts", "validation")])
def test_scenes_belong_to_their_phase_and_stand_on_the_grid(split, phase, artwork):
    paintings, painter = Paintings(split, phase, seed=1), PaintingRenderer.open(artwork, 32)
    for index in range(60):
        scene = paintings.scene(index)
        assert paintings.world.splits.phase(scene) == phase
        assert paintings.world.judge.verdict(scene) is not None
        assert (scene.style, scene.shape) == (STYLE, SHAPES[index % len(SHAPES)])
        assert all(each.tone == 0 and not each.size and each.count <= 3 for each in scene.entities)
        for at in painter.placements(scene):
            left, top = (at.x - at.size / 2) * CELLS, (at.foot - at.size) * CELLS
            assert left == round(left) and left >= 0 and left + at.size * CELLS <= CELLS
            assert top == round(top) and top >= 0 and at.foot <= 1


def test_every_thing_being_and_verb_takes_its_turn():
    paintings = Paintings(seed=2)
    scenes = [paintings.scene(index) for index in range(6000)]
    known = paintings.world.catalogue
    shown = Counter(concept.name for scene in scenes for concept in scene.concepts)
    assert {concept.name for concept in (*known.safe_objects, *known.unsafe)} <= set(shown)
    assert {being.name for being in known.actors} <= set(shown)
    things = Counter(scene.object.concept.name for scene in scenes if scene.shape == "pair")
    assert len(things) > 600 and max(things.values()) <= 12
    verbs = Counter(scene.relation for scene in scenes if scene.shape == "verb")
    assert len(verbs) == 34 and max(verbs.values()) - min(verbs.values()) <= 4


def test_captions_are_drawn_apart_and_name_the_scene():
    paintings = Paintings(seed=3)
    drawn = [paintings.painting(index, captions=3) for index in range(100)]
    assert all(len(painting.captions) == 3 for painting in drawn)
    assert sum(len(set(painting.captions)) for painting in drawn) > 250
    named = [
        any(name in text for name in painting.scene.object.concept.names)
        for painting in drawn
        if painting.scene.shape == "still" and painting.scene.object.count == 1
        for text in painting.captions
    ]
    assert sum(named) > 0.9 * len(named)


def test_the_shipped_painter_has_what_it_is_measured_on():
    tables, names = splits(), painted_concepts()
    known = tables.catalogue.by_name
    assert names <= set(known) and not any(known[name].place for name in names) and len(names) >= 300
    held = {concept.name for concept in tables.unsafe("test")}
    assert held <= names and set(tables.rules) - {c.name for c in tables.catalogue.animals} <= names
    for unsafe in (known[name] for name in names if known[name].unsafe):
        assert names & set(unsafe.instead), unsafe.name


def test_chosen_scenes_show_nothing_but_what_the_painter_learns():
    chosen, everything = captioned_scenes("chosen", "train", 5), captioned_scenes("open", "train", 5)
    scenes = [chosen.painting(index).scene for index in range(400)]
    assert all(is_paintable(scene) for scene in scenes)
    assert not all(is_paintable(everything.painting(index).scene) for index in range(40))
    assert len({concept.name for scene in scenes for concept in scene.concepts}) > 250
    assert not is_paintable(replace(scenes[0], shape="trio"))


def test_both_worlds_can_be_asked_for_by_name(artwork):
    for world in ("first", "open"):
        scenes = captioned_scenes(world, "validation", seed=4)
        assert scene_painter(world, artwork, 32)(scenes.painting(0).scene).size == (32, 32)
        assert scenes.painting(0, captions=2) == scenes.painting(0, captions=2)
    with pytest.raises(ValueError, match="choose from first, open"):
        captioned_scenes("third", "train", seed=4)
