"""The published profile's LLaVA on a checkpoint in the layout of LLaVA-1.5: every part, few layers and channels."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

import safeclip
from tests.safeclip.published import plain
from tests.safeclip.published.test_published import TINY, pictures, write_clip

LLAVA, LLAVA_13B = "llava-hf/llava-1.5-7b-hf", "llava-hf/llava-1.5-13b-hf"
CLIP_336, SAFE_336 = "openai/clip-vit-large-patch14-336", "aimagelab/safeclip_vit-l_14_336"
QUESTION = "a chef holding a spoon in the kitchen?"

# Of every tensor in the repository.
PREFIXES = ("language_model.model.", "language_model.lm_head.", "vision_tower.vision_model.", "multi_modal_projector.")


def as_published(name: str) -> str:
    """A tensor's name in the repository: transformers writes the older ones still, but for the tower's."""
    if name.startswith("vision_tower.") and not name.startswith("vision_tower.vision_model."):
        name = name.replace("vision_tower.", "vision_tower.vision_model.", 1)
    assert name.startswith(PREFIXES), name
    return name


@pytest.fixture(scope="module")
def hub(tmp_path_factory, make):
    root = tmp_path_factory.mktemp("hub")
    original = write_clip(root / CLIP_336, TINY, 0, processor=True, image_size=336)
    write_clip(root / SAFE_336, TINY, 1, processor=False, image_size=336)
    for name, layers, heads in ((LLAVA, 2, 4), (LLAVA_13B, 3, 5)):  # 32 and 40 of each in the true ones
        folder = make.llava(root / name, original, layers=layers, heads=heads)
        weights = load_file(folder / "model.safetensors")
        weights = {as_published(name): each.half() for name, each in weights.items()}
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        template = folder / "chat_template.jinja"
        (folder / "chat_template.json").write_text(json.dumps({"chat_template": template.read_text()}))
        template.unlink()
    return root


@pytest.mark.parametrize(
    ("name", "llava", "dtype"),
    [("vit-l-14", LLAVA, torch.float32), ("vit-l-14-336-13b", LLAVA_13B, torch.bfloat16)],
)
def test_both_seats_of_336_px_answer_as_a_model_of_their_own(hub, monkeypatch, name, llava, dtype):
    monkeypatch.setenv("SAFECLIP_ROOT", str(hub))
    captioning = safeclip.open(name, device="cpu").captioning
    (image,) = pictures(1)
    found = captioning.compare(image, QUESTION, max_new_tokens=12)
    assert list(found) == ["original", "safe"] and not any(answer.error for answer in found.values())

    for key, tower in (("original", CLIP_336), ("safe", SAFE_336)):
        said = plain.answer(hub / llava, hub / tower, image, QUESTION, tokens=12, dtype=dtype)
        assert list(found[key].tokens) == said, key


def test_the_judge_of_the_answers_is_named_or_reported_missing(hub, monkeypatch):
    """The profile's judge of texts is Detoxify, whose package or weights need not be here."""
    monkeypatch.setenv("SAFECLIP_ROOT", str(hub))
    found = safeclip.open("vit-l-14", device="cpu").captioning.compare(pictures(1)[0], max_new_tokens=2)
    assert found.judge is not None or any("Nobody judged the answers" in note for note in found.notes)
    assert all(answer.text is not None for answer in found.values())
