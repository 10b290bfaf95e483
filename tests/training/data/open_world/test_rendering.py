from dataclasses import replace

import numpy as np
import pytest

from training.data.emoji.rendering.artwork import STYLES
from training.data.emoji.rendering.labels import IGNORED
from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.items import OpenWorld
from training.data.open_world.rendering.drawings import NAMES, drawing_svg
from training.data.open_world.rendering.flags import FLAGS, flag_svg
from training.data.open_world.rendering.labels import patch_labels, scene_labels
from training.data.open_world.rendering.places import light_of, place_svg
from training.data.open_world.rendering.renderer import SceneRenderer
from training.data.open_world.rendering.sprites import Sprites, person_emoji, recolor
from training.data.open_world.scenes.scene import Entity, Scene


@pytest.fixture(scope="module")
def sprites(open_artwork) -> Sprites:
    return Sprites(open_artwork, catalogue().attributes, 24)


@pytest.mark.parametrize("styles", [pytest.param(len(STYLES), marks=pytest.mark.full), 1])
def test_every_concept_has_a_sprite_in_every_style(sprites, styles):
    """In the quick tier each concept is drawn in one style, and the styles take turns."""
    for row, concept in enumerate(catalogue().drawn):
        for style in [*STYLES, *STYLES][row % len(STYLES) :][:styles]:
            alpha = np.asarray(sprites.sprite(Entity(concept), style))[..., 3]
            assert alpha[-2:].max() > 0, f"{concept.name} in {style} does not touch the ground"


def test_every_place_is_drawn_and_lit():
    for place in catalogue().places:
        assert place_svg(place.name, 1) == place_svg(place.name, 1) != place_svg(place.name, 2)
        assert 0 < light_of(place.name).shadow < 1


def test_our_drawings_differ_by_style_and_by_name():
    assert len({drawing_svg(name, style) for name in NAMES for style in STYLES}) >= 3 * len(NAMES)
    assert len({flag_svg(country) for country in FLAGS}) == len(FLAGS)


@pytest.mark.parametrize(
    ("emoji", "sex", "tone", "sequence"),
    [
        ("🧑‍🍳", "", 0, "🧑‍🍳"),
        ("🧑‍🍳", "woman", 0, "👩‍🍳"),
        ("🧑‍🍳", "man", 3, "👨🏽‍🍳"),
        ("👮", "woman", 5, "👮🏿‍♀️"),
        ("🕵️", "man", 1, "🕵🏻‍♂️"),
        ("🧒", "woman", 0, "👧"),
        ("🧓", "man", 2, "👴🏼"),
        ("🤖", "", 0, "🤖"),
    ],
)
def test_sequences_of_people(emoji, sex, tone, sequence):
    assert person_emoji(emoji, sex, tone) == sequence


def test_a_flag_stays_legible_on_a_mirrored_person(sprites):
    person = Entity(catalogue().by_name["french person"])
    plain = np.asarray(sprites.sprite(person, "noto")).astype(int)
    mirrored = np.asarray(sprites.sprite(person, "noto", mirrored=True)).astype(int)

    def blue_before_red(pixels: np.ndarray) -> bool:
        lower = pixels[-8:]
        blue = ((lower[..., 2] - lower[..., 0] > 60) & (lower[..., 3] > 200)).any(axis=0).nonzero()[0]
        red = ((lower[..., 0] - lower[..., 2] > 120) & (lower[..., 3] > 200)).any(axis=0).nonzero()[0]
        return blue.min() < red.max()

    assert blue_before_red(plain) and blue_before_red(mirrored)
    assert not np.array_equal(plain, mirrored)


def test_recolouring_turns_the_leading_hue_and_leaves_grey_alone(sprites):
    sprite = np.zeros((8, 8, 4), np.uint8)
    sprite[..., 3] = 255
    sprite[:6] = (200, 30, 30, 255)
    sprite[6:] = (120, 120, 120, 255)
    from PIL import Image

    blue = np.asarray(recolor(Image.fromarray(sprite, "RGBA"), hue=220)).astype(int)
    assert (blue[:6, :, 2] > blue[:6, :, 0] + 80).all()
    assert (np.abs(blue[6:, :, :3] - 120) <= 1).all()


def test_the_same_scene_gives_the_same_bytes(open_artwork, open_painter):
    again = SceneRenderer.open(open_artwork, open_painter.size)
    world = OpenWorld(seed=6)
    pictures = [open_painter.paint(world.pair(index).scene).tobytes() for index in range(24)]
    assert [again.paint(world.pair(index).scene).tobytes() for index in range(24)] == pictures
    assert len(set(pictures)) == 24


def test_twins_differ_in_the_image_and_styles_too(open_painter):
    world = OpenWorld(seed=8)
    for index in range(16):
        quadruplet = world.quadruplet(index)
        safe, unsafe = open_painter.paint(quadruplet.safe), open_painter.paint(quadruplet.unsafe)
        assert safe.size == unsafe.size == (64, 64) and safe.tobytes() != unsafe.tobytes()
        other = open_painter.paint(replace(quadruplet.safe, style="openmoji"))
        assert other.tobytes() != safe.tobytes()


def test_colours_counts_and_sizes_are_seen(open_painter):
    named = catalogue().by_name
    plain = Scene("still", named["park"], object=Entity(named["balloon"]), layout=3)
    changed = [replace(plain, object=replace(plain.object, **change)) for change in ({"count": 3}, {"size": "small"})]
    pictures = {open_painter.paint(scene).tobytes() for scene in (plain, *changed)}
    assert len(pictures) == 3


def test_labels_tell_what_stands_where(open_painter):
    named = catalogue().by_name
    scene = Scene("pair", named["park"], Entity(named["dog"]), Entity(named["chair"]), None, "next to", layout=9)
    assert scene_labels(scene).tolist() == [named["dog"].label, named["chair"].label, IGNORED, named["park"].label]
    labels = patch_labels(scene, open_painter.placements(scene), grid=32).reshape(32, 32)
    assert set(labels.ravel()) == {named["dog"].label, named["chair"].label, named["park"].label, IGNORED}
    assert labels[0, 0] == named["park"].label
