"""The zoo's LLaVA as it is shipped: small enough, with the eyes of the zoo's CLIP, and able to say what it sees."""

from pathlib import Path

import pytest
import torch
from transformers import AutoProcessor, CLIPModel, LlavaForConditionalGeneration

import safeclip
from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.dialogues.questions import CAPTION
from training.data.open_world.dialogues.vocabulary import all_words
from training.data.open_world.scenes.relations import relations

ZOO = Path(__file__).parents[2] / "zoo"
MB = 1_000_000


@pytest.fixture(scope="module")
def model() -> LlavaForConditionalGeneration:
    return LlavaForConditionalGeneration.from_pretrained(ZOO / "llava", dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def processor():
    return AutoProcessor.from_pretrained(ZOO / "llava")


def test_its_files_fit_a_repository():
    sizes = [path.stat().st_size for path in (ZOO / "llava").iterdir()]
    assert max(sizes) < 9 * MB
    assert sum(sizes) < 10.6 * MB


def test_the_layers_that_it_reads_are_those_of_the_zoos_clip(model):
    own = model.model.vision_tower.state_dict()
    clips = CLIPModel.from_pretrained(ZOO / "open-clip", dtype=torch.float32).vision_model.state_dict()
    assert own.keys() == clips.keys()
    last = f"encoder.layers.{model.config.vision_config.num_hidden_layers - 1}."  # it reads the second-last
    read = [name for name in own if not name.startswith((last, "post_layernorm."))]
    assert len(read) > len(own) / 2 and all(torch.equal(own[name], clips[name]) for name in read)


def test_every_word_of_the_world_is_one_token(processor):
    tokenizer = processor.tokenizer
    cut = tokenizer.backend_tokenizer.pre_tokenizer
    for text in all_words(catalogue(), relations()):
        assert tokenizer.tokenize(text) == [word for word, _ in cut.pre_tokenize_str(text)]


def test_plain_transformers_captions_images_of_the_gallery(model, processor):
    """Greedy captions name the place nearly always, and one thing of hundreds in a third of the pictures."""
    gallery = safeclip.open("emoji").gallery
    items = [item for item in gallery.items if not item.unsafe and item.object][:24]
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": CAPTION.wordings[0]}]}
    prompt = processor.apply_chat_template([message], add_generation_prompt=True)
    pictures = [gallery.image(item.image_id) for item in items]
    inputs = processor(images=pictures, text=[prompt] * len(pictures), return_tensors="pt")
    answers = model.generate(**inputs)[:, inputs.input_ids.shape[1] :]
    captions = processor.batch_decode(answers, skip_special_tokens=True)
    places = {place.name: place.phrases[0] for place in catalogue().places}
    named = [(item.object in text, places[item.place] in text) for text, item in zip(captions, items, strict=True)]
    assert sum(thing for thing, _ in named) >= 6
    assert sum(place for _, place in named) >= 18
