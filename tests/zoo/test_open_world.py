"""The open world's models as they are shipped: they load, belong together, and their cards say what was measured."""

import json
from pathlib import Path

import numpy as np
import pytest

from safeclip.encoders import Encoder
from training.zoo.catalogue import CARDS
from training.zoo.publishing import TrainingRecord

ZOO = Path(__file__).parents[2] / "zoo"
BASE = ZOO / "open-clip"
ADAPTERS = sorted(path for path in ZOO.glob("open-safe-clip*") if path.is_dir())
TEXTS = ["a dog in the kitchen", "a clown with a knife at school"]


@pytest.fixture(scope="module")
def base() -> np.ndarray:
    return Encoder.from_pretrained(str(BASE), device="cpu").encode_texts(TEXTS)


def test_the_text_tower_has_the_width_of_its_teacher(base):
    assert base.shape == (2, 384) and np.allclose(np.linalg.norm(base, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("folder", ADAPTERS, ids=lambda folder: folder.name)
def test_an_adapter_moves_an_unsafe_text_farther_than_a_safe_one(base, folder):
    tuned = Encoder.from_pretrained(str(BASE), str(folder), device="cpu").encode_texts(TEXTS)
    safe, unsafe = 1 - (base * tuned).sum(1)
    assert unsafe > safe >= 0


def test_the_card_quotes_the_figures_and_every_part_of_the_training():
    card, measured = ((BASE / name).read_text(encoding="utf-8") for name in ("README.md", "metrics.json"))
    figures = json.loads(measured)
    assert f"{figures['watched']['text_to_image']:.1f} % from caption to image" in card
    assert f"{figures['free_text']['tower_images']:.1f} % find an image" in card
    recipes = next(each for each in CARDS if each.folder == "open-clip").recipes
    for recipe in recipes:
        assert f"for {TrainingRecord.read(BASE / recipe.weights).steps} steps" in card
