import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, AutoTokenizer, LlavaForConditionalGeneration

from safeclip.encoders import Encoder
from safeclip.errors import CheckpointError, ProfileError
from tests.fakes.toy_recipes import parsed, take_steps, toy_options, toy_recipe
from training.data.emoji.world.questions import CAPTION
from training.data.pixels import normalise
from training.engine.checkpoints import load_state, save_state
from training.recipes.llava import LlavaRecipe, LlavaTraining, naming_rates


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, tiny_clip) -> LlavaRecipe:
    return parsed(tmp_path_factory.mktemp("llava"), toy_recipe("llava", tiny_clip))[1]


@pytest.fixture
def training(recipe, artwork, tmp_path) -> LlavaTraining:
    return LlavaTraining(recipe, toy_options(tmp_path, artwork))


@pytest.fixture(scope="module")
def saved(recipe, artwork, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    LlavaTraining(recipe, toy_options(folder, artwork)).save(folder)
    return folder


def test_an_unknown_key_is_an_error(tmp_path, tiny_clip):
    with pytest.raises(ProfileError, match="heats"):
        parsed(tmp_path, toy_recipe("llava", tiny_clip).replace("heads", "heats"))


def test_a_missing_clip_is_reported(tmp_path, artwork):
    _, recipe = parsed(tmp_path, toy_recipe("llava", tmp_path / "nowhere"))
    with pytest.raises(CheckpointError, match="nowhere"):
        LlavaTraining(recipe, toy_options(tmp_path, artwork))


def test_the_loss_is_that_of_transformers(training):
    batch = next(training.batches(0, 1))
    dialogues = batch.dialogues
    pixels = normalise(dialogues.pixels)
    ours = training.answer_losses(batch, pixels)["token_loss"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        theirs = training.model(
            input_ids=dialogues.input_ids,
            attention_mask=dialogues.attention_mask,
            pixel_values=pixels,
            labels=dialogues.labels,
        ).loss
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-3)


def test_the_vision_tower_is_clips_and_stays_so(training, tiny_clip):
    take_steps(training, 2)
    expected = Encoder.from_pretrained(tiny_clip, device="cpu").model.vision_model.state_dict()
    found = training.model.model.vision_tower.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert not any(name.startswith("model.vision_tower") for name in training.state_dict()["parts"]["model"])


def test_training_lowers_the_loss(training):
    losses = [metrics["loss"] for metrics in take_steps(training, 12)]
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])


def test_a_state_brings_back_the_run(training, recipe, artwork, tmp_path):
    take_steps(training, 2)
    save_state(tmp_path, training.state_dict())
    other = LlavaTraining(recipe, toy_options(tmp_path, artwork))
    other.load_state_dict(load_state(tmp_path))
    batch = next(training.batches(5, 6))
    torch.manual_seed(0)
    first = training.step(5, batch, 1e-3)
    torch.manual_seed(0)
    assert other.step(5, batch, 1e-3) == first
    ours, theirs = training.model.state_dict(), other.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_captions_are_counted_by_what_they_name(training):
    scenes = training.held_out_scenes()
    captions = [f"It shows {scene.object.words[-1]} {scene.place.words[0]}" for scene in scenes]
    captions[0] = "nothing at all"
    rates = naming_rates(captions, scenes)
    right = pytest.approx(100 * (len(scenes) - 1) / len(scenes))
    assert rates["object"] == rates["place"] == right
    assert rates["subject"] <= 100 / len(scenes)  # an object may contain the name of a subject


def test_a_validation_measures_loss_and_captions(training):
    measured, stop = training.validate(1)
    assert not stop
    assert set(measured) == {f"validation_{name}" for name in ("loss", "subject", "object", "place")}
    assert measured["validation_loss"] > 0


def test_it_is_a_hub_directory(saved, recipe, tiny_clip):
    processor = AutoProcessor.from_pretrained(saved)
    assert type(processor).__name__ == "LlavaProcessor"
    model = LlavaForConditionalGeneration.from_pretrained(saved, dtype=torch.float32)
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": CAPTION.wordings[0]}]}
    prompt = processor.apply_chat_template([message], add_generation_prompt=True)
    assert prompt == "USER: <image>\nDescribe the picture. ASSISTANT:"
    picture = Image.new("RGB", (90, 40), "red")
    inputs = processor(images=[picture, picture], text=[prompt, prompt + " a"], padding=True, return_tensors="pt")
    assert (inputs.input_ids == model.config.image_token_id).sum(1).tolist() == [16, 16]
    assert inputs.input_ids[0, 0] == processor.tokenizer.pad_token_id  # on the left
    answers = model.generate(**inputs, max_new_tokens=3)
    assert answers.shape[1] <= inputs.input_ids.shape[1] + 3
    settings = model.generation_config
    tokenizer = processor.tokenizer
    assert (settings.eos_token_id, settings.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)
    assert not settings.do_sample
    assert model.config.vision_feature_layer == -2
    assert all(path.stat().st_size < 8_000_000 for path in saved.iterdir())


def test_the_processor_makes_the_prompt_that_was_trained_on(saved, training):
    processor = AutoProcessor.from_pretrained(saved)
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Where is this?"}]}
    prompt = processor.apply_chat_template([message], add_generation_prompt=True)
    inputs = processor(images=Image.new("RGB", (32, 32)), text=prompt, return_tensors="pt")
    assert inputs.input_ids[0].tolist() == training.tokens.prompt("Where is this?")


def test_saving_loses_half_precision_alone(saved, training):
    stored = LlavaForConditionalGeneration.from_pretrained(saved, dtype=torch.float32).state_dict()
    fresh = training.model.state_dict()
    assert stored.keys() == fresh.keys()
    assert all(torch.equal(stored[name], tensor.half().float()) for name, tensor in fresh.items())


def test_auto_tokenizer_reads_back_what_it_is_given(saved):
    tokenizer = AutoTokenizer.from_pretrained(saved)
    text = "USER: Ünïcode  漢字,\n a zebra's 12 hats! ASSISTANT: 🦓"
    assert tokenizer.decode(tokenizer(text).input_ids) == "<s>" + text
    assert tokenizer.padding_side == "left"
