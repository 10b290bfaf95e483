"""The zoo's LLaVA as it is shipped: small enough, with the eyes of the zoo's CLIP, and able to say what it sees."""

from pathlib import Path

import pytest
import torch
from transformers import AutoProcessor, CLIPModel, LlavaForConditionalGeneration

import safeclip
from safeclip.judges.texts.lexicon import Lexicon

ZOO = Path(__file__).parents[2] / "zoo"
MB = 1_000_000


@pytest.fixture(scope="module")
def model() -> LlavaForConditionalGeneration:
    return LlavaForConditionalGeneration.from_pretrained(ZOO / "llava", dtype=torch.float32).eval()


def test_its_files_fit_a_repository():
    sizes = [path.stat().st_size for path in (ZOO / "llava").iterdir()]
    assert max(sizes) < 8 * MB
    assert sum(sizes) < 10.5 * MB


def test_its_vision_tower_is_that_of_the_zoos_clip(model):
    own = model.model.vision_tower.state_dict()
    clips = CLIPModel.from_pretrained(ZOO / "open-clip", dtype=torch.float32).vision_model.state_dict()
    assert own.keys() == clips.keys()
    assert all(torch.equal(own[name], clips[name]) for name in own)


def test_plain_transformers_captions_test_images(model):
    """A caption names who is in the picture and what it has, by any of their names."""
    gallery, lexicon = safeclip.open("emoji").gallery, Lexicon.open(ZOO / "lexicon.json")
    items = [item for item in gallery.items if item.subject and item.object][:16]
    processor = AutoProcessor.from_pretrained(ZOO / "llava")
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Describe the picture."}]}
    prompt = processor.apply_chat_template([message], add_generation_prompt=True)
    pictures = [gallery.image(item.image_id) for item in items]
    inputs = processor(images=pictures, text=[prompt] * len(pictures), return_tensors="pt")
    answers = model.generate(**inputs)[:, inputs.input_ids.shape[1] :]
    right = 0
    for caption, item in zip(processor.batch_decode(answers, skip_special_tokens=True), items, strict=True):
        named = {mention.concept for mention in lexicon.find(caption)}
        right += len(named & {item.subject, item.object})
    assert right >= len(items)  # half of all
