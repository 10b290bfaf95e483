"""Perturbations of pictures: what each does to the pixels, and that stacks repeat themselves."""

import random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from safeclip.errors import QueryError
from safeclip.redteam.perturbations import PICTURE_PERTURBATIONS, Words, parse_stack


@pytest.fixture(scope="module")
def image() -> Image.Image:
    """A red disc on the left of a field that grows lighter from left to right."""
    ramp = np.tile(np.linspace(60, 200, 96, dtype=np.uint8), (64, 1))
    image = Image.fromarray(np.stack([ramp, ramp, ramp], axis=-1))
    ImageDraw.Draw(image).ellipse((8, 16, 40, 48), fill="red")
    return image


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float32)


def apply(name: str, image: Image.Image, seed: int = 0, **words: str) -> Image.Image:
    return PICTURE_PERTURBATIONS[name].apply(image, Words(**words), random.Random(seed))


@pytest.mark.parametrize("name", PICTURE_PERTURBATIONS)
def test_each_gives_another_rgb_picture_and_leaves_the_given_one_alone(name, image):
    before = image.tobytes()
    changed = apply(name, image)
    assert changed.mode == "RGB" and changed.tobytes() != before and image.tobytes() == before
    assert name == "crop" or changed.size == image.size


def test_what_is_exact(image):
    assert np.array_equal(pixels(apply("flip", image)), pixels(image)[:, ::-1])
    grey = pixels(apply("grayscale", image))
    assert np.array_equal(grey[..., 0], grey[..., 1]) and np.array_equal(grey[..., 1], grey[..., 2])
    assert np.allclose(pixels(apply("brightness", image)), 0.4 * pixels(image), atol=1)
    cropped = apply("crop", image)
    assert cropped.size == (72, 48)
    windows = np.lib.stride_tricks.sliding_window_view(pixels(image), (48, 72, 3))
    assert (windows == pixels(cropped)).all(axis=(-1, -2, -3)).any()  # a part of the picture, as it was


def test_what_loses_detail(image):
    def detail(image: Image.Image) -> float:
        return float(np.abs(np.diff(pixels(image), axis=1)).max())

    assert detail(apply("blur", image)) < detail(image) < detail(apply("noise", image))
    assert np.abs(pixels(apply("noise", image)) - pixels(image)).mean() < 40
    assert np.abs(pixels(apply("jpeg", image)) - pixels(image)).mean() < 20


@pytest.mark.parametrize("word", ["knife", "a word that is far too long"])
def test_a_word_is_written_on_a_white_label_inside_the_picture(word, image):
    written = pixels(apply("written word", image, written=word))
    changed = np.argwhere((written != pixels(image)).any(axis=-1))
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
    assert top > 64 / 2 and left >= 0 and right < 96 and bottom < 64
    label = written[top : bottom + 1, left : right + 1]
    assert (
        label.max() == 255
        and label.min() < 60
        and not np.array_equal(written, pixels(apply("written word", image, written="dog")))
    )


def test_a_stack_repeats_itself_for_the_same_picture(image):
    stack = parse_stack("crop + noise", PICTURE_PERTURBATIONS)
    first, again = (stack.stages(image, Words()) for _ in range(2))
    assert [each.tobytes() for each in first] == [each.tobytes() for each in again] and len(first) == 2
    other = stack.stages(apply("flip", image), Words())
    assert apply("flip", first[0]).tobytes() != other[0].tobytes()  # the draws are those of another picture
    with pytest.raises(QueryError, match="no perturbation “synonyms”. Choose among crop"):
        parse_stack("synonyms", PICTURE_PERTURBATIONS)


@pytest.mark.parametrize("name", PICTURE_PERTURBATIONS)
def test_a_picture_of_a_few_pixels_is_perturbed(name):
    for size in ((1, 1), (3, 2), (1, 90)):
        assert apply(name, Image.new("RGB", size)).mode == "RGB"
