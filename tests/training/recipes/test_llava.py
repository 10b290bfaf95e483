from dataclasses import replace

import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, AutoTokenizer, LlavaForConditionalGeneration

from safeclip.encoders import Encoder
from safeclip.errors import CheckpointError, ProfileError
from tests.fakes.toy_recipes import parsed, take_steps, toy_options, toy_recipe
from training.data.open_world.dialogues.dangers import unsafe
from training.data.open_world.dialogues.dialogues import Dialogue
from training.data.open_world.dialogues.phrases import caption
from training.data.open_world.dialogues.questions import CAPTION
from training.data.open_world.packed import PackedScenes, PackedSpec
from training.data.pixels import normalise
from training.engine.checkpoints import load_state, save_state
from training.models.llava import answer_states
from training.recipes.llava import LlavaRecipe, LlavaTraining, share_right


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, tiny_clip) -> LlavaRecipe:
    return parsed(tmp_path_factory.mktemp("llava"), toy_recipe("llava", tiny_clip))[1]


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> dict:
    """Folders that several trainings share, so that scenes are painted once."""
    return {"packed": tmp_path_factory.mktemp("packed"), "embeddings": tmp_path_factory.mktemp("patches")}


@pytest.fixture
def training(recipe, artwork, kept, tmp_path) -> LlavaTraining:
    return LlavaTraining(recipe, toy_options(tmp_path, artwork, **kept))


@pytest.fixture(scope="module")
def saved(recipe, artwork, kept, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    LlavaTraining(recipe, toy_options(folder, artwork, **kept)).save(folder)
    return folder


def test_an_unknown_key_is_an_error(tmp_path, tiny_clip):
    with pytest.raises(ProfileError, match="heats"):
        parsed(tmp_path, toy_recipe("llava", tiny_clip).replace("heads", "heats"))


def test_a_missing_clip_is_reported(tmp_path, artwork):
    _, recipe = parsed(tmp_path, toy_recipe("llava", tmp_path / "nowhere"))
    with pytest.raises(CheckpointError, match="the key “checkpoint” is .*nowhere"):
        LlavaTraining(recipe, toy_options(tmp_path, artwork))


def test_it_learns_from_as_many_unsafe_as_safe_scenes(training):
    harmful = [unsafe(training.trained_on.scene(int(row))) for row in training.source.states.rows]
    assert sum(harmful) == 4 and len(harmful) == 8


def test_more_scenes_than_are_packed_are_refused(recipe, artwork, kept, tmp_path):
    greedy = replace(recipe, scenes=replace(recipe.scenes, taken=recipe.scenes.packed + 2))
    with pytest.raises(ProfileError, match="“taken” needs .* packed scenes, and “packed” is"):
        LlavaTraining(greedy, toy_options(tmp_path, artwork, **kept))


def test_the_loss_of_a_turn_is_that_of_transformers_for_the_turn_alone(training, artwork):
    """From the pixels on: packed ones against those that the whole model sees."""
    scene, dialogues = training.trained_on.scene(3), training.trained_on
    turn = dialogues.dialogue(3).turns[1]
    rows = training.tokens.rows([Dialogue(scene, (turn,))])
    packed = PackedScenes.open(training.options.packed, artwork, _spec(training))
    pixels = normalise(packed.batch([3]))
    theirs = training.model(
        input_ids=rows.input_ids,
        attention_mask=torch.ones_like(rows.input_ids),
        pixel_values=pixels,
        labels=rows.labels,
    ).loss
    whole = training.tokens.rows([dialogues.dialogue(3)])
    with torch.no_grad():
        patches = training.patch_states(packed.batch([3]))
        language = training.model.model.language_model
        states = answer_states(
            training.model,
            language,
            patches,
            training.tokens.picture_at,
            whole.input_ids,
            whole.turns,
            whole.positions,
        )
        logits = training.model.lm_head(states)[0, :-1]
    labels = whole.labels[0, 1:].where(whole.turns[0, 1:] == 2, -100)
    ours = torch.nn.functional.cross_entropy(logits, labels)
    assert ours.item() == pytest.approx(theirs.item(), rel=3e-3)


def _spec(training: LlavaTraining) -> PackedSpec:
    return PackedSpec("pairs", training.recipe.scenes.packed, seed=training.recipe.scenes.seed, size=32)


def test_a_compiled_language_model_gives_the_same_losses(recipe, training, artwork, kept, tmp_path):
    other = LlavaTraining(recipe, toy_options(tmp_path / "compiled", artwork, compile="eager", **kept))
    batch = next(training.batches(2, 3))
    assert other.losses(2, batch)["token_loss"].item() == pytest.approx(training.losses(2, batch)["token_loss"].item())


def test_the_first_steps_align_the_projector_alone(training):
    before = {name: tensor.clone() for name, tensor in training.model.model.language_model.layers.state_dict().items()}
    metrics = take_steps(training, training.recipe.alignment)
    assert len(metrics) == 2 and all("patch_loss" in step for step in metrics)
    after = training.model.model.language_model.layers.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_the_vision_tower_is_clips_and_stays_so(training, tiny_clip):
    take_steps(training, 4)
    expected = Encoder.from_pretrained(tiny_clip, device="cpu").model.vision_model.state_dict()
    found = training.model.model.vision_tower.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert not any(name.startswith("model.vision_tower") for name in training.state_dict()["parts"]["model"])


def test_training_lowers_the_loss(training):
    losses = [metrics["token_loss"] for metrics in take_steps(training, 12)[training.recipe.alignment :]]
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])


def test_a_state_brings_back_the_run(training, recipe, artwork, kept, tmp_path):
    take_steps(training, 3)
    save_state(tmp_path, {"step": 1, "trainable": training.state_dict(), "complete": False})
    other = LlavaTraining(recipe, toy_options(tmp_path, artwork, **kept))
    other.load_state_dict(load_state(tmp_path)["trainable"])
    batch = next(training.batches(5, 6))
    first = training.step(5, batch, 1e-3)
    assert other.step(5, batch, 1e-3) == first
    ours, theirs = training.model.state_dict(), other.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_answers_count_when_they_are_right_word_for_word(training):
    scenes = training.watched_scenes()
    captions = [f" {caption(scene)}" for scene in scenes]
    captions[0] += " and a dog"
    assert share_right(captions, [caption(scene) for scene in scenes]) == pytest.approx(100 * 3 / 4)


def test_a_validation_measures_loss_captions_and_dangers(training):
    measured, stop = training.validate(1)
    assert not stop
    assert set(measured) == {f"validation_{name}" for name in ("loss", "captions", "danger")}
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


def test_a_second_training_goes_on_from_the_saved_model(saved, recipe, artwork, kept, tmp_path, tiny_clip):
    other = LlavaTraining(replace(recipe, start=str(saved), seed=9), toy_options(tmp_path, artwork, **kept)).model
    before = LlavaForConditionalGeneration.from_pretrained(saved, dtype=torch.float32).state_dict()
    read = {name: value for name, value in other.state_dict().items() if "vision_tower" not in name}
    assert read and all(torch.equal(value, before[name]) for name, value in read.items())
    tower = Encoder.from_pretrained(tiny_clip, device="cpu").model.vision_model.state_dict()
    assert all(torch.equal(other.model.vision_tower.state_dict()[name], value) for name, value in tower.items())


def test_there_is_something_to_go_on_from_or_an_error_says_so(saved, recipe, artwork, kept, tmp_path):
    options = toy_options(tmp_path, artwork, **kept)
    with pytest.raises(CheckpointError, match="no LLaVA to go on from"):
        LlavaTraining(replace(recipe, start=str(tmp_path / "nowhere")), options)
    wider = replace(recipe, start=str(saved), language=replace(recipe.language, intermediate=40))
    with pytest.raises(CheckpointError, match="other sizes or words"):
        LlavaTraining(wider, options)
