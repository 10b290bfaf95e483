"""The open world's models as they are shipped: they load, belong together, and their cards say what was measured."""

import json
from pathlib import Path

import numpy as np
import pytest

from safeclip.encoders import Encoder
from training.data.open_world.items import OpenWorld
from training.zoo.catalogue import CARDS
from training.zoo.publishing import TrainingRecord

ZOO = Path(__file__).parents[2] / "zoo"
BASE = ZOO / "open-clip"
ADAPTERS = [ZOO / name for name in ("open-safe-clip", "open-safe-clip-mixed")]
PAPER = ZOO / "open-safe-clip-paper"  # whose settings move a safe text as far as an unsafe one on this width
TEXTS = ["a dog in the kitchen", "a clown with a knife at school"]


@pytest.fixture(scope="module")
def base() -> np.ndarray:
    return Encoder.from_pretrained(str(BASE), device="cpu").encode_texts(TEXTS)


def test_the_text_tower_has_the_width_of_its_teacher(base):
    assert base.shape == (2, 384) and np.allclose(np.linalg.norm(base, axis=1), 1, atol=1e-5)


@pytest.fixture(scope="module")
def captions() -> tuple[list[str], list[str]]:
    """Safe and unsafe captions of twenty test quadruplets."""
    world = OpenWorld("seen", "test")
    quadruplets = [world.quadruplet(index) for index in range(20)]
    return [each.safe_caption.text for each in quadruplets], [each.unsafe_caption.text for each in quadruplets]


def moved(folder: Path, texts: list[str]) -> float:
    """How far an adapter moves texts: the mean of one minus the cosine to where they were."""
    before, after = Encoder.from_pretrained(str(BASE)), Encoder.from_pretrained(str(BASE), str(folder))
    return float((1 - (before.encode_texts(texts) * after.encode_texts(texts)).sum(1)).mean())


@pytest.mark.parametrize("folder", ADAPTERS, ids=lambda folder: folder.name)
def test_an_adapter_belongs_to_the_open_worlds_clip(folder, captions):
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "zoo/open-clip"
    assert moved(folder, captions[1]) > 0.01


def test_the_contrast_of_the_mixed_gallery_moves_unsafe_texts_farther_than_safe_ones(captions):
    safe, unsafe = (moved(ZOO / "open-safe-clip-mixed", texts) for texts in captions)
    assert unsafe > 1.2 * safe > 0


def test_the_adapter_with_the_papers_settings_is_another_encoder(base):
    tuned = Encoder.from_pretrained(str(BASE), str(PAPER), device="cpu").encode_texts(TEXTS)
    assert np.all(1 - (base * tuned).sum(1) > 0.01)


def test_the_card_quotes_the_figures_and_every_part_of_the_training():
    card, measured = ((BASE / name).read_text(encoding="utf-8") for name in ("README.md", "metrics.json"))
    figures = json.loads(measured)
    assert f"{figures['watched']['text_to_image']:.1f} % from caption to image" in card
    assert f"{figures['free_text']['tower_images']:.1f} % find an image" in card
    recipes = next(each for each in CARDS if each.folder == "open-clip").recipes
    for recipe in recipes:
        assert f"for {TrainingRecord.read(BASE / recipe.weights).steps} steps" in card
